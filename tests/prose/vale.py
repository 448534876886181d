"""Runs Vale, the style checker: from the cache, else built into it once."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ibgu.sandbox import golang
from ibgu.sandbox.cache import made_once
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.progress import TaskProgress
from tests.prose.texts import prose

ROOT = Path(__file__).parents[2]
MODULE = Path(__file__).with_name("gomod")
PACKAGE = "github.com/vale-cli/vale/v3/cmd/vale"


class Finding(NamedTuple):
    path: Path
    line: int
    rule: str
    message: str


def findings(paths: Iterable[Path], config: Path = ROOT / ".vale.ini") -> list[Finding]:
    """Returns what the rules of `config` find in the prose of files of the repository."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        numbers: dict[Path, list[int]] = {}
        for path in paths:
            lines = prose(path)
            text = path.relative_to(ROOT)
            text = text if text.suffix == ".md" else text.with_name(f"{text.name}.md")
            (folder / text).parent.mkdir(parents=True, exist_ok=True)
            (folder / text).write_text("".join(f"{line.text}\n" for line in lines))
            numbers[text] = [line.number for line in lines]
        return sorted(_found(folder, numbers, config))


def _found(folder: Path, numbers: dict[Path, list[int]], config: Path) -> Iterator[Finding]:
    done = subprocess.run(
        [vale(), "--config", config, "--no-exit", "--output", "JSON", "."],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"vale can't check: {done.stderr or done.stdout}")
    for text, alerts in json.loads(done.stdout).items():
        path = ROOT / text
        source = path if path.exists() else path.with_suffix("")
        for alert in alerts:
            line = numbers[Path(text)][alert["Line"] - 1]
            yield Finding(source, line, alert["Check"], alert["Message"])


def vale() -> Path:
    """Finds Vale, or builds it (a minute on 2 cores, with progress on standard error)."""
    return made_once(f"vale-{_digest()}", _build) / "vale"


def _digest() -> str:
    """Changes with every version of everything that is built, and with the machine's kind."""
    digest = hashlib.sha256(f"{sys.platform}/{platform.machine()}".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path) -> None:
    if not shutil.which("cc"):
        raise SandboxError("the style checker is built with a C compiler: apt-get install gcc")
    with TaskProgress("vale, for the style of the docs") as progress:

        def show(line: str) -> None:
            progress.detail = line

        flags = ["-trimpath", "-ldflags", "-s -w"]
        arguments = ["build", "-v", *flags, "-o", str(folder / "vale"), PACKAGE]
        golang.run(arguments, show, module=MODULE, cgo=True)
