"""Distributions over the runs of a rehearsal."""

from collections.abc import Iterable

from msgspec import Struct


class Percentiles(Struct, frozen=True):
    """Percentiles is a distribution over the runs: nine of ten are between its ends."""

    p5: float
    p50: float
    p95: float


NONE = Percentiles(0.0, 0.0, 0.0)


def spread(values: Iterable[float]) -> Percentiles:
    ordered = sorted(values)

    def quantile(share: float) -> float:
        return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])

    return Percentiles(quantile(0.05), quantile(0.50), quantile(0.95))


def thinned(values: Iterable[float], most: int) -> tuple[float, ...]:
    """Returns at most so many of the values, in order and at equal shares."""
    ordered = sorted(values)
    count = min(most, len(ordered))
    return tuple(float(ordered[place * len(ordered) // count]) for place in range(count))
