"""Records for the tests, and the turns that write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Decision,
    Intended,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    OnStep,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    RunResult,
    RunState,
    Step,
    StepState,
)
from ibgu.core.model.kinds import PlanItem, RolloutSpec, RolloutStrategy
from ibgu.db import Changeset
from tests.members import changed_member, member_of
from tests.runs import changed

NOW = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)
WAITS = Reason(kind=ReasonKind.SLOT, since=NOW, message="2 of 2 slots are taken")


def rollout(uid: str = "r1", *, age: int = 0, **changes: Any) -> Rollout:
    """`age`: created so many minutes before NOW."""
    plan = [PlanItem(["Prep"], RolloutStrategy(max_concurrency=2))]
    fields: dict[str, Any] = {
        "uid": uid,
        "namespace": "default",
        "name": f"ibgu-{uid}",
        "created_at": NOW - timedelta(minutes=age),
        "spec": RolloutSpec(plan=plan),
    }
    return Rollout(**(fields | changes))


def step(of: Rollout, index: int = 0, *actions: Action, **changes: Any) -> Step:
    fields: dict[str, Any] = {
        "rollout": of.uid,
        "index": index,
        "actions": actions or (Action.PREP,),
        "max_concurrency": 2,
        "timeout": timedelta(minutes=240),
        "state": StepState.RUNNING,
        "started_at": NOW,
    }
    return Step(**(fields | changes))


def member(of: Step, cluster: str, position: int = 0, **changes: Any) -> Member:
    fields: dict[str, Any] = {
        "rollout": of.rollout,
        "step": of.index,
        "cluster": cluster,
        "uid": f"uid-{cluster}",
        "position": position,
        "reason": WAITS,
    }
    return member_of(**(fields | changes))


def members(of: Step, *clusters: str) -> list[Member]:
    return [member(of, cluster, position) for position, cluster in enumerate(clusters)]


def started(waiting: Member, slot: int, run: str = "") -> Member:
    """Returns a member in flight with an intended run."""
    intended = Intended(
        id=run or f"run-{waiting.rollout}-{waiting.cluster}",
        action=Action.PREP,
        attempt=1,
        intended_at=NOW,
    )
    return changed_member(
        waiting, slot=slot, state=MemberState.IN_FLIGHT, started_at=NOW, run=intended, attempts=1
    )


def with_run(found: Member, **changes: Any) -> Member:
    assert found.run
    return replace(found, run=changed(found.run, **changes))


def ended(found: Member, outcome: Outcome = Outcome.SUCCEEDED, **changes: Any) -> Member:
    """Finished, its run ended and disarmed, its slot free."""
    fields: dict[str, Any] = {
        "slot": None,
        "state": MemberState.FINISHED,
        "outcome": outcome,
        "ended_at": NOW,
    }
    result = RunResult.SUCCEEDED if outcome is Outcome.SUCCEEDED else RunResult.FAILED
    over = with_run(found, state=RunState.ENDED, ended_at=NOW, result=result, disarmed=True)
    return changed_member(over, **(fields | changes))


def opening(of: Rollout, *steps: Step, waiting: list[Member] | None = None) -> Changeset:
    decisions: list[Decision] = [OnRollout(Kind.ROLLOUT_SEEN, of, "the IBGU was created")]
    decisions += [OnStep(Kind.STEP_STARTED, step, "it is the first step") for step in steps]
    decisions += [OnMember(Kind.WAITS, found, "") for found in waiting or []]
    return Changeset(decisions=tuple(decisions), at=NOW)


def starting(*found: Member) -> Changeset:
    decisions = tuple(OnMember(Kind.RUN_INTENDED, one, "a slot is free") for one in found)
    return Changeset(decisions=decisions, taken=found, at=NOW)


def changing(*found: Member, kind: Kind = Kind.RUN_ARMED) -> Changeset:
    return Changeset(decisions=tuple(OnMember(kind, one, "it changed") for one in found), at=NOW)


def ending(*found: Member) -> Changeset:
    decisions = tuple(OnMember(Kind.FINISHED, one, "the run ended") for one in found)
    return Changeset(decisions=decisions, freed=found, at=NOW)


async def rows(db: AsyncEngine, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    async with db.begin() as connection:
        found = await connection.execute(text(statement), values)
        return [tuple(row) for row in found] if found.returns_rows else []


async def claims(db: AsyncEngine) -> list[tuple[Any, ...]]:
    """(rollout, cluster, slot), by rollout and slot."""
    return await rows(db, "SELECT rollout, cluster, slot FROM claims ORDER BY rollout, slot")
