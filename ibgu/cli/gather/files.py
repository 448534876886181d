"""Writes gathered logs, readable for their owner only."""

import os
from pathlib import Path

from ibgu.core.drivers.ibu.gather import GatherResult

CUT = "[ibgu: older lines are left out]\n"


def write_logs(folder: Path, result: GatherResult) -> None:
    """Writes one file for each log into a new folder. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True)
    for log in result.logs:
        path = folder / log.file
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{CUT}{log.text}" if log.cut else log.text)
