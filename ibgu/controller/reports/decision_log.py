"""Logs decisions, one line each, with the names that people search for."""

from collections.abc import Iterable
from enum import StrEnum

import structlog

from ibgu import tracing
from ibgu.controller import naming
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Decision, Kind, Member, OnMember, OnRollout, OnStep, is_warning

log = structlog.get_logger("ibgu.decided")

LOGGED = frozenset(
    {
        Kind.RUN_INTENDED,
        Kind.RUN_ENDED,
        Kind.RUN_REOPENED,
        Kind.RETURNED,
        Kind.ACTION_REPEATED,
        Kind.FINISHED,
        Kind.COMPLETED_LATE,
        Kind.AUTO_IMPORT_OFF,
    }
)
"""Kinds of member decisions that are logged; the others are in the history. All decisions on steps
and rollouts are logged."""


def write(decisions: Iterable[Decision], fleet: FleetState) -> None:
    """Logs committed decisions."""
    for decision in decisions:
        match decision:
            case OnRollout(rollout=rollout):
                _line(decision, rollout=rollout.full_name)
            case OnStep(step=step):
                _line(decision, **naming.of_rollout(fleet, step.rollout), step=step.index + 1)
            case OnMember(member=member) if decision.kind in LOGGED:
                names = naming.of_rollout(fleet, member.rollout)
                _line(decision, **names, **_of_member(decision.kind, member))


def _line(decision: OnRollout | OnStep | OnMember, **names: object) -> None:
    by = {"by": decision.actor} if decision.actor else {}
    tell = log.warning if is_warning(decision) else log.info
    tell(decision.kind.value, **names, why=decision.why, **by)
    tracing.event(decision.kind.value, **{f"ibgu_{name}": _plain(names[name]) for name in names})


def _plain(value: object) -> tracing.Value:
    return value if isinstance(value, int) else str(value)


def _of_member(kind: Kind, member: Member) -> dict[str, object]:
    names, run = naming.of_member(member), member.run
    if kind is Kind.FINISHED:
        names |= {"outcome": member.outcome, "cause": member.cause}
    elif run is not None and not run.open:
        names |= {"result": run.result, "cause": run.cause}
    # Plain strings: structlog would show an enumeration with its class.
    words = {name: str(value) for name, value in names.items() if isinstance(value, StrEnum)}
    return {name: value for name, value in (names | words).items() if value is not None}
