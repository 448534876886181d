"""Traces that a sandbox leaves for others to find: processes, ports, folders."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path


def processes_naming(folders: Sequence[str]) -> Iterator[int]:
    """The pids of those that have one of the folders among the words of their command."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(folder in words for folder in folders):
            yield int(process.name)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def processes_with(variable: str, value: str) -> Iterator[int]:
    """The pids of those that were started with that variable, as far as one may look."""
    entry = f"{variable}={value}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if entry in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)
