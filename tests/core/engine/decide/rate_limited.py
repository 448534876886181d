"""Checks rate limits by the decisions alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ibgu.core.model import Kind, OnMember, Reason
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.names import RAMP_UP, START_JITTER, STARTS_PER_MINUTE
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.fleet import ibgu as plain

MINUTE = timedelta(minutes=1)
KEYS = {"rate": STARTS_PER_MINUTE, "jitter": START_JITTER, "ramp": RAMP_UP}


def rate_limited(
    name: str, *steps: str, concurrency: int = 10, timeout: int = 240, **limits: str
) -> RolloutObject:
    return annotated(plain(name, *steps, concurrency=concurrency, timeout=timeout), **limits)


def annotated(obj: RolloutObject, **limits: str) -> RolloutObject:
    """`rate`, `jitter`, `ramp`: the annotations' values."""
    for key, value in limits.items():
        obj.metadata.annotations[KEYS[key]] = value
    return obj


def starts(engine: InMemoryEngine, uid: str = "") -> list[datetime]:
    """Returns when members took a slot."""
    found = []
    for said in engine.said:
        told = said.decision
        if isinstance(told, OnMember) and told.kind is Kind.RUN_INTENDED:
            member = told.member
            chained = member.completed and not member.completed[-1].note
            if not chained and uid in ("", member.rollout):
                found.append(said.at)
    return found


def most_in_a_minute(times: Sequence[datetime]) -> int:
    return max(sum(1 for at in times if begin <= at < begin + MINUTE) for begin in times)


def hold(engine: InMemoryEngine, uid: str, step: int = 0) -> Reason | None:
    return engine.tracked(uid).steps[step].step.hold
