"""Rollouts worth looking at: one in the middle of its Upgrade, one held, one that is done."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import convert
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
    Run,
    RunResult,
    RunState,
    Step,
    StepState,
    Waiting,
)
from ibgu.core.model.kinds import (
    IbuSpec,
    LabelSelector,
    PlanItem,
    RolloutSpec,
    RolloutStrategy,
    SeedImageRef,
)
from ibgu.db import Changeset, Journal
from ibgu.db.labels import seen
from tests.members import changed_member
from tests.runs import changed, run_of

PULL = "precache job failed: failed to pull images from registry.site:5000: i/o timeout"
MONITOR = "Rollback due to LCA Init Monitor timeout, after 30m0s"
RESTORE = "Restore of Application Data is failed"
MINUTE = timedelta(minutes=1)
SLOTS = 60
WAVE = 58
"""So many start at a time; two slots are kept by those that have stalled."""


def name(number: int) -> str:
    return f"site-{number:04}"


LABELLED = tuple(seen(name(n), {"ring": str(n // 100), "site": name(n)}) for n in range(412))
"""Clusters of ran-417, in rings of a hundred."""


FLEET = {"matchLabels": {"fleet": "page"}}
"""What rollouts that are on the hub, too, select."""


class RolloutHistory:
    """Writes one rollout's past, as of `now`."""

    def __init__(self, journal: Journal, now: datetime) -> None:
        self._journal = journal
        self.now = now

    async def rollout(
        self, uid: str, actions: list[str], *, fleet: Any = None, who: Any = "", **more: Any
    ) -> Rollout:
        """`fleet`: a label selector; `who`: made it."""
        seed = SeedImageRef(image="quay.example/seed:4.17.2", version="4.17.2")
        strategy = RolloutStrategy(max_concurrency=SLOTS, timeout=600)
        plan = [PlanItem([action], strategy) for action in actions]
        fields: dict[str, Any] = {
            "uid": uid,
            "namespace": "default",
            "name": uid,
            "created_at": self.now - 130 * MINUTE,
            "started_at": self.now - 129 * MINUTE,
            "state": RolloutState.RUNNING,
            "spec": RolloutSpec(
                ibu_spec=IbuSpec(seed_image_ref=seed),
                plan=plan,
                cluster_label_selectors=convert([fleet] if fleet else [], list[LabelSelector]),
            ),
        }
        found = Rollout(**(fields | more))
        await self.tell(OnRollout(Kind.ROLLOUT_SEEN, found, "the IBGU was created", actor=who))
        return found

    async def step(self, of: Rollout, index: int, total: int, **more: Any) -> Step:
        fields: dict[str, Any] = {
            "rollout": of.uid,
            "index": index,
            "actions": tuple(Action(each) for each in of.spec.plan[index].actions),
            "max_concurrency": SLOTS,
            "timeout": timedelta(minutes=600),
            "state": StepState.RUNNING,
            "started_at": self.now - 70 * MINUTE,
            "total": total,
        }
        found = Step(**(fields | more))
        await self.tell(OnStep(Kind.STEP_STARTED, found, "its turn"))
        return found

    async def put(self, *members: Member) -> None:
        taken = tuple(each for each in members if each.state is MemberState.IN_FLIGHT)
        settled = [each for each in members if each.state is not MemberState.IN_FLIGHT]
        waiting = [waits(each) for each in taken]
        await self.tell(*(OnMember(_kind(each), each, "") for each in [*settled, *waiting]))
        begun = tuple(OnMember(Kind.RUN_INTENDED, each, "a slot is free") for each in taken)
        await self._commit(Changeset(decisions=begun, taken=taken, at=self.now))

    async def tell(self, *decisions: Any) -> None:
        await self._commit(Changeset(decisions=decisions, at=self.now))

    async def end(self, *members: Member) -> None:
        told = tuple(OnMember(Kind.FINISHED, each, "the cluster says so") for each in members)
        await self._commit(Changeset(decisions=told, freed=members, at=self.now))

    async def _commit(self, changeset: Changeset) -> None:
        assert not await self._journal.commit(changeset)


