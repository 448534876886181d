"""A rollout that the engine has taken halfway, as its rehearsal takes it over."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.engine.state.canaries import has_begun
from ibgu.core.model import Cause, Finished, InFlight, Outcome, Waiting
from ibgu.core.rehearsal.model import NEVER, BegunStep, MemberNow, RehearsedPlan, Standing
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.rehearsal.pair import Case, engine_of, never_started, plan_of

_STANDINGS = {
    Outcome.SUCCEEDED: Standing.SUCCEEDED,
    Outcome.SKIPPED: Standing.LEFT,
    Outcome.CANCELLED: Standing.LEFT,
    Outcome.FAILED: Standing.FAILED,
}


def halfway(case: Case, minutes: int) -> tuple[InMemoryEngine, RehearsedPlan]:
    """Returns the engine so many minutes after the beginning, and what is left of the rollout."""
    engine = engine_of(case)
    engine.drive(timedelta(minutes=minutes))
    return engine, what_is_left(case, engine)


def what_is_left(case: Case, engine: InMemoryEngine) -> RehearsedPlan:
    begun = tuple(_steps(engine))
    plan = plan_of(case)
    clusters = [replace(each, labels=dict(engine.labels[each.name])) for each in plan.clusters]
    return replace(plan, clusters=clusters, begin=engine.now, begun=begun)


def _steps(engine: InMemoryEngine) -> Iterator[BegunStep]:
    for tracked in engine.tracked("uid-a").steps:
        step = tracked.step
        if step.started_at is not None:
            since = engine.now - step.stopped_since if step.stopped_since else timedelta()
            ended = step.finished_at
            yield BegunStep(
                (step.started_at - engine.now).total_seconds(),
                [_member(each, step.actions, engine.now) for each in tracked.members.values()],
                None if ended is None else (ended - engine.now).total_seconds(),
                (step.stopped + since).total_seconds(),
            )


def _member(found: Any, actions: tuple[str, ...], now: datetime) -> MemberNow:
    def at(moment: datetime) -> float:
        return (moment - now).total_seconds()

    if isinstance(found, Waiting):
        return MemberNow(found.cluster)
    if isinstance(found, InFlight):
        going = found.run.open
        began = at(found.run.intended_at)
        return MemberNow(
            found.cluster,
            Standing.UNDER_WAY if going else Standing.KEPT,
            found.action_index,
            began if going else 0.0,
            at(found.started_at) if found.started_at else 0.0,
            at(found.limit),
        )
    assert isinstance(found, Finished)
    never = never_started(found)
    return MemberNow(
        found.cluster,
        Standing.NEVER_STARTED if never else _STANDINGS[found.outcome],
        found.action_index,
        at(found.ended_at),
        at(found.started_at) if found.started_at else -NEVER,
        timed_out=found.cause is Cause.TIMED_OUT,
        begun=has_begun(found),
    )
