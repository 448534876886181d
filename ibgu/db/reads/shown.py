"""Reads a member as it is shown: with the names, the action and the hold that its own row lacks."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, null, select
from sqlalchemy.dialects.postgresql import JSONB

from ibgu.core.model import Member, MemberState
from ibgu.core.views.display import STARTABLE
from ibgu.db.schema import members, rollouts, steps
from ibgu.db.views import MemberRow

ITS_STEP = and_(
    steps.c.hub == members.c.hub,
    steps.c.rollout == members.c.rollout,
    steps.c.index == members.c.step,
)
ITS_ROLLOUT = and_(rollouts.c.hub == members.c.hub, rollouts.c.uid == members.c.rollout)
_ACTION = case(
    (members.c.state != MemberState.FINISHED.value, steps.c.actions[members.c.action_index + 1])
)
_HELD = func.coalesce(rollouts.c.hold, steps.c.hold, type_=JSONB)
_STARTABLE = and_(
    members.c.state == MemberState.WAITING.value,
    members.c.reason["kind"].astext.in_([kind.value for kind in STARTABLE]),
)
reason_kind: ColumnElement[Any] = case(
    (members.c.state == MemberState.FINISHED.value, null()),
    (and_(_HELD.is_not(None), _STARTABLE), _HELD["kind"].astext),
    else_=members.c.reason["kind"].astext,
)
"""The kind of the effective reason, as in `core.views.display.reason_of`."""
_EXTRA = (
    rollouts.c.namespace.label("of_namespace"),
    rollouts.c.name.label("of_name"),
    _ACTION.label("current_action"),
    _HELD.label("held"),
    func.now().label("now"),
)


def joined(hub: str, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Selects `columns`, and what `shown` needs besides."""
    return (
        select(*columns, *_EXTRA)
        .join(steps, ITS_STEP)
        .join(rollouts, ITS_ROLLOUT)
        .where(members.c.hub == hub)
    )


def shown(row: Any, member: Member) -> MemberRow:
    return msgspec.convert(
        {
            "member": member,
            "namespace": row.of_namespace,
            "name": row.of_name,
            "action": row.current_action,
            "hold": row.held,
            "now": row.now,
        },
        MemberRow,
    )
