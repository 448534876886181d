"""Collects the logs that `ibgu gather` has written."""

from collections.abc import Iterator
from pathlib import Path

from ibgu.cli.collect.bundle import Bundle

FOLDER = "gathered"
MAX_FILES = 5_000
MAX_BYTES = 64 * 1024 * 1024
"""The largest file; those of `ibgu gather` are smaller."""
_SUFFIXES = (".log", ".txt")


def from_gather(bundle: Bundle, folder: Path) -> None:
    """Collects the logs below the folder, redacted like everything else. Archives, which can't be
    redacted, and what a link leads to are left out and named."""
    for number, path in enumerate(_files(folder)):
        name = f"{FOLDER}/{path.relative_to(folder).as_posix()}"
        if number >= MAX_FILES:
            bundle.failed(FOLDER, f"only the first {MAX_FILES} files are packed")
            return
        try:
            if why := _left_out(path):
                bundle.failed(name, why)
            else:
                bundle.write(name, path.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            bundle.failed(name, error.strerror or str(error))


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def _left_out(path: Path) -> str:
    if path.is_symlink():
        return "is a link"
    if path.suffix not in _SUFFIXES:
        return "isn't a log, and can't be redacted"
    size = path.stat().st_size
    return f"has {size} bytes, more than {MAX_BYTES}" if size > MAX_BYTES else ""
