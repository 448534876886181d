"""Maps all rollouts to one summary."""

from collections import Counter
from collections.abc import Iterable, Iterator

from ibgu.api.rollouts.mapping import stalled_in
from ibgu.api.rollouts.overdue import hold_overdue, overdue_in
from ibgu.api.summary.schemas import NeedsPersonBody, SummaryBody
from ibgu.core.engine.display import Word, startable, word
from ibgu.core.engine.durations import DurationsByAction
from ibgu.core.model import MemberState, Reason, Rollout, RolloutState, Step, Who
from ibgu.core.views.status import Phase, hold_of, kept_by, phase_of
from ibgu.db.views import HubOverview, ReasonRow, RolloutRow

_PHASES = tuple(phase for phase in Phase if phase is not Phase.DELETED)


def summary_body(found: HubOverview, duration_stats: DurationsByAction) -> SummaryBody:
    phases = Counter(phase_of(row.rollout, _step(row), row.counts) for row in found.rollouts)
    members = _members(found)
    return SummaryBody(
        rollouts={phase: phases[phase] for phase in _PHASES},
        members={each: members[each] for each in Word},
        failed=sum(row.counts.failed for row in found.rollouts),
        stalled=sum(
            stalled_in(row.current, duration_stats) for row in found.rollouts if row.current
        ),
        needs_person=needs_of(found.rollouts, duration_stats),
        now=found.now,
    )


def needs_of(
    rows: Iterable[RolloutRow], duration_stats: DurationsByAction
) -> list[NeedsPersonBody]:
    """Returns what needs a person, longest waiting first, without deleted rollouts."""
    present = (row for row in rows if row.rollout.state is not RolloutState.DELETED)
    needs = [need for row in present for need in _needs(row, duration_stats)]
    return sorted(needs, key=lambda need: need.since)


def _step(row: RolloutRow) -> Step | None:
    return row.current.step if row.current else None


def _members(found: HubOverview) -> Counter[Word]:
    counts: Counter[Word] = Counter()
    for end in found.ends:
        ended = (end.outcome, end.cause, end.late)
        counts[word(MemberState.FINISHED, None, *ended, held=False)] += end.count
    for row in found.rollouts:
        held = hold_of(row.rollout, _step(row)) is not None
        for reason in row.current.reasons if row.current else ():
            counts[word(reason.state, reason.kind, None, None, held=held)] += reason.count
    return counts


def _needs(row: RolloutRow, duration_stats: DurationsByAction) -> Iterator[NeedsPersonBody]:
    """Yields the rollout's hold, and what keeps single members of it."""
    hold = hold_of(row.rollout, _step(row))
    if hold is not None and (hold.who is Who.PERSON or hold_overdue(hold, row.now)):
        yield _need(row.rollout, hold, 0, overdue=hold.who is not Who.PERSON)
    kept = kept_by(row.rollout, _step(row))
    for reason in row.current.reasons if row.current else ():
        if _of_hold(reason, kept):
            continue
        if reason.who is Who.PERSON:
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
        since=reason.since,
        message=reason.message,
        members=members,
        overdue=overdue,
    )
