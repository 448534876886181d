"""Canaries that were well and are reported as not well, and since when (R50.19)."""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.model import ClusterView, Finished

MAX_BROKEN = 10_000
"""The most canaries whose break is kept."""


class CanaryReport(Struct, frozen=True):
    """CanaryReport is what is known of one canary that has succeeded. It may be neither well nor
    broken: the hub can't reach it, or a source of its health is away."""

    member: Finished
    cluster: ClusterView
    well: bool = False
    broken: str = ""
    """What reports that it is not well, in words; empty: nothing does."""
    as_of: datetime | None = None
    """When that was reported last; None: now."""


class BrokenCanaries:
    """BrokenCanaries knows since when each canary is reported as not well without a break. It is
    kept in memory: a restart, or anything that is not known in between, begins again."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, int, str], datetime] = {}

    def broken_for(
        self, step: tuple[str, int], report: CanaryReport, known_since: datetime, now: datetime
    ) -> timedelta | None:
        """Returns for how long the canary was reported as not well; None: it is not.

        `known_since`: since when what the hub shows is complete."""
        key = (*step, report.member.uid)
        if not report.broken:
            self._since.pop(key, None)
            return None
        if len(self._since) >= MAX_BROKEN:
            self._since.clear()
        as_of = now if report.as_of is None else report.as_of
        since = max(self._since.setdefault(key, as_of), known_since)
        return max(as_of - since, timedelta())
