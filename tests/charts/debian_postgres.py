"""Debian's Postgres, a server with TLS: the sandbox's own has none."""

import os
import pwd
from pathlib import Path

from tests.neighbours.programs import lack

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def binaries() -> Path:
    """Returns the folder of the newest version's programs; skips the test where there is none, or
    fails it where nothing may be skipped."""
    if not _BINARIES:
        lack("Debian's Postgres is not installed: make packages")
    return _BINARIES[-1]


def server_user() -> int | None:
    """Returns the uid to become: Postgres refuses to run as root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
