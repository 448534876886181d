"""Maps all rollouts to one summary."""

from collections import Counter

from ibgu.api.rollouts.mapping import stalled_in
from ibgu.api.rollouts.needs import needs_of, newest_step
from ibgu.api.summary.schemas import SummaryBody
from ibgu.core.engine.display import Word, word
from ibgu.core.engine.durations import DurationsByAction
from ibgu.core.model import MemberState
from ibgu.core.views.status import Phase, hold_of, phase_of
from ibgu.db.views import HubOverview

_PHASES = tuple(phase for phase in Phase if phase is not Phase.DELETED)


def summary_body(found: HubOverview, duration_stats: DurationsByAction) -> SummaryBody:
    phases = Counter(phase_of(row.rollout, newest_step(row), row.counts) for row in found.rollouts)
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


def _members(found: HubOverview) -> Counter[Word]:
    counts: Counter[Word] = Counter()
    for end in found.ends:
        ended = (end.outcome, end.cause, end.late)
        counts[word(MemberState.FINISHED, None, *ended, held=False)] += end.count
    for row in found.rollouts:
        held = hold_of(row.rollout, newest_step(row)) is not None
        for reason in row.current.reasons if row.current else ():
            counts[word(reason.state, reason.kind, None, None, held=held)] += reason.count
    return counts
