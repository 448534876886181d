"""A rollout for the tests: Prep is finished, Upgrade runs."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    CompletedAction,
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
    RolloutState,
    RunState,
    Step,
    StepState,
)
from ibgu.core.model.kinds import IbuSpec, PlanItem, RolloutSpec, RolloutStrategy, SeedImageRef
from ibgu.db import Changeset, Journal
from tests.db.records import NOW, changing, member, started, starting, step, with_run
from tests.db.records import rollout as blank

PULL = "precache job failed: failed to pull images from registry.site:5000"
MONITOR = "Rollback due to LCA Init Monitor timeout, after 30m0s"
CIRCUIT_BREAKER = Reason(
    ReasonKind.CIRCUIT_BREAKER, NOW, "5 clusters in a row have failed", None, ActingParty.PERSON
)
RATE_LIMITED = Reason(ReasonKind.START_RATE, NOW, "at most 2 a minute", NOW + timedelta(seconds=40))


def spec() -> RolloutSpec:
    seed = SeedImageRef(image="quay.example/seed:4.17.2", version="4.17.2")
    plan = [
        PlanItem([action], RolloutStrategy(max_concurrency=2, timeout=240))
        for action in ("Prep", "Upgrade", "FinalizeUpgrade")
    ]
    return RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=seed), plan=plan)


def rollout(uid: str = "r1", *, namespace: str = "default", age: int = 0, **more: Any) -> Rollout:
    fields = {
        "namespace": namespace,
        "name": f"ran-{uid}",
        "spec": spec(),
        "generation": 2,
        "state": RolloutState.RUNNING,
        "started_at": NOW,
    }
    return blank(uid, age=age, **(fields | more))


def finished(of: Step, cluster: str, position: int, outcome: Outcome, **more: Any) -> Member:
    fields = {"state": MemberState.FINISHED, "outcome": outcome, "ended_at": NOW}
    return member(of, cluster, position, **(fields | more))


def failed(of: Step, cluster: str, position: int, message: str, **more: Any) -> Member:
    fields = {
        "cause": Cause.PREP_FAILED,
        "failed_action": of.first,
        "message": message,
        "started_at": NOW - timedelta(minutes=5),
    }
    return finished(of, cluster, position, Outcome.FAILED, **(fields | more))


def succeeded(of: Step, cluster: str, position: int) -> Member:
    done = (CompletedAction(of.first, NOW),)
    return finished(of, cluster, position, Outcome.SUCCEEDED, completed=done)


async def tell(journal: Journal, *decisions: Any, at: datetime = NOW) -> None:
    assert not await journal.commit(Changeset(decisions=decisions, at=at))


async def seen(journal: Journal, *rollouts: Rollout) -> None:
    await tell(journal, *(OnRollout(Kind.ROLLOUT_SEEN, each, "seen") for each in rollouts))


async def put(journal: Journal, *members: Member) -> None:
    await tell(journal, *(OnMember(Kind.WAITS, each, "") for each in members))


async def open_step(journal: Journal, opened: Step) -> Step:
    await tell(journal, OnStep(Kind.STEP_STARTED, opened, "its turn"))
    return opened


async def over(journal: Journal, found: Rollout) -> Rollout:
    """All steps of its plan are finished, and so is the rollout."""
    for index, item in enumerate(found.spec.plan):
        actions = [Action(action) for action in item.actions]
        await open_step(
            journal, step(found, index, *actions, state=StepState.FINISHED, finished_at=NOW)
        )
    complete = replace(found, state=RolloutState.COMPLETE, completed_at=NOW)
    await tell(journal, OnRollout(Kind.ROLLOUT_COMPLETED, complete, "all steps are finished"))
    return complete


async def fleet(
    journal: Journal, uid: str = "r1", *, hold: Reason | None = None, **more: Any
) -> Rollout:
    """Prep: a, b succeeded, c to f failed. Upgrade: a runs, b waits for a slot, g for a claim."""
    found = rollout(uid, **more)
    await seen(journal, found)
    prep = await open_step(
        journal, step(found, 0, Action.PREP, state=StepState.FINISHED, finished_at=NOW, total=6)
    )
    await put(
        journal,
        succeeded(prep, "a", 0),
        succeeded(prep, "b", 1),
        failed(prep, "c", 2, PULL),
        failed(prep, "d", 3, f"{PULL} again"),
        failed(prep, "e", 4, "no such thing was ever heard of"),
        finished(
            prep,
            "f",
            5,
            Outcome.CANCELLED,
            cause=Cause.CANCELLED,
            failed_action=Action.PREP,
            message="cancelled by default/other",
        ),
    )
    upgrade = await open_step(journal, step(found, 1, Action.UPGRADE, hold=hold, total=3))
    claimed = Reason(
        ReasonKind.CLAIM, NOW, "default/other works on the cluster", None, ActingParty.CLUSTER
    )
    waiting = [member(upgrade, "a", 0), member(upgrade, "b", 1)]
    waiting.append(member(upgrade, "g", 2, reason=claimed))
    await put(journal, *waiting)
    await run_upgrade(journal, waiting[0])
    return found


async def run_upgrade(journal: Journal, waiting: Member) -> None:
    began = started(waiting, slot=1, run=f"run-{waiting.rollout}-{waiting.cluster}")
    assert began.run
    dark = Reason(ReasonKind.REBOOTING, NOW, "not reachable since 03:02", None, ActingParty.CLUSTER)
    began = replace(
        began,
        run=replace(began.run, action=Action.UPGRADE),
        limit=NOW + timedelta(hours=2),
        reason=dark,
    )
    await journal.commit(starting(began))
    accepted = {"state": RunState.ACCEPTED, "arming_at": NOW, "armed_at": NOW, "accepted_at": NOW}
    await journal.commit(changing(with_run(began, **accepted)))
