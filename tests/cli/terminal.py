"""A command on a terminal of its own, and what a person types there."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from ibgu.sandbox.hub import SandboxHub

ASKS = "type the rollout's name, "
COLUMNS = 80
PATIENCE = 120.0
"""Seconds without a word after which a command is ended."""
CTRL_C = "\x03"
AGAIN = 5.0
"""Seconds without a word after which Ctrl-C is pressed again, as a person would: Python notes a
signal that comes just before it waits for a key, and acts on it after the key."""


class Shown(NamedTuple):
    exit_code: int
    screen: str


OnTerminal = Callable[..., Awaitable[Shown]]


@pytest.fixture
def on_terminal(server: str, sandbox_hub: SandboxHub) -> OnTerminal:
    """`await on_terminal("cancel", "ran-x1", types="ran-x1\\n")`; `types` once the command asks."""

    async def run(*args: str, types: str = "", user: str = "olga", **env: str) -> Shown:
        given = {
            "IBGU_SERVER": server,
            "IBGU_TOKEN": sandbox_hub.token(user),
            "KUBECONFIG": str(sandbox_hub.kubeconfig(user)),
            "TERM": "xterm",
            "PYTHONFAULTHANDLER": "1",
        }
        return await asyncio.to_thread(typed, args, given | env, types)

    return run


def typed(args: tuple[str, ...], env: dict[str, str], types: str, asks: str = ASKS) -> Shown:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "ibgu", *args],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=os.environ | env, start_new_session=True, preexec_fn=_owned,
    )  # fmt: skip
    os.close(theirs)
    screen = b""
    pressed = ""
    try:
        while part := _read(ours, process, screen, pressed):
            screen += part
            if types and asks in _words(screen):
                os.write(ours, types.encode())
                types, pressed = "", types
    finally:
        os.close(ours)
    return Shown(process.wait(), screen.decode().replace("\r\n", "\n"))


def _owned() -> None:
    """Makes the terminal the one that Ctrl-C of this process comes from, as a shell does. What runs
    in the background may have been told to ignore Ctrl-C, and would pass that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(terminal: int, process: subprocess.Popen[bytes], screen: bytes, pressed: str) -> bytes:
    """Returns what the command prints next, empty at its end; `pressed`: what a person has
    typed.

    Raises TimeoutError with what is on the screen, and where the command stands, if it waits
    for ever.
    """
    interrupted = pressed == CTRL_C and ASKS in _words(screen.rpartition(b"\n")[2])
    pause = AGAIN if interrupted else PATIENCE
    for _ in range(round(PATIENCE / pause)):
        if select.select([terminal], [], [], pause)[0]:
            return _rest(terminal)
        if interrupted:
            os.write(terminal, CTRL_C.encode())
    process.send_signal(signal.SIGABRT)
    process.wait()
    screen += _rest(terminal)
    raise TimeoutError(f"{process.args!r} waits for ever: {screen.decode(errors='replace')}")


def _words(screen: bytes) -> str:
    """Returns the text without the ends of the terminal's lines."""
    return " ".join(screen.decode(errors="replace").split())


def _rest(terminal: int) -> bytes:
    """Returns what is there to read; empty when the last process has left the terminal, which Linux
    tells by an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
