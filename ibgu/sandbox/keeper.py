"""The caller's end of the keeper: servers that can't outlive the process that asked for them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from ibgu.sandbox.errors import SandboxError

_SCRIPT = Path(__file__).with_name("keeper_main.py")
_LOG_TAIL = 15  # lines


class Keeper:
    """Owns the servers of one sandbox; see `keeper_main` for what happens when someone dies."""

    def __init__(self, folder: Path, *, remove_folder: bool) -> None:
        """`folder` takes the servers' logs, and is removed at the end if `remove_folder`."""
        self._folder = folder
        self._remove_folder = remove_folder
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(_SCRIPT)),
                *(str(os.getpid()), str(folder) if remove_folder else ""),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def start(
        self,
        name: str,
        argv: list[str],
        *,
        user: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        grace: float = 3.0,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> int:
        """Start a server as the numeric `user` (None: the caller's own) and return its pid.

        `environment`: variables beside, and over, the caller's.
        """
        reply = self._ask(
            op="start",
            name=name,
            argv=argv,
            log=str(self.log(name)),
            user=user,
            stop_signal=stop_signal,
            death_signal=death_signal,
            grace=grace,
            environment=dict(environment),
        )
        return int(reply["pid"])

    def stop(self, name: str) -> None:
        self._ask(op="stop", name=name)

    def kill(self, name: str) -> None:
        """Kills the process with SIGKILL: it puts nothing in order."""
        self._ask(op="kill", name=name)

    def check(self, name: str) -> None:
        """Raise with the end of the server's log if it is no longer running."""
        code = self._ask(op="poll", name=name)["exit"]
        if code is not None:
            raise SandboxError(f"{name} ended with code {code}; its last words:\n{self.tail(name)}")

    def tail(self, name: str) -> str:
        try:
            lines = self.log(name).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return "\n".join(lines[-_LOG_TAIL:]) or "(nothing)"

    def close(self) -> None:
        """Stop every server, the last started first, and wait until the keeper is gone."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            killed = self._process.wait() != 0
            self._process.stdout.close()
        if killed and self._remove_folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except (BrokenPipeError, ValueError):
                line = b""
        reply = json.loads(line) if line else {"error": "the keeper of the sandbox is gone"}
        if "error" in reply:
            raise SandboxError(f"{request['name']}: could not {request['op']}: {reply['error']}")
        return dict(reply)
