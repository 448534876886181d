"""Finds members whose action or reason lasts longer than usual here."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActingParty, MemberState, Reason, ReasonKind
from ibgu.core.views.forecast import stalled
from ibgu.core.views.overdue import Overdue, overdue
from ibgu.db.views import FlightRow, ReasonRow, StepRow

CACHED = 16
"""The most steps for which something is cached: reads share the row of a large step for three
seconds, and all other rows are new in each request."""
_ReasonKey = tuple[ReasonKind, ActingParty, str]
"""What reasons are counted by: kind, who must act, and the gate of a policy."""


class LateFlights(Struct, frozen=True):
    """LateFlights names the clusters in flight of a step that are late."""

    stalled: frozenset[str]
    """Those whose action lasts longer than usual."""
    overdue: frozenset[str]
    """Those whose reason lasts longer than usual."""
    reasons: Mapping[_ReasonKey, int]
    """How many of the overdue ones have each reason."""


_NOBODY = LateFlights(frozenset(), frozenset(), {})


class RowAndDurations:
    """RowAndDurations compares by identity: reads share the rows of large steps, and a comparison
    by value would cost as much as what is cached for it."""

    __slots__ = ("duration_stats", "row")

    def __init__(self, row: StepRow, duration_stats: DurationsByAction) -> None:
        self.row = row
        self.duration_stats = duration_stats

    def __hash__(self) -> int:
        return hash((self.row.step.key, self.row.now))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RowAndDurations):
            return False
        return self.row is other.row and self.duration_stats is other.duration_stats


def late_flights(row: StepRow, duration_stats: DurationsByAction) -> LateFlights:
    return _late(RowAndDurations(row, duration_stats)) if row.flights else _NOBODY


@lru_cache(CACHED)
def _late(asked: RowAndDurations) -> LateFlights:
    row, duration_stats = asked.row, asked.duration_stats
    late = overdue_among(row.flights, row.now, duration_stats)
    found = Counter(
        (each.kind, each.who, each.gate) for each in row.flights if each.cluster in late
    )
    return LateFlights(stalled_among(row.flights, row.now, duration_stats), late, found)


def stalled_among(
    flights: Iterable[FlightRow], now: datetime, duration_stats: DurationsByAction
) -> frozenset[str]:
    """Returns the names of clusters whose action lasts longer than usual."""
    return frozenset(
        each.cluster for each in flights if stalled(each.action, each.began, now, duration_stats)
    )


def _overdue(each: FlightRow, now: datetime, duration_stats: DurationsByAction) -> bool:
    found = overdue(each.kind, each.since, each.cluster, now, duration_stats, each.attempt)
    return found is not None


def overdue_among(
    flights: Iterable[FlightRow], now: datetime, duration_stats: DurationsByAction
) -> frozenset[str]:
    """Returns the names of clusters in flight whose reason lasts longer than usual."""
    return frozenset(each.cluster for each in flights if _overdue(each, now, duration_stats))


def hold_overdue(hold: Reason | None, now: datetime) -> Overdue | None:
    """Returns since when the hold of a step or rollout is overdue; its usual duration is not
    measured."""
    return overdue(hold.kind, hold.since, "", now, {}) if hold else None


def overdue_in(row: StepRow, own: ReasonRow, duration_stats: DurationsByAction) -> int:
    """Returns how many members have had this reason of their own for longer than usual."""
    if own.state is MemberState.WAITING:
        return own.overdue
    return late_flights(row, duration_stats).reasons.get((own.kind, own.who, own.gate), 0)