def _kind(member: Member) -> Kind:
    return Kind.FINISHED if member.state is MemberState.FINISHED else Kind.WAITS


def waits(member: Member) -> Member:
    return changed_member(member, state=MemberState.WAITING, run=None, attempts=0)


def waiting(
    of: Step,
    number: int,
    position: int,
    since: datetime,
    kind: ReasonKind = ReasonKind.SLOT,
    words: str = f"{SLOTS} of {SLOTS} slots are taken",
    who: ActingParty = ActingParty.IBGU,
) -> Member:
    return Waiting(
        rollout=of.rollout,
        step=of.index,
        cluster=name(number),
        uid=f"uid-{number}",
        position=position,
        reason=Reason(kind, since, words, None, who),
    )


def running(
    of: Step, number: int, position: int, slot: int, since: datetime, kind: ReasonKind, words: str
) -> Member:
    begun = waiting(of, number, position, since, kind, words, ActingParty.CLUSTER)
    return changed_member(
        begun,
        state=MemberState.IN_FLIGHT,
        slot=slot,
        started_at=since,
        limit=since + 150 * MINUTE,
        attempts=1,
        run=_run(of, number, since, RunState.ACCEPTED),
    )


def succeeded(of: Step, number: int, position: int, since: datetime, took: timedelta) -> Member:
    over = _over(of, number, position, since, took, RunResult.SUCCEEDED)
    done = (CompletedAction(of.first, since + took),)
    return replace(over, outcome=Outcome.SUCCEEDED, completed=done)


def failed(
    of: Step, number: int, position: int, since: datetime, took: timedelta, words: str
) -> Member:
    cause = Cause.PREP_FAILED if of.first == Action.PREP else Cause.UPGRADE_FAILED
    over = _over(of, number, position, since, took, RunResult.FAILED, cause, words)
    return replace(over, outcome=Outcome.FAILED, cause=cause, message=words, failed_action=of.first)


def _over(
    of: Step,
    number: int,
    position: int,
    since: datetime,
    took: timedelta,
    result: RunResult,
    cause: Cause | None = None,
    words: str = "",
) -> Member:
    ended = {"ended_at": since + took, "result": result, "cause": cause, "message": words}
    return changed_member(
        waiting(of, number, position, since),
        state=MemberState.FINISHED,
        started_at=since,
        ended_at=since + took,
        attempts=1,
        run=changed(_run(of, number, since, RunState.ENDED), **ended),
    )


def _run(of: Step, number: int, since: datetime, state: RunState) -> Run:
    return run_of(
        state,
        id=f"{of.rollout}-{of.index}-{number}",
        action=Action(of.first),
        attempt=1,
        intended_at=since,
        arming_at=since,
        armed_at=since,
        accepted_at=since + timedelta(seconds=30),
    )


async def ran_417(story: RolloutHistory, size: int = 412) -> Rollout:
    """Prep is over, with failures; Upgrade is half done."""
    plan = ["Prep", "Upgrade", "FinalizeUpgrade"]
    found = await story.rollout("ran-417", plan, who="via the hub (kubectl-create)")
    began, over = story.now - 129 * MINUTE, story.now - 72 * MINUTE
    prep = await story.step(
        found, 0, size, state=StepState.FINISHED, started_at=began, finished_at=over
    )
    await story.put(*_prepared(prep, size, began))
    good = [number for number in range(size) if number % 34 != 3]
    upgrade = await story.step(found, 1, len(good))
    await story.put(*_upgrading(upgrade, good, story.now))
    return found


