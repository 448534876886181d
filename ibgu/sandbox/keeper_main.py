"""The keeper: a process that owns the servers of one sandbox and ends them with its caller.

It starts children on request, and stops them in reverse order when asked, when the caller's end
of the pipe closes, or when the caller is gone by kill -9. Servers get a signal of their own should
the keeper itself be killed. It is run as a script by `keeper`, with the standard library alone,
so that it is up in a few milliseconds and has one thread (which makes `preexec_fn` safe).

One JSON object a line: {"op": "start" | "stop" | "kill" | "poll", "name": ...} in, {...} or
{"error": ...} out.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1
_CALLER_CHECK = 0.5  # seconds between looks whether the caller still lives


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    stop_signal: int
    grace: float
    """Seconds between the stop signal and SIGKILL."""

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self) -> int:
        self.process.kill()
        return self.process.wait()


class Servers:
    def __init__(self, death_signal_with: Callable[[int], Callable[[], None] | None]) -> None:
        self._running: dict[str, Server] = {}
        self._death_signal_with = death_signal_with

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.pop("op"):
            case "start":
                return {"pid": self.start(**request)}
            case "stop":
                server = self._running.pop(request["name"], None)
                return {"exit": server.stop() if server else None}
            case "kill":
                server = self._running.pop(request["name"], None)
                return {"exit": server.kill() if server else None}
            case "poll":
                server = self._running.get(request["name"])
                return {"exit": server.process.poll() if server else -1}
            case other:
                raise ValueError(f"unknown request {other!r}")

    def start(
        self,
        name: str,
        argv: list[str],
        log: str,
        stop_signal: int,
        death_signal: int,
        grace: float,
        user: int | None,
        environment: dict[str, str],
    ) -> int:
        with open(log, "ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                env={**os.environ, **environment},
                preexec_fn=self._death_signal_with(death_signal),
            )
        self._running[name] = Server(process, stop_signal, grace)
        return process.pid

    def stop_all(self) -> None:
        for name in reversed(list(self._running)):
            self._running.pop(name).stop()


def linux_death_signal(sig: int) -> Callable[[], None] | None:
    """A hook for the new child: the kernel sends it `sig` when the keeper dies."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    keeper = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, sig)
        if os.getppid() != keeper:  # it died between fork and prctl
            os._exit(1)

    return ask


def lines_while(caller: int) -> Iterator[bytes]:
    """The requests on standard input, until it closes or the caller is gone."""
    pending = b""
    while os.getppid() == caller:
        if not select.select([0], [], [], _CALLER_CHECK)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines


def serve(servers: Servers, caller: int) -> None:
    for line in lines_while(caller):
        try:
            reply = servers.answer(json.loads(line))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reply = {"error": str(error)}
        os.write(1, json.dumps(reply).encode() + b"\n")


def main(caller: int, folder: str) -> None:
    """Serve the process `caller`; at the end remove `folder`, unless it is the empty string."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    servers = Servers(linux_death_signal)
    try:
        with suppress(BrokenPipeError):
            serve(servers, caller)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        servers.stop_all()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
