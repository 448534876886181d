"""Records as the journal has them, with defaults for what a test does not need."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import (
    ActionName,
    Cause,
    CompletedAction,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    RolloutState,
    Run,
    RunResult,
    RunState,
    Step,
    StepState,
)
from ibgu.core.model.kinds import PlanItem, RolloutSpec, RolloutStrategy
from tests.members import member_of
from tests.runs import run_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rollout(name: str = "a", **changes: Any) -> Rollout:
    fields: dict[str, Any] = {
        "uid": f"uid-{name}",
        "namespace": "fleet",
        "name": name,
        "created_at": NOW,
        "spec": RolloutSpec(),
        "generation": 3,
        "state": RolloutState.RUNNING,
        **changes,
    }
    return Rollout(**fields)


def spec(*steps: str) -> RolloutSpec:
    """A plan, each step as "Prep Upgrade"."""
    strategy = RolloutStrategy(max_concurrency=10)
    return RolloutSpec(plan=[PlanItem(step.split(), strategy) for step in steps])


def step(actions: str = "Prep", index: int = 0, rollout: str = "uid-a", **changes: Any) -> Step:
    fields: dict[str, Any] = {
        "rollout": rollout,
        "index": index,
        "actions": tuple(Action(action) for action in actions.split()),
        "max_concurrency": 10,
        "timeout": timedelta(hours=4),
        "state": StepState.RUNNING,
        "started_at": NOW,
        **changes,
    }
    return Step(**fields)


def reason(kind: ReasonKind = ReasonKind.SLOT, message: str = "") -> Reason:
    return Reason(kind, NOW, message)


def member(cluster: str = "site-1", **changes: Any) -> Member:
    fields: dict[str, Any] = {
        "rollout": "uid-a",
        "step": 0,
        "cluster": cluster,
        "uid": f"uid-{cluster}",
        "position": int(cluster.rpartition("-")[2]) - 1,
        "reason": reason(),
        **changes,
    }
    return member_of(**fields)


def run(action: ActionName = Action.PREP, **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": "run-1",
        "action": action,
        "attempt": 1,
        "state": RunState.ARMED,
        "intended_at": NOW,
        "arming_at": NOW,
        "armed_at": NOW,
        "armed_generation": 4,
        **changes,
    }
    return run_of(**fields)


def in_flight(cluster: str = "site-1", words: str = "", slot: int = 1, **changes: Any) -> Member:
    fields: dict[str, Any] = {
        "state": MemberState.IN_FLIGHT,
        "slot": slot,
        "limit": NOW + timedelta(hours=1),
        "reason": reason(ReasonKind.RUNNING, words),
        "run": run(id=f"run-{cluster}"),
        **changes,
    }
    return member(cluster, **fields)


def done(cluster: str = "site-1", *actions: Action, note: str = "", **changes: Any) -> Member:
    """A member that has succeeded."""
    return member(
        cluster,
        state=MemberState.FINISHED,
        outcome=Outcome.SUCCEEDED,
        completed=tuple(CompletedAction(action, NOW, note) for action in actions),
        **changes,
    )


def failed(
    cluster: str = "site-1",
    action: Action = Action.UPGRADE,
    at: datetime = NOW,
    cause: Cause = Cause.UPGRADE_FAILED,
    result: RunResult = RunResult.FAILED,
    **changes: Any,
) -> Member:
    """A member whose armed run has ended without success."""
    ended = run(action, state=RunState.ENDED, ended_at=at, result=result, cause=cause)
    fields: dict[str, Any] = {
        "state": MemberState.FINISHED,
        "outcome": Outcome.FAILED,
        "cause": cause,
        "failed_action": action,
        "run": ended,
        **changes,
    }
    return member(cluster, **fields)


def world_of(
    found: Rollout, steps: Iterable[Step] = (), members: Iterable[Member] = ()
) -> FleetState:
    fleet = FleetState()
    fleet.load([found], steps, members, ())
    return fleet


def book_of(
    found: Rollout, steps: Iterable[Step] = (), members: Iterable[Member] = ()
) -> TrackedRollout:
    return world_of(found, steps, members).rollouts[found.uid]
