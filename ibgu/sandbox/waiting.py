"""Waiting for a server that is starting."""

import time
from collections.abc import Callable

from ibgu.sandbox.errors import SandboxError


def wait_until(ready: Callable[[], bool], what: str, check: Callable[[], None]) -> None:
    """Poll `ready` for up to a minute; `check` raises as soon as waiting has become pointless."""
    deadline = time.monotonic() + 60
    while not ready():
        check()
        if time.monotonic() > deadline:
            raise SandboxError(f"{what} was not ready within 60 s")
        time.sleep(0.03)
