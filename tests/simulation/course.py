"""Keeps what was so in the course of a simulation, and when."""

from collections.abc import Iterator
from typing import Generic, TypeVar

FOREVER = float("inf")
Span = tuple[float, float]
"""The begin and the end, in the loop's time."""
_Value = TypeVar("_Value")


class Course(Generic[_Value]):
    """Course is what was so since when."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[_Value] = []

    def note(self, at: float, value: _Value) -> None:
        if not self._values or self._values[-1] != value:
            self._times.append(at)
            self._values.append(value)

    def spells(self, span: Span = (0.0, FOREVER)) -> Iterator[tuple[Span, _Value]]:
        """Yields what was so in the span, with the times of each, whole."""
        ends = [*self._times[1:], FOREVER]
        for begin, end, value in zip(self._times, ends, self._values, strict=False):
            if begin <= span[1] and end >= span[0]:
                yield (begin, end), value

    def values(self, span: Span) -> set[_Value]:
        return {value for _, value in self.spells(span)}
