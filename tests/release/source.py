"""The source of a release: the files of one commit, whatever else lies in the checkout."""

import subprocess
import tarfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from tests.release.errors import ReleaseError


class Source(NamedTuple):
    folder: Path
    commit: str
    at: datetime
    """When it was committed: the one time that any file of the release tells."""


def exported(checkout: Path, folder: Path) -> Source:
    """The files of HEAD in `folder`, all of them as old as the commit."""
    commit = _git(checkout, "rev-parse", "HEAD").decode().strip()
    seconds = int(_git(checkout, "log", "-1", "--format=%ct", commit))
    with tarfile.open(fileobj=BytesIO(_git(checkout, "archive", commit))) as archive:
        # As an argument Python has it since 3.11.4, which is newer than Debian 12's.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return Source(folder, commit, datetime.fromtimestamp(seconds, UTC))


def changed(checkout: Path) -> list[str]:
    """Files that differ from the commit, so that what they hold would be missed."""
    return _git(checkout, "status", "--porcelain").decode().splitlines()


def _git(checkout: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", checkout, *arguments], capture_output=True, check=True)
    except FileNotFoundError as error:
        raise ReleaseError("git is not installed: a release is made from a commit") from error
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip()
        raise ReleaseError(f"git {arguments[0]} failed in {checkout}: {told}") from error
    return done.stdout
