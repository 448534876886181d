"""The controller as a process of its own, with what it took."""

import compileall
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

import ibgu


class Usage(Struct, frozen=True):
    cpu: float
    """Seconds, user and system."""
    peak: int
    """Bytes of resident memory."""


class Process:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._proc = Path(f"/proc/{pid}")

    def end(self) -> None:
        """Ends the process as a rollout of a new version does: it answers what it has begun, and
        goes."""
        os.kill(self._pid, signal.SIGTERM)

    @property
    def alive(self) -> bool:
        """One that has ended is a zombie, or nothing at all."""
        try:
            return self._stat()[0] != "Z"
        except FileNotFoundError:
            return False

    def _stat(self) -> list[str]:
        """Returns what follows the command in /proc/<pid>/stat: the state comes first."""
        return (self._proc / "stat").read_text().rsplit(")", 1)[1].split()

    def usage(self) -> Usage:
        fields = self._stat()
        ticks = int(fields[11]) + int(fields[12])
        status = (self._proc / "status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024)


class Machine:
    """The machine as a whole: how busy it was since this was made."""

    def __init__(self) -> None:
        self._before = _ticks()

    def idle(self) -> float:
        """Share of all cores' time in which they had nothing to do."""
        spent = [now - then for now, then in zip(_ticks(), self._before, strict=True)]
        return spent[_IDLE] / sum(spent)


_IDLE = 3
"""The column in the first line of /proc/stat, its name left out."""


def _ticks() -> list[int]:
    return [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]


def environment_of(kubeconfig: Path, database_url: str, listen: str, **more: str) -> dict[str, str]:
    return {
        "KUBECONFIG": str(kubeconfig),
        "DATABASE_URL": database_url,
        "IBGU_LISTEN": listen,
        "IBGU_LOG_LEVEL": "warning",
        **more,
    }


def start(environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """`ibgu controller --migrate`; `log` is appended to."""
    return _start(["controller", "--migrate"], environment, log)


def _start(command: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """Compiled, as an installed one is, and in a session of its own, as a service is: where there
    is too little of the cores Linux shares them by session (`sched_autogroup`). In that of the
    benchmark it would wait for its turn behind the fleet, which never has enough."""
    compileall.compile_dir(Path(ibgu.__path__[0]), quiet=1)
    with log.open("a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "ibgu", *command],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextmanager
def controller(environment: dict[str, str], log: Path) -> Iterator[Process]:
    """`start`, ended by SIGTERM."""
    with _until_the_end(start(environment, log)) as process:
        yield process


@contextmanager
def served(environment: dict[str, str], log: Path) -> Iterator[Process]:
    """`ibgu api`, ended by SIGTERM."""
    with _until_the_end(_start(["api"], environment, log)) as process:
        yield process


@contextmanager
def _until_the_end(running: "subprocess.Popen[bytes]") -> Iterator[Process]:
    try:
        yield Process(running.pid)
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()
