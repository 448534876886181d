"""Maps the steps that a cluster was in to the way back from the newest one's rollout."""

from collections.abc import Iterable, Sequence
from typing import Any

from ibgu.core.drivers.recoveries import RECOVERIES
from ibgu.core.model import MemberState, Rollout
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase
from ibgu.db.journal.evidence import FEEDBACK
from ibgu.db.views import EventRow, VisitRow


def recovery(
    rollout: Rollout, visits: Sequence[VisitRow], events: Iterable[EventRow]
) -> ClusterRecovery:
    """Returns the way back. `visits`: of this rollout, newest first, at least one; `events`: of the
    cluster, newest first."""
    newest = visits[0].member.member
    case = RecoveryCase(
        cluster=newest.cluster,
        namespace=rollout.namespace,
        rollout=rollout.name,
        spec=rollout.spec,
        controls=rollout.controls,
        runs=[run for visit in reversed(visits) for run in visit.runs],
        finished=newest.finished,
        in_flight=newest.state is MemberState.IN_FLIGHT,
        cause=newest.cause,
        message=newest.message or newest.late,
        shown=_shown(rollout, events),
    )
    return RECOVERIES[rollout.kind](case)


def _shown(rollout: Rollout, events: Iterable[EventRow]) -> dict[str, dict[str, Any]]:
    """Returns the last feedback that the history has of each run."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.run and event.rollout == rollout.uid:
            shown = (event.data.get("seen") or {}).get(FEEDBACK)
            if shown:
                found.setdefault(event.run, shown)
    return found
