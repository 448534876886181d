"""The runs of a comparison, which may be of several days."""

from pathlib import Path

from msgspec import json

from tests.benchmarks.peer.figures import Figures, Measurements


class Measured:
    """Measured has the runs of every row by both, and keeps them in a file, if there is one."""

    def __init__(self, into: Path | None = None) -> None:
        """Begins with the runs that the file has. Raises msgspec.DecodeError if it is another
        file."""
        self._into = into
        kept = into.read_bytes() if into is not None and into.exists() else b"{}"
        self._runs = json.decode(kept, type=dict[str, dict[str, list[Figures]]])

    @property
    def runs(self) -> Measurements:
        return {(row, who): found for row, by in self._runs.items() for who, found in by.items()}

    def add(self, row: str, who: str, found: Figures) -> None:
        """Keeps the run at once: the next one may fail. `row`: its description."""
        self._runs.setdefault(row, {}).setdefault(who, []).append(found)
        if self._into is not None:
            self._into.write_bytes(json.format(json.encode(self._runs)))
