"""Temporary files in memory: the data of servers, made and thrown away by the hundred.

On a disk most of the time goes by for that. Before ext4 takes an inode it looks at all that were
freed within the last seconds, and each of the tests' databases frees four hundred.
"""

import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path("/dev/shm")
NEEDED = 4 * 2**30
"""Bytes; a container has 64 MiB unless told otherwise."""


def keep_in_memory() -> None:
    """Keeps files in memory for this process and those that it starts. A TMPDIR that someone has
    set is kept."""
    if "TMPDIR" in os.environ or not _usable():
        return
    os.environ["TMPDIR"] = str(FOLDER)
    tempfile.tempdir = None  # to be looked up again


def _usable() -> bool:
    return os.access(FOLDER, os.W_OK | os.X_OK) and shutil.disk_usage(FOLDER).free >= NEEDED
