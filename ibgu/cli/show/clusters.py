"""`ibgu clusters -o wide`: where each one stands in its newest step."""

from collections.abc import Sequence

from ibgu.cli.show.table import table
from ibgu.client.responses.clusters import ClusterResponse

_HEADINGS = ("CLUSTER", "ROLLOUT", "STEP", "STATE", "WHY", "HELD BY", "LABELS")
_NOTHING = "-"


def clusters_table(found: Sequence[ClusterResponse]) -> list[str]:
    return table(_HEADINGS, [_row(each) for each in found])


def _row(found: ClusterResponse) -> list[str]:
    visit, member, claim = found.newest, found.newest.member, found.claim
    reason = member.reason.kind if member.reason else None
    labels = ",".join(f"{key}={value}" for key, value in sorted((found.labels or {}).items()))
    return [
        found.name,
        str(visit.rollout),
        str(member.step),
        member.outcome or member.state,
        member.failure or member.cause or reason or _NOTHING,
        str(claim.rollout) if claim else _NOTHING,
        labels or _NOTHING,
    ]
