"""Maps policies: what is in force, beside the members that wait for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ibgu.api.policies.schemas import (
    PoliciesBody,
    PolicyBody,
    PolicyDetailBody,
    PolicyHoldBody,
)
from ibgu.core.model import MemberState
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.harmless import one_line
from ibgu.core.text.held import for_all, held_by
from ibgu.core.views.policy_words import allowed, holder_of, what_ends
from ibgu.db.views import HeldRow, PolicyListing, PolicyRow, are_alike, soonest


def policies_body(found: PolicyListing) -> PoliciesBody:
    return PoliciesBody(
        problem=_held(found.unknown),
        items=[PolicyBody(**_fields(each, found.now)) for each in found.items],
    )


def policy_body(row: PolicyRow, now: datetime) -> PolicyDetailBody:
    return PolicyDetailBody(
        **_fields(row, now), spec=row.spec, holds=[_hold(each, row.spec) for each in row.held]
    )


def _fields(row: PolicyRow, now: datetime) -> dict[str, Any]:
    return {
        "name": row.name,
        "generation": row.generation,
        "since": row.since,
        "allows": [] if row.spec is None else allowed(row.spec, now),
        "clusters": sum(each.count for each in row.held),
        "rollouts": len({each.rollout for each in row.held}),
        "opens": soonest(row.held).until if row.held else None,
        "message": _held(row.held),
    }


def _held(rows: Sequence[HeldRow]) -> str | None:
    if not rows:
        return None
    first = soonest(rows)
    count = sum(each.count for each in rows)
    return held_by(holder_of(first.gate), first.message, count, alike=are_alike(rows))


def _hold(row: HeldRow, spec: JsonObject | None) -> PolicyHoldBody:
    return PolicyHoldBody(
        namespace=row.namespace,
        name=row.name,
        uid=row.rollout,
        step=row.step + 1,
        clusters=row.count,
        names=list(row.clusters),
        in_flight=row.state is MemberState.IN_FLIGHT,
        since=row.since,
        until=row.until,
        who=row.who,
        message=one_line(for_all(row.message, alike=are_alike([row]))),
        ends=what_ends(row.who, row.until, spec, approves=bool(row.approvals), author=row.author),
    )
