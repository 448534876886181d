"""Reads the addresses of `--upload`. They are secrets: no message has one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ibgu.cli.content.files import text_of
from ibgu.cli.errors import MISUSED, fail

if TYPE_CHECKING:
    from ibgu.core.drivers.ibu.gather.upload import Upload


def read_uploads(given: str) -> "Mapping[str, Upload] | None":
    """Returns the addresses of the file; None: `given` is none. Ends the command on a wrong
    line."""
    from ibgu.core.drivers.ibu.gather.upload import listed_uploads

    if not given.startswith("@"):
        return None
    try:
        return listed_uploads(text_of(Path(given[1:])))
    except ValueError as error:
        fail(f"{given[1:]}: {error}", MISUSED)


def upload_targets(
    given: str, listed: "Mapping[str, Upload] | None", clusters: list[str]
) -> "Mapping[str, Upload]":
    """Returns the address of each cluster that has one; ends the command on a wrong address."""
    from ibgu.core.drivers.ibu.gather.upload import uploads

    if listed is not None or not given:
        return listed or {}
    try:
        return uploads(given, clusters)
    except ValueError as error:
        fail(f"--upload: {error}", MISUSED)
