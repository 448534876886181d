"""A hub with years of history, made by COPY: as many events as are wanted, and what they are of."""

from tests.benchmarks.history.fill import fill
from tests.benchmarks.history.going import Going
from tests.benchmarks.history.plan import HUB, Course, History, history

__all__ = ["HUB", "Course", "Going", "History", "fill", "history"]
