"""The circuit breaker of a rehearsed step (R19.1), which counts as it goes."""

from enum import IntEnum, auto


class FailureKind(IntEnum):
    """FailureKind is why an Upgrade or Rollback failed. What is drawn as a failure has one cause:
    the same bad seed, which is what the circuit breaker is for."""

    NONE = auto()
    FAILED = auto()
    TIME_OVER = auto()


class Breaker:
    """Breaker is engaged when the first ends have all been failures, or as many in a row had one
    cause."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        """How many engage it."""
        self._ends: list[tuple[int, FailureKind]] = []
        """Cluster and cause, in order of end."""
        self.engaged = False

    def count(self, cluster: int, cause: FailureKind) -> None:
        self._ends.append((cluster, cause))
        self._judge()

    def completed_late(self, cluster: int) -> None:
        """Takes back that the cluster's time was over. Nothing starts because of what completes
        late (R15.2), so it is no success either."""
        self._ends.remove((cluster, FailureKind.TIME_OVER))
        self._judge()

    def _judge(self) -> None:
        self.engaged = self._first_failed() or self._streak()

    def _first_failed(self) -> bool:
        first = self._ends[: self.failures]
        return len(first) == self.failures and all(cause != FailureKind.NONE for _, cause in first)

    def _streak(self) -> bool:
        last = self._ends[-self.failures :]
        if len(last) < self.failures or last[-1][1] is FailureKind.NONE:
            return False
        return all(cause is last[-1][1] for _, cause in reversed(last))
