"""Members in any state, for tests that name the state among the fields."""

from datetime import timedelta
from typing import Any

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Finished,
    InFlight,
    Intended,
    Member,
    MemberState,
    Outcome,
    Reason,
    Waiting,
)

_TYPES: dict[MemberState, type[Member]] = {
    each.state: each for each in (Waiting, InFlight, Finished)
}
_ALL = dict.fromkeys((*InFlight.__struct_fields__, *Finished.__struct_fields__))


def member_of(
    state: MemberState = MemberState.WAITING, *, cluster: str, reason: Reason, **fields: Any
) -> Member:
    """Returns a member in the state; what the state must know, and the fields do not name, is as of
    the reason."""
    at = reason.since
    intended = Intended(id=f"run-{cluster}", action=Action.PREP, attempt=1, intended_at=at)
    known: dict[str, Any] = {
        "run": intended if state is MemberState.IN_FLIGHT else None,
        "slot": 1,
        "limit": at + timedelta(hours=1) if state is MemberState.IN_FLIGHT else None,
        "ended_at": at,
        "outcome": Outcome.SUCCEEDED,
    }
    kind = _TYPES[state]
    unknown = [name for name in fields if name not in kind.__struct_fields__ and fields[name]]
    assert unknown == [], f"a member that is {state} has no {unknown}"
    given = known | {name: value for name, value in fields.items() if value is not None}
    found = {name: value for name, value in given.items() if name in kind.__struct_fields__}
    return kind(cluster=cluster, reason=reason, **found)


def changed_member(member: Member, **changes: Any) -> Member:
    """Returns the member with changes, which may name another state: what that one does not know is
    left out."""
    state = changes.pop("state", member.state)
    kept = {name: getattr(member, name) for name in _ALL if name in _TYPES[state].__struct_fields__}
    return member_of(state, **(kept | changes))
