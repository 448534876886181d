"""The grants that people have written for a rollout, and whether it is known who wrote them."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from ibgu.core.model import Rollout
from ibgu.core.model.bounds import moment
from ibgu.core.model.grants import (
    Approval,
    BreakGlass,
    BrokenGlass,
    GrantedRollout,
    Grants,
    RolloutApproval,
)
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.plan.references import SETTLED

Grant = TypeVar("Grant", RolloutApproval, BreakGlass)
POLICY = "ibgu-grants"
"""The name of the chart's ValidatingAdmissionPolicy, and of its binding."""
MAX_GRANTS = 50
"""The most approvals, and the most BreakGlasses, that count for one rollout: the oldest."""
_UNPROVEN = (
    f"it is older than the admission policy {POLICY}, so nothing proves who wrote it: delete it, "
    "and write it again"
)
_SAME_SECOND = (
    "it was written in the second in which the rollout was created, so it may be for an earlier "
    "one of that name: write it again, or name the rollout's uid"
)
_NO_TIME = "until is no time such as 2026-12-02T00:00:00Z"


def proven(created: datetime | None, since: datetime | None) -> bool:
    """Whether the admission policy has checked an object; `since`: since when it is in force, None:
    it is not. API servers learn of it with a delay."""
    return created is not None and since is not None and created > since + SETTLED


def grants_of(
    rollout: Rollout,
    approvals: Iterable[RolloutApproval],
    glasses: Iterable[BreakGlass],
    since: datetime | None,
) -> Grants:
    """Returns the grants for the rollout; `since`: since when the admission policy is in force,
    None: it is not, and none counts."""
    own_approvals = [each for each in approvals if _for(rollout, each.metadata, each.spec.rollout)]
    own_glasses = [each for each in glasses if _for(rollout, each.metadata, each.spec.rollout)]
    read, unread = _by_age(own_approvals)
    read_glasses, unread_glasses = _by_age(own_glasses)
    written = [moment(each.metadata.creation_timestamp) for each in unread]
    return Grants(
        tuple(_approval(each, _refused(rollout, each, since)) for each in read),
        tuple(_broken_glass(each, _refused(rollout, each, since)) for each in read_glasses),
        unread=len(unread),
        unread_glasses=len(unread_glasses),
        unread_until=max((each for each in written if each is not None), default=None),
    )


def _for(rollout: Rollout, meta: ObjectMeta, named: GrantedRollout) -> bool:
    """Whether the grant is for this rollout, and not for an earlier one of its name."""
    if (meta.namespace, named.kind, named.name) != (rollout.namespace, rollout.kind, rollout.name):
        return False
    if named.uid:
        return named.uid == rollout.uid
    created = moment(meta.creation_timestamp)
    return created is not None and created >= rollout.created_at.replace(microsecond=0)


def _by_age(found: list[Grant]) -> tuple[list[Grant], list[Grant]]:
    """Returns the oldest, which are read, and the others."""

    def age(each: Grant) -> tuple[str, str]:
        return (each.metadata.creation_timestamp, each.metadata.uid)

    ordered = sorted(found, key=age)
    return ordered[:MAX_GRANTS], ordered[MAX_GRANTS:]


def _approval(found: RolloutApproval, refused: str) -> Approval:
    meta, spec = found.metadata, found.spec
    until = moment(spec.until) if spec.until else None
    return Approval(
        uid=meta.uid,
        name=meta.name,
        user=spec.user,
        step=spec.step - 1,
        before=spec.before,
        comment=spec.comment,
        until=until,
        refused=refused or (_NO_TIME if spec.until and until is None else ""),
        created=moment(meta.creation_timestamp),
    )


def _broken_glass(found: BreakGlass, refused: str) -> BrokenGlass:
    meta, spec = found.metadata, found.spec
    until = moment(spec.until)
    return BrokenGlass(
        uid=meta.uid,
        name=meta.name,
        user=spec.user,
        gates=tuple(spec.gates),
        reason=spec.reason,
        until=until,
        refused=refused or ("" if until is not None else _NO_TIME),
    )


def _refused(rollout: Rollout, found: RolloutApproval | BreakGlass, since: datetime | None) -> str:
    created = moment(found.metadata.creation_timestamp)
    if not proven(created, since):
        return _UNPROVEN
    if not found.spec.rollout.uid and created == rollout.created_at.replace(microsecond=0):
        return _SAME_SECOND
    return ""
