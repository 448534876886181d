"""All files of a release, made from one commit."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.release import changelog, packages, report, sbom, versions
from tests.release.errors import ReleaseError
from tests.release.source import Source, exported
from tests.tools.binaries import tools

SUMS = "SHA256SUMS"


def release(checkout: Path, dist: Path, *, unreleased: bool = False) -> list[Path]:
    """Replaces `dist` once everything that goes into it is made, and returns its files."""
    with tempfile.TemporaryDirectory(prefix="ibgu-release-") as scratch:
        source = exported(checkout, Path(scratch) / "source")
        made = Path(scratch) / "dist"
        made.mkdir()
        version = versions.agreed(source.folder, unreleased=unreleased)
        section = changelog.UNRELEASED if unreleased else version
        _texts(source, version, section, made)
        _archives(source, made)
        (made / SUMS).write_text(sums(made))
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(made, dist)
    return sorted(dist.iterdir())


def sums(folder: Path) -> str:
    """Returns the sums as `sha256sum --check` reads them."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.name != SUMS
    )


def _texts(source: Source, version: str, section: str, made: Path) -> None:
    """First: what may not be released is known in a moment, without any build."""
    history = (source.folder / "CHANGELOG.md").read_text()
    shipped = packages.shipped(source.folder)
    direct = {str(canonicalize_name(each.name)) for each in packages.direct(source.folder)}
    texts = {
        "-notes.md": changelog.notes(history, version, section=section),
        "-licences.md": report.written(version, shipped),
        ".cdx.json": sbom.written(version, source, direct, shipped),
    }
    for suffix, text in texts.items():
        (made / f"ibgu-{version}{suffix}").write_text(text)


def _archives(source: Source, made: Path) -> None:
    run(source, [sys.executable, "-m", "hatchling", "build", "-d", str(made)])
    run(source, [str(tools().helm), "package", "charts/ibgu", "-d", str(made)])


def run(source: Source, command: Sequence[str]) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(source.at.timestamp()))}
    done = subprocess.run(
        command, cwd=source.folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = (done.stderr or done.stdout).strip()
        raise ReleaseError(f"{' '.join(command)} failed: {told}")
