"""Remembers since when canaries are well again that ibgu has seen as not well (R50.11)."""

from datetime import datetime

MAX_BREAKS = 10_000
"""The most canaries that are remembered."""


class CanaryBreaks:
    """CanaryBreaks has them by policy and ManagedCluster, in memory. Clusters date their conditions
    themselves, and the clock of one that has just restarted may be behind."""

    def __init__(self) -> None:
        self._well_again: dict[tuple[str, str], datetime | None] = {}
        """None: it is not well again."""

    def note(self, policy: str, uid: str, now: datetime, *, well: bool) -> None:
        """Notes how the ManagedCluster shows the canary now."""
        key = (policy, uid)
        if not well:
            if len(self._well_again) >= MAX_BREAKS:
                self._well_again.clear()
            self._well_again[key] = None
        elif key in self._well_again and self._well_again[key] is None:
            self._well_again[key] = now

    def well_again(self, policy: str, uid: str) -> datetime | None:
        """Returns when the canary was first seen as well after its last break; None: no break was
        seen, or it goes on."""
        return self._well_again.get((policy, uid))
