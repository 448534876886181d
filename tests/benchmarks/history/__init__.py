"""A hub with years of history, made by COPY: as many events as are wanted, and what they are of."""

from tests.benchmarks.history.fill import fill
from tests.benchmarks.history.plan import HUB, Course, History, history
from tests.benchmarks.history.running import RunningMembers

__all__ = ["HUB", "Course", "History", "RunningMembers", "fill", "history"]
