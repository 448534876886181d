"""Waiting for a server that is starting."""

import time
from collections.abc import Callable

from ibgu.sandbox.errors import SandboxError

PATIENCE = 180
"""Seconds: two cores that also run tests start a server of Python in a minute and more."""


def wait_until(ready: Callable[[], bool], what: str, check: Callable[[], None]) -> None:
    """Poll `ready` for up to PATIENCE; `check` raises as soon as waiting has become pointless."""
    deadline, pause = time.monotonic() + PATIENCE, 0.03
    while not ready():
        check()
        if time.monotonic() > deadline:
            raise SandboxError(f"{what} was not ready within {PATIENCE} s")
        time.sleep(pause)
        pause = min(1.2 * pause, 0.25)
