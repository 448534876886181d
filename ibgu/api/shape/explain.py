"""The steps that a cluster was in, as what its newest one is explained from."""

from collections.abc import Sequence

from ibgu.api.names import Names
from ibgu.core.explain import Case, Explained, Past, explain
from ibgu.core.forecast import Paces
from ibgu.db.views import VisitRow


def explained(visits: Sequence[VisitRow], paces: Paces, names: Names) -> Explained:
    """`visits`: newest first, at least one."""
    row = visits[0].member
    return explain(
        Case(
            rollout=names.full(row.namespace, row.name),
            member=row.member,
            action=row.action,
            hold=row.hold,
            past=[Past(visit.member.member, visit.runs) for visit in reversed(visits)],
            now=row.now,
            paces=paces,
        )
    )
