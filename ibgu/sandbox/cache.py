"""The user's cache folder: what is built or fetched once and kept for the next time."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.progress import TaskProgress

UNUSED = timedelta(days=90)


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ibgu"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached folder `name`, filled by `make` if it is not there yet.

    Processes that need it at the same time wait for the first one. The folder appears whole or
    not at all: `make` fills another one, which is renamed. Whenever one is made, those of its kind
    (the name's first word) unused for `UNUSED` are removed.
    """
    done = cache_folder() / name
    if done.is_dir():
        _used(done)
        return done
    try:
        done.parent.mkdir(parents=True, exist_ok=True)
        with _alone(done.with_name(f"{name}.lock")):
            if not done.is_dir():
                _make(done, make)
                _tidy(done)
    except OSError as error:
        raise SandboxError(
            f"can't use the cache folder {done.parent}: {error}. "
            "Free some space, or set XDG_CACHE_HOME to a folder that can be written."
        ) from error
    return done


def _make(done: Path, make: Callable[[Path], None]) -> None:
    """Makes the files under the lock: what another one left half made is removed."""
    for half_made in done.parent.glob(f"{done.name}.*/"):
        shutil.rmtree(half_made, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{done.name}.", dir=done.parent))
    try:
        make(folder)
        folder.chmod(0o755)
        folder.rename(done)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> None:
    with suppress(OSError):  # a cache that others fill may be read-only
        os.utime(folder)


def _tidy(made: Path) -> None:
    """Removes what an earlier version needed; a folder's time is that of its last use."""
    for other in made.parent.glob(f"{made.name.partition('-')[0]}-*/"):
        with suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > UNUSED.total_seconds():
                shutil.rmtree(other, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with TaskProgress(f"Waiting for another process that is making {lock.stem}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
