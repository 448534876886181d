"""Clusters whose Prep has failed are tried again by further IBGUs on the real hub (R50.20)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ibgu.controller.effects import policy_follow_ups
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.retries import AskedRetry
from ibgu.core.model import names
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_canary_rollback import FOLLOW_UPS, made
from tests.e2e.test_rollout_policies import body
from tests.oracle import policy_follow_ups as certified_follow_ups

NAME = "again"
PLAN = (step("Prep"), step("AbortOnFailure"), step("Upgrade"))


@pytest.fixture(autouse=True)
async def policy(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Two attempts are asked for, each a second after the abort."""
    monkeypatch.setattr(AskedRetry, "wait", lambda self, attempt: timedelta(seconds=1))
    monkeypatch.setattr(certified_follow_ups, "_MINUTE", timedelta())
    monkeypatch.setattr("ibgu.core.engine.decide.step.retries._LOOK_AGAIN", timedelta(seconds=1))
    await scene.apply(body(scene, NAME, retry={"attempts": 2}))
    yield
    await scene.stop()
    await scene.certified()
    await scene.kubectl("delete", "rolloutpolicy", NAME, "--ignore-not-found")


async def rollout(scene: Scene, fault: str, **given: Any) -> None:
    """The Prep of the first of two clusters fails."""
    await scene.fleet(count=2, faults=[f"{fault}@{scene.label}-1"])
    await scene.start(**given)
    asked = ibgu("steady", *PLAN, fleet=scene.label)
    asked["metadata"]["labels"] = {"ring": "a", "argocd.argoproj.io/instance": "ran"}
    await scene.apply(asked)
    await scene.completed("steady")


async def follow_ups(scene: Scene) -> list[dict[str, Any]]:
    return [dict(each) for each in await scene.journal(FOLLOW_UPS)]


async def there(scene: Scene, count: int) -> list[Any]:
    async def are() -> bool:
        return len(await made(scene)) == count

    await scene.until(are, f"{count} further IBGUs")
    return sorted(await made(scene), key=lambda each: each["metadata"]["creationTimestamp"])


async def test_a_failed_prep_is_tried_again_and_the_cluster_upgraded(scene: Scene) -> None:
    await rollout(scene, "prep.precache*1")
    [second] = await there(scene, 1)
    meta, spec = second["metadata"], second["spec"]
    assert meta["name"].startswith("steady-retry-")
    assert meta["labels"]["ring"] == "a"
    assert "argocd.argoproj.io/instance" not in meta["labels"]
    assert meta["annotations"][names.FOLLOW_UP_POLICY] == NAME
    assert "precache job failed" in meta["annotations"][names.FOLLOW_UP_REASON]
    assert [item["actions"] for item in spec["plan"]] == [["Prep"], ["AbortOnFailure"], ["Upgrade"]]
    await scene.completed(meta["name"])
    assert scene.stages(f"{scene.label}-1") == ["Prep", "Abort", "Prep", "Upgrade"]
    assert "upgrade-completed" in await scene.labels(f"{scene.label}-1")
    told = await scene.condition("steady", "ClustersTriedAgain")
    assert told["reason"] == "Begun"
    assert meta["name"] in told["message"]


async def test_attempts_end_when_the_policy_allows_no_more(scene: Scene) -> None:
    await rollout(scene, "prep.precache")
    first, second = await there(scene, 2)
    await scene.completed(second["metadata"]["name"])

    async def refused() -> bool:
        return any(each["refused"] for each in await follow_ups(scene))

    await scene.until(refused, "the last rollout to say that these were all attempts")
    assert len(await made(scene)) == 2
    assert second["metadata"]["labels"][names.FOLLOW_UP_OF] == first["metadata"]["uid"]
    [last] = [each for each in await follow_ups(scene) if each["refused"]]
    assert last["refused"].startswith("it was tried again 2 times, and the policy allows no more")


async def test_a_failure_that_needs_a_person_is_not_tried_again(scene: Scene) -> None:
    await rollout(scene, "prep.pull-secret")
    assert await follow_ups(scene) == []


async def test_a_crash_before_the_creation_makes_one_object(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: PolicyFollowUps, tracked: TrackedRollout) -> None:
        """Sends nothing, as a controller that dies now."""

    async def named() -> bool:
        return any(each["name"] for each in await follow_ups(scene))

    with monkeypatch.context() as dying:
        dying.setattr(PolicyFollowUps, "reconcile", dies)
        await rollout(scene, "prep.precache*1")
        await scene.until(named, "the attempt to be due")
        await scene.stop()
    assert await made(scene) == []
    await scene.start()
    [second] = await there(scene, 1)
    await scene.completed(second["metadata"]["name"])
    assert len(await made(scene)) == 1


async def test_without_the_right_it_says_what_to_do(scene: Scene, tmp_path: Path) -> None:
    account = LimitedAccount(scene.hub, scene.admin, tmp_path)
    await account.grant()
    await rollout(scene, "prep.precache*1", kubeconfig=await account.kubeconfig())

    async def refused() -> bool:
        return any(each["refused"] for each in await follow_ups(scene))

    await scene.until(refused, "the rollout to say what is missing")
    [told] = await follow_ups(scene)
    by_hand = f"do it by hand: ibgu retry -n default steady {scene.label}-1"
    assert told["refused"] == f"{policy_follow_ups.FORBIDDEN}; {by_hand}"
    assert await made(scene) == []