def _prepared(of: Step, size: int, began: datetime) -> Iterator[Member]:
    for number in range(size):
        since = began + (number // SLOTS) * 8 * MINUTE
        took = (6 + number * 7 % 19 / 10) * MINUTE
        if number % 34 == 3:
            yield failed(of, number, number, since, took, PULL)
        else:
            yield succeeded(of, number, number, since, took)


def _upgrading(of: Step, numbers: list[int], now: datetime) -> Iterator[Member]:
    began = now - 70 * MINUTE
    over = len(numbers) // 2 // WAVE * WAVE
    for position, number in enumerate(numbers):
        if position < over:
            yield _upgraded(of, number, position, began)
        elif position < over + SLOTS - 4:
            yield _under_way(of, number, position, position - over, now)
        else:
            yield _to_come(of, number, position, position - over - SLOTS, now)


def _upgraded(of: Step, number: int, position: int, began: datetime) -> Member:
    since = began + (position % WAVE) * timedelta(seconds=1) + (position // WAVE) * 22 * MINUTE
    took = (17 + number * 7 % 30 / 10) * MINUTE
    if position % 16 == 5:
        return failed(of, number, position, since, took, MONITOR)
    if position % 47 == 20:
        return failed(of, number, position, since, took, RESTORE)
    return succeeded(of, number, position, since, took)


def _under_way(of: Step, number: int, position: int, index: int, now: datetime) -> Member:
    since = now - (1 + index % 8) * MINUTE / 2
    if index in (7, 31):
        words = "not reachable for 31 min"
        return running(
            of, number, position, index + 1, now - 38 * MINUTE, ReasonKind.REBOOTING, words
        )
    if index == 20:
        words = "somebody set the stage of the ImageBasedUpgrade to Idle"
        return running(of, number, position, index + 1, since, ReasonKind.DIVERGED, words)
    if index % 3:
        return running(
            of, number, position, index + 1, since, ReasonKind.REBOOTING, "not reachable"
        )
    words = "Upgrade is in progress: restoring application data"
    return running(of, number, position, index + 1, since, ReasonKind.RUNNING, words)


def _to_come(of: Step, number: int, position: int, index: int, now: datetime) -> Member:
    since = now - 70 * MINUTE
    if index < 6:
        words = "asked for its state"
        return waiting(of, number, position, now, ReasonKind.PROBING, words)
    if index % 40 == 9:
        words = "no lease since 02:10"
        return waiting(
            of, number, position, since, ReasonKind.UNREACHABLE, words, ActingParty.CLUSTER
        )
    if index % 60 == 11:
        words = "default/hotfix-3 works on the cluster"
        return waiting(of, number, position, since, ReasonKind.CLAIM, words, ActingParty.CLUSTER)
    return waiting(of, number, position, since)


async def core_418(story: RolloutHistory) -> Rollout:
    """Held by the circuit breaker: the first five have all failed alike."""
    found = await story.rollout("core-418", ["Upgrade"], namespace="edge")
    why = "5 clusters in a row have failed with UpgradeFailed; resume it to go on"
    hold = Reason(
        ReasonKind.CIRCUIT_BREAKER, story.now - 12 * MINUTE, why, None, ActingParty.PERSON
    )
    step = await story.step(found, 0, 24, hold=hold)
    since = story.now - 40 * MINUTE
    over = [failed(step, 2000 + n, n, since, 27 * MINUTE, MONITOR) for n in range(5)]
    await story.put(*over, *(waiting(step, 2000 + n, n, since) for n in range(5, 24)))
    return found


async def edge_416(story: RolloutHistory) -> Rollout:
    """Done, and nothing failed."""
    began = story.now - 400 * MINUTE
    times = {"created_at": began, "started_at": began, "completed_at": began + 50 * MINUTE}
    found = await story.rollout("edge-416", ["Prep"], state=RolloutState.COMPLETE, **times)
    step = await story.step(
        found, 0, 40, state=StepState.FINISHED, started_at=began, finished_at=began + 50 * MINUTE
    )
    await story.put(*(succeeded(step, 3000 + n, n, began, 7 * MINUTE) for n in range(40)))
    return found
