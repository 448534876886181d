"""Maps the steps that a cluster was in to what explains its newest one."""

from collections.abc import Sequence

from ibgu.api.members.mapping import visit_for
from ibgu.api.requests.readable import Readable
from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import Member
from ibgu.core.model.claims import with_holder
from ibgu.core.model.preflight import PreflightRecord
from ibgu.core.views.explain import ExplainCase, Explained, PastStep, explain
from ibgu.db.views import ClaimRow, VisitRow


def explained(
    visits: Sequence[VisitRow],
    claims: Sequence[ClaimRow],
    duration_stats: DurationsByAction,
    readable: Readable,
    record: PreflightRecord | None,
) -> Explained:
    """Returns the explanation. `visits`: newest first, at least one; `claims`: of the cluster, by
    any rollout; `record`: what preflight has found for the first one's step."""
    readable_visits = [visit_for(each, readable) for each in visits]
    row = readable_visits[0].member
    return explain(
        KIND_TEXTS,
        ExplainCase(
            rollout=readable.full_name(row.namespace, row.name),
            member=_with_holder(row.member, claims, readable),
            action=row.action,
            hold=row.hold,
            past=[PastStep(visit.member.member, visit.runs) for visit in reversed(readable_visits)],
            now=row.now,
            duration_stats=duration_stats,
            preflight=record.of_cluster(row.member.cluster) if record is not None else (),
        ),
    )


def _with_holder(member: Member, claims: Sequence[ClaimRow], readable: Readable) -> Member:
    """Returns the member with the name of the rollout that holds its cluster, if the caller may
    read it."""
    other = next((each for each in claims if each.rollout != member.rollout), None)
    if other is None:
        return member
    return with_holder(member, readable.full_name(other.namespace, other.name))
