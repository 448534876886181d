"""Broken canaries are rolled back by a second IBGU on the real API server (R50.19)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ibgu.controller.effects import policy_follow_ups
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.model import names
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_canary_health import canary, report, waits
from tests.e2e.test_rollout_policies import body
from tests.oracle import policy_follow_ups as certified_follow_ups

NAME = "proven"
FOLLOW_UPS = """
    SELECT each->>'name' AS name, each->>'refused' AS refused, each->>'made_at' AS made
    FROM steps, jsonb_array_elements(follow_ups->'made') AS each
"""
HOLD = "SELECT hold->>'message' AS message FROM steps WHERE hold IS NOT NULL"
Begin = Callable[..., Awaitable[None]]


@pytest.fixture
async def begin(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """The canary, which is the first of three clusters, is upgraded and well."""
    after = property(lambda self: timedelta(seconds=1))
    monkeypatch.setattr(PolicyCanaries, "rollback_after", after)
    monkeypatch.setattr("ibgu.core.engine.decide.step.rollbacks._LOOK_AGAIN", timedelta(seconds=1))
    monkeypatch.setattr(certified_follow_ups, "_MINUTE", timedelta())

    async def begin(**given: Any) -> None:
        await scene.fleet(count=3)
        await scene.start(**given)
        health = {"conditions": [{"type": "example.com/Alarm", "status": "False"}]}
        chosen = {"matchLabels": {"name": canary(scene)}}
        canaries = {"selector": chosen, "health": health, "soakMinutes": 60, "rollback": True}
        await scene.apply(body(scene, NAME, actions=["Upgrade"], canaries=canaries))
        await scene.apply(ibgu("careful", step("Prep"), step("Upgrade"), fleet=scene.label))
        await waits(scene, "the ManagedCluster has no condition example.com/Alarm")
        await report(scene, "False")
        await scene.seen_in_journal("CanaryWell")

    yield begin
    await scene.stop()
    await scene.certified()
    await scene.kubectl("delete", "rolloutpolicy", NAME, "--ignore-not-found")


async def made(scene: Scene) -> list[Any]:
    found = await scene.items("/apis/lcm.openshift.io/v1alpha1/imagebasedgroupupgrades")
    return [each for each in found if names.FOLLOW_UP_OF in each["metadata"].get("labels", {})]


async def test_a_canary_that_breaks_is_rolled_back_and_the_others_wait(
    scene: Scene, begin: Begin
) -> None:
    await begin()
    await report(scene, "True")
    await scene.seen_in_journal("FollowUpChanged")

    async def labelled() -> bool:
        return "rollback-completed" in await scene.labels(canary(scene))

    await scene.until(labelled, "the canary to be rolled back")
    [second] = await made(scene)
    meta, spec = second["metadata"], second["spec"]
    assert meta["annotations"][names.FOLLOW_UP_POLICY] == NAME
    assert "example.com/Alarm" in meta["annotations"][names.FOLLOW_UP_REASON]
    assert [item["actions"] for item in spec["plan"]] == [["Rollback"]]
    assert scene.stages(canary(scene)) == ["Prep", "Upgrade", "Rollback"]
    for other in (f"{scene.label}-2", f"{scene.label}-3"):
        assert scene.stages(other) == ["Prep"]
    [told] = await scene.journal(FOLLOW_UPS)
    assert (told["name"], told["refused"]) == (meta["name"], "")
    assert told["made"]
    [held] = await scene.journal(HOLD)
    assert (
        f"Rollback of {canary(scene)} for RolloutPolicy {NAME}, by the new rollout {meta['name']}"
        in held["message"]
    )


async def test_a_crash_between_journal_and_creation_makes_one_object(
    scene: Scene, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin()

    def dies(self: PolicyFollowUps, tracked: TrackedRollout) -> None:
        """Sends nothing, as a controller that dies now."""

    with monkeypatch.context() as dying:
        dying.setattr(PolicyFollowUps, "reconcile", dies)
        await report(scene, "True")
        await scene.seen_in_journal("FollowUpChanged")
        await scene.stop()
    assert await made(scene) == []
    await scene.start()

    async def there() -> bool:
        [told] = await scene.journal(FOLLOW_UPS)
        return told["made"] is not None

    await scene.until(there, "the second IBGU to be made by the next controller")
    await scene.stop()
    await scene.start()
    [second] = await made(scene)
    await scene.completed(second["metadata"]["name"])
    assert len(await made(scene)) == 1


async def test_without_the_right_the_rollout_holds_and_says_what_to_do(
    scene: Scene, begin: Begin, tmp_path: Path
) -> None:
    account = LimitedAccount(scene.hub, scene.admin, tmp_path)
    await account.grant()
    await begin(kubeconfig=await account.kubeconfig())
    await report(scene, "True")

    async def held() -> bool:
        found = await scene.journal(HOLD)
        return any(policy_follow_ups.FORBIDDEN in each["message"] for each in found)

    await scene.until(held, "the rollout to say what is missing")
    [told] = await scene.journal(FOLLOW_UPS)
    by_hand = f"do it by hand: ibgu rollback -n default careful {canary(scene)}"
    assert told["refused"] == f"{policy_follow_ups.FORBIDDEN}; {by_hand}"
    assert await made(scene) == []
    assert scene.stages(canary(scene)) == ["Prep", "Upgrade"]
