"""Canaries that were well and are reported as not well, and since when (R50.19)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.state.health_observations import VALID
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


class _Break(Struct, frozen=True):
    since: datetime
    as_of: datetime
    """When the canary was reported last as not well."""


class BrokenCanaries:
    """BrokenCanaries knows since when each canary is reported as not well without a break. It is
    kept in memory: a restart, or anything that is not known in between, begins again."""

    def __init__(self) -> None:
        self._breaks: dict[tuple[str, int, str], _Break] = {}

    def broken_for(
        self, step: tuple[str, int], report: CanaryReport, known_since: datetime, now: datetime
    ) -> timedelta | None:
        """Returns for how long the canary was reported as not well; None: it is not.

        `known_since`: since when what the hub shows is complete."""
        key = (*step, report.member.uid)
        if not report.broken:
            self._breaks.pop(key, None)
            return None
        if len(self._breaks) >= MAX_BROKEN:
            self._breaks.clear()
        as_of = now if report.as_of is None else report.as_of
        before = self._breaks.get(key)
        silent = before is not None and report.as_of is not None and as_of - before.as_of > VALID
        begun = as_of if before is None or silent else before.since
        self._breaks[key] = _Break(begun, as_of)
        return max(as_of - max(begun, known_since), timedelta())

    def forget(self, step: tuple[str, int], besides: Collection[str] = ()) -> None:
        """Forgets the breaks of canaries in the step that nobody looks at now. `besides`: the uids
        of those that somebody looks at."""
        gone = [key for key in self._breaks if key[:2] == step and key[2] not in besides]
        for key in gone:
            del self._breaks[key]
