"""Measures how seconds spread: as Postgres' percentile_cont does for GET /durations."""

from array import array
from collections.abc import Iterable


class DurationSpread:
    """DurationSpread collects seconds, eight bytes each."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._seconds = array("d", seconds)
        self._sorted = False

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)
        self._sorted = False

    def merged(self, other: "DurationSpread") -> "DurationSpread":
        return DurationSpread((*self._seconds, *other._seconds))

    def __len__(self) -> int:
        return len(self._seconds)

    @property
    def p50(self) -> float:
        return self._at(0.5)

    @property
    def p95(self) -> float:
        return self._at(0.95)

    @property
    def max(self) -> float:
        return self._at(1.0)

    def bins(self, number: int) -> list[int]:
        """Returns how many are in each of `number` intervals of equal length from 0 to the
        largest."""
        counts = [0] * number
        longest = self.max or 1.0
        for each in self._seconds:
            counts[min(number - 1, int(each / longest * number))] += 1
        return counts

    def _at(self, share: float) -> float:
        """Returns the percentile, interpolated between neighbours. Raises IndexError if empty."""
        if not self._sorted:
            self._seconds = array("d", sorted(self._seconds))
            self._sorted = True
        place = share * (len(self._seconds) - 1)
        low = int(place)
        high = min(low + 1, len(self._seconds) - 1)
        below, above = self._seconds[low], self._seconds[high]
        return below + (above - below) * (place - low)
