"""Finds what needs a person in rollouts."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ibgu.api.rollouts.mapping import rollback_body
from ibgu.api.rollouts.overdue import hold_overdue, overdue_in
from ibgu.api.rollouts.schemas import NeedsPersonBody, RollbackDeadlineBody
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActingParty, Reason, Rollout, RolloutState, Step
from ibgu.core.views.display import startable
from ibgu.core.views.policy_words import policy_of
from ibgu.core.views.status import hold_of, kept_by
from ibgu.db.views import ReasonRow, RolloutRow

_SOON = timedelta(days=3)
"""The time in which the alert IbguRollbackDeadline fires, too."""


def needs_of(
    rows: Iterable[RolloutRow], duration_stats: DurationsByAction
) -> list[NeedsPersonBody]:
    """Returns what needs a person, longest waiting first, without deleted rollouts."""
    present = (row for row in rows if row.rollout.state is not RolloutState.DELETED)
    needs = [need for row in present for need in _needs(row, duration_stats)]
    return sorted(needs, key=lambda need: need.since)


def deadlines_of(rows: Iterable[RolloutRow]) -> list[RollbackDeadlineBody]:
    """Returns the rollouts whose first rollback deadline comes soon, the first one first."""
    found = [
        RollbackDeadlineBody(
            namespace=row.rollout.namespace,
            name=row.rollout.name,
            clusters=back.clusters,
            until=back.until,
        )
        for row in rows
        if (back := rollback_body(row)) is not None and back.until - row.now < _SOON
    ]
    return sorted(found, key=lambda each: each.until)


def newest_step(row: RolloutRow) -> Step | None:
    return row.current.step if row.current else None


def _needs(row: RolloutRow, duration_stats: DurationsByAction) -> Iterator[NeedsPersonBody]:
    """Yields the rollout's hold, and what keeps single members of it."""
    hold = hold_of(row.rollout, newest_step(row))
    if hold is not None and (hold.who is ActingParty.PERSON or hold_overdue(hold, row.now)):
        yield _need(row.rollout, hold, 0, overdue=hold.who is not ActingParty.PERSON)
    kept = kept_by(row.rollout, newest_step(row))
    for reason in row.current.reasons if row.current else ():
        if _of_hold(reason, kept):
            continue
        if reason.who is ActingParty.PERSON:
            yield _need(row.rollout, reason, reason.count, overdue=False)
        elif row.current and (late := overdue_in(row.current, reason, duration_stats)):
            yield _need(row.rollout, reason, late, overdue=True)


def _of_hold(reason: ReasonRow, hold: Reason | None) -> bool:
    return hold is not None and (reason.kind is hold.kind or startable(reason.state, reason.kind))


def _need(
    rollout: Rollout, reason: Reason | ReasonRow, members: int, *, overdue: bool
) -> NeedsPersonBody:
    return NeedsPersonBody(
        namespace=rollout.namespace,
        name=rollout.name,
        kind=reason.kind,
        policy=policy_of(reason.gate) or None,
        since=reason.since,
        message=reason.message,
        members=members,
        overdue=overdue,
    )
