"""Finds members whose action or reason lasts longer than usual here."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import MemberState, Reason
from ibgu.core.views.forecast import stalled
from ibgu.core.views.overdue import Overdue, overdue
from ibgu.db.views import FlightRow, ReasonRow, StepRow


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


def stuck_among(row: StepRow, duration_stats: DurationsByAction) -> frozenset[str]:
    """Returns the names of clusters in flight whose action or reason lasts longer than usual."""
    late = overdue_among(row.flights, row.now, duration_stats)
    return stalled_among(row.flights, row.now, duration_stats) | late


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
    alike = (each for each in row.flights if each.kind is own.kind)
    return sum(_overdue(each, row.now, duration_stats) for each in alike)
