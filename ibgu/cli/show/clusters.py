"""`ibgu clusters -o wide`: where each one stands in its newest step."""

from collections.abc import Sequence

from ibgu.cli.show.table import table
from ibgu.client.responses import ClusterResponse, RolloutNameResponse

_HEADINGS = ("CLUSTER", "ROLLOUT", "STEP", "STATE", "WHY", "HELD BY", "LABELS")
_NOTHING = "-"


def clusters_table(found: Sequence[ClusterResponse]) -> list[str]:
    return table(_HEADINGS, [_row(each) for each in found])


def rollout_name(found: RolloutNameResponse) -> str:
    """Returns namespace/name; REST names no rollout of a namespace that the caller may not read."""
    return f"{found.namespace}/{found.name}" if found.name else "a rollout of another namespace"


def _row(found: ClusterResponse) -> list[str]:
    visit, member, claim = found.newest, found.newest.member, found.claim
    reason = member.reason.kind if member.reason else None
    labels = ",".join(f"{key}={value}" for key, value in sorted((found.labels or {}).items()))
    return [
        found.name,
        rollout_name(visit.rollout),
        str(member.step),
        member.outcome or member.state,
        member.failure or member.cause or reason or _NOTHING,
        rollout_name(claim.rollout) if claim else _NOTHING,
        labels or _NOTHING,
    ]
