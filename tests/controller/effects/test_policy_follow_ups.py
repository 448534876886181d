"""Second rollouts that policies ask for: what is sent, and what the hub shows of it (R50.19)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from ibgu.controller.effects import policy_follow_ups
from ibgu.controller.effects.policy_follow_ups import (
    FORBIDDEN,
    KEY,
    RETRY_SECONDS,
    PolicyFollowUps,
)
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Reason, ReasonKind, Rollout, Step, names
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp, StepFollowUps
from ibgu.core.model.kinds import JsonObject, ManagedFieldsMeta, ObjectRef, RolloutObject
from ibgu.core.plan.references import UncheckedPolicy
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write, Writer, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.engine.decide.builders import START, ibgu, rollout_of
from tests.core.engine.state.records import MINUTE
from tests.core.views.test_policy_follow_up import ASKED

ROLLOUT = replace(
    rollout_of(ibgu("a", "Prep", "Upgrade")), annotations={"x.lca.openshift.io/y": "z"}
)
WRITE = Write((KEY, "fleet", ASKED.name), "POST", "/", owner=ROLLOUT.uid)


class Scene(Struct):
    hub: MemoryClient
    mirror: Mirror
    writer: Writer
    follow_ups: PolicyFollowUps
    answers: list[float]
    tasks: asyncio.TaskGroup
    payloads: Payloads
    checked: list[str]
    """The rollouts that can be decided on again."""
    told: asyncio.Event

    def want(self, asked: PolicyFollowUp = ASKED, rollout: Rollout = ROLLOUT) -> None:
        tracked = TrackedRollout(rollout)
        step = Step(
            rollout=rollout.uid,
            index=0,
            actions=("Upgrade",),
            max_concurrency=1,
            timeout=60 * MINUTE,
            follow_ups=StepFollowUps(made=(asked,)),
        )
        tracked.open(step)
        self.follow_ups.reconcile(tracked)

    def shown(self) -> ShownFollowUp:
        return self.follow_ups.shown(ROLLOUT)(ASKED.name)

    def show(self, **labels: str) -> None:
        """The watch shows an object of that name."""
        meta = ManagedFieldsMeta(
            name=ASKED.name, namespace="fleet", uid="u-1", resource_version="1", labels=labels
        )
        self.mirror.ibgus.upsert(RolloutObject(meta))

    async def created(self) -> list[JsonObject]:
        await self.writer.drained()
        found = await self.hub.get(paths.ibgus("fleet"), dict[str, Any])
        return list(found["items"])

    def answer(self, error: HubError | None, *, superseded: bool = False) -> float:
        return self.follow_ups.answered(WriteResult(WRITE, error=error, superseded=superseded))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    hub, mirror = MemoryClient(MemoryHub(now=START.timestamp)), Mirror(lambda rollout, name: None)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}}
    await hub.request("POST", "/api/v1/namespaces", body=namespace)
    answers: list[float] = []
    asked = ManagedFieldsMeta(name="a", namespace="fleet", uid=ROLLOUT.uid, labels={"ring": "a"})
    mirror.ibgus.upsert(RolloutObject(asked))
    payloads, checked, told = Payloads(DRIVERS, hub, "ns:ibgu"), list[str](), asyncio.Event()

    def answered(result: WriteResult) -> None:
        answers.append(made.answered(result))
        told.set()

    def decide_again(rollout: str) -> None:
        checked.append(rollout)
        told.set()

    writer = Writer(hub, done=answered)
    async with asyncio.TaskGroup() as tasks:
        made = PolicyFollowUps(mirror, writer, payloads, tasks, decide_again)
        running = tasks.create_task(writer.run())
        yield Scene(hub, mirror, writer, made, answers, tasks, payloads, checked, told)
        running.cancel()


async def test_an_object_is_created_once_and_then_known_as_made(scene: Scene) -> None:
    assert scene.shown() == ShownFollowUp()
    for _ in range(3):
        scene.want()
    [created] = await scene.created()
    assert created["metadata"]["name"] == ASKED.name
    assert (scene.answers, scene.shown()) == ([0.0], ShownFollowUp(ours=True))
    scene.want()
    assert scene.writer.depth == 0


async def test_after_a_crash_the_second_creation_finds_the_first(scene: Scene) -> None:
    scene.want()
    await scene.created()
    mirror, writer, checked = scene.mirror, scene.writer, scene.checked.append
    again = PolicyFollowUps(mirror, writer, scene.payloads, scene.tasks, checked)
    scene.follow_ups = again
    assert scene.answer(HubError(409, "AlreadyExists", "it is there")) == RETRY_SECONDS
    assert scene.shown() == ShownFollowUp()
    scene.show(**{names.FOLLOW_UP_OF: ROLLOUT.uid})
    assert scene.shown() == ShownFollowUp(ours=True)
    assert len(await scene.created()) == 1


@pytest.mark.parametrize("labels", [{}, {names.FOLLOW_UP_OF: "uid-b"}])
async def test_an_object_of_that_name_of_somebody_else_is_not_ours(
    scene: Scene, labels: dict[str, str]
) -> None:
    scene.show(**labels)
    assert not scene.shown().ours
    assert scene.shown().problem == "an object of that name is there that ibgu has not made for it"
    scene.want()
    assert await scene.created() == []


@pytest.mark.parametrize(
    "rollout",
    [
        replace(ROLLOUT, deleted_at=START),
        replace(ROLLOUT, hold=Reason(ReasonKind.PAUSED, START, "by nora")),
        replace(ROLLOUT, hold=Reason(ReasonKind.RESTORED, START, "the hub was restored")),
    ],
)
async def test_a_held_or_deleted_rollout_makes_none(scene: Scene, rollout: Rollout) -> None:
    scene.want(rollout=rollout)
    assert await scene.created() == []


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASKED, refused="it is finalized"),
        replace(ASKED, made_at=datetime(2026, 1, 2, tzinfo=START.tzinfo)),
    ],
)
async def test_a_refused_or_made_follow_up_is_not_made(scene: Scene, asked: PolicyFollowUp) -> None:
    scene.want(asked)
    assert await scene.created() == []


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (HubError(403, "Forbidden", "ibgu cannot create resource"), FORBIDDEN),
        (HubError(403, "Forbidden", "webhook says no"), "the hub refused it: webhook says no"),
        (HubError(422, "Invalid", "spec\nis wrong"), "the hub refused it: spec is wrong"),
    ],
)
async def test_a_refusal_is_final(scene: Scene, error: HubError, problem: str) -> None:
    assert scene.answer(error) == 0
    assert scene.shown() == ShownFollowUp(problem=problem)
    scene.want()
    assert scene.writer.depth == 0


async def test_a_creation_that_the_hub_did_not_answer_is_sent_again_later(scene: Scene) -> None:
    assert scene.answer(HubError(503, "ServiceUnavailable", "busy")) == RETRY_SECONDS
    assert scene.shown() == ShownFollowUp()
    scene.want()
    assert scene.writer.depth == 0, "not yet"
    assert scene.answer(None, superseded=True) == RETRY_SECONDS
    scene.want()
    assert len(await scene.created()) == 1


async def test_everything_known_goes_with_the_rollout(scene: Scene) -> None:
    scene.want()
    await scene.created()
    tracked = TrackedRollout(ROLLOUT)
    step = Step(
        rollout=ROLLOUT.uid,
        index=0,
        actions=("Upgrade",),
        max_concurrency=1,
        timeout=60 * MINUTE,
        follow_ups=StepFollowUps(made=(ASKED,)),
    )
    tracked.open(step)
    scene.follow_ups.forget(tracked)
    assert scene.shown() == ShownFollowUp()


AGAIN = replace(ASKED, action="Prep", attempt=1)
FOREIGN = replace(ROLLOUT.spec.ibu_spec, oadp_content=[ObjectRef("oadp", "elsewhere")])
CARRYING = replace(ROLLOUT, spec=replace(ROLLOUT.spec, ibu_spec=FOREIGN))


async def ended(scene: Scene) -> None:
    """Waits until the payload was checked and, if it may be, brought."""
    await scene.told.wait()
    scene.told.clear()


async def test_another_attempt_is_created_once_its_payload_was_checked(scene: Scene) -> None:
    for _ in range(3):
        scene.want(AGAIN, CARRYING)
    assert scene.writer.depth == 0, "the hub is asked first"
    await ended(scene)
    assert await scene.created() == [], "the next turn creates it, unless something holds it now"
    scene.want(AGAIN, replace(CARRYING, hold=Reason(ReasonKind.PAUSED, START, "by nora")))
    assert scene.writer.depth == 0
    scene.want(AGAIN, CARRYING)
    [created] = await scene.created()
    assert created["metadata"]["labels"]["ring"] == "a"
    assert [each["actions"] for each in created["spec"]["plan"]] == [["Prep"], ["Upgrade"]]


async def test_an_unchecked_payload_is_not_brought_by_a_checked_object(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.payloads, "_unchecked", UncheckedPolicy.NAMESPACE)
    scene.want(AGAIN, CARRYING)
    await ended(scene)
    assert scene.checked == [ROLLOUT.uid]
    assert "refers to ConfigMap elsewhere/oadp outside of" in scene.shown().problem
    scene.want(AGAIN, CARRYING)
    assert await scene.created() == []


async def test_a_payload_that_can_not_be_checked_now_is_checked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_follow_ups, "RETRY_SECONDS", 0.0)
    answers: list[HubError | str] = [HubError(503, "ServiceUnavailable", "busy"), ""]

    async def asked(rollout: Rollout) -> str:
        answer = answers.pop(0)
        if isinstance(answer, HubError):
            raise answer
        return answer

    monkeypatch.setattr(scene.payloads, "unchecked", asked)
    scene.want(AGAIN, CARRYING)
    await ended(scene)
    assert scene.checked == [ROLLOUT.uid]
    assert scene.shown() == ShownFollowUp()
    scene.checked.clear()
    for _ in range(2):
        scene.want(AGAIN, CARRYING)
        await ended(scene)
    assert len(await scene.created()) == 1


async def test_nothing_is_created_for_a_rollout_that_is_gone(scene: Scene) -> None:
    scene.mirror.ibgus.delete(next(iter(scene.mirror.ibgus)))
    scene.want()
    assert await scene.created() == []
