"""A seed image that fails in one rollout is stopped in all of them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ibgu.hub.authorization.rights import Right
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

SHA = "sha256:" + "5d" * 32
IMAGE = f"registry.example.com/seeds/du@{SHA}"
MIRROR = f"mirror.example.com/du@{SHA}"
ENTRY = "du-breaker"


def seed(image: str) -> dict[str, Any]:
    return {"seedImageRef": {"image": image, "version": "4.17.0-rc.1"}}


@pytest.fixture
async def entry(scene: Scene) -> AsyncIterator[None]:
    """The catalogue's entry of the image, which stops at two failures with one cause."""
    await scene.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": ENTRY},
            "spec": {
                "image": IMAGE,
                "release": "4.17.0-rc.1",
                "circuitBreaker": {"sameCause": 2},
            },
        }
    )
    yield
    await scene.kubectl("delete", "seedimage", ENTRY)


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> LimitedAccount:
    return LimitedAccount(scene.hub, scene.admin, tmp_path)


async def reason(scene: Scene, name: str) -> str:
    return str((await scene.condition(name, "Held")).get("reason", ""))


async def until_held(scene: Scene, name: str) -> None:
    await scene.phase(name, "Held")
    assert await reason(scene, name) == "SeedCircuitBreaker"


@pytest.mark.usefixtures("entry")
async def test_failures_in_one_rollout_hold_the_next_one(scene: Scene) -> None:
    """The next one, of another cluster, names the image by a mirror's address, and comes after the
    first was deleted and the controller was started again."""
    await scene.fleet(count=4, faults=["upgrade.service-unit"])
    await scene.start()
    plan = step("Prep"), step("Upgrade", most=1)
    await scene.apply(ibgu("region-1", *plan, fleet=scene.label, only=[1, 2, 3], **seed(IMAGE)))
    await until_held(scene, "region-1")
    held = await scene.condition("region-1", "Held")
    words = "2 upgrades failed with UpgradeFailed within 1 d, in all rollouts with the seed image"
    assert f"{words} {ENTRY}" in held["message"]
    assert (await scene.status("region-1"))["summary"]["failed"] == 2
    await scene.kubectl("delete", "ibgu", "region-1", "--wait=false")
    await scene.stop()
    await scene.start()
    await scene.apply(ibgu("region-2", step("Prep"), fleet=scene.label, only=[4], **seed(MIRROR)))
    await until_held(scene, "region-2")
    assert (await scene.status("region-2"))["summary"]["running"] == 0
    await scene.annotate("region-2", "ibgu.dev/resume=1")
    await scene.completed("region-2")
    assert scene.stages(f"{scene.label}-4") == ["Prep"]
    assert await scene.condition("region-2", "Held") == {}


@pytest.mark.usefixtures("entry")
async def test_a_limit_that_is_set_later_holds_at_once(scene: Scene) -> None:
    """Without it, a failure here and there stops nothing."""
    await scene.fleet(count=4, durations="300s", faults=["upgrade.service-unit"])
    await scene.start()
    limits = json.dumps({"spec": {"circuitBreaker": {"sameCause": 50}}})
    await scene.kubectl("patch", "seedimage", ENTRY, "--type=merge", "-p", limits)
    plan = step("Prep"), step("Upgrade", most=1)
    await scene.apply(ibgu("region-3", *plan, fleet=scene.label, **seed(IMAGE)))

    async def one_failed() -> bool:
        return bool((await scene.status("region-3")).get("summary", {}).get("failed", 0) >= 1)

    await scene.until(one_failed, "a failure")
    limits = json.dumps({"spec": {"circuitBreaker": {"sameCause": 1}}})
    await scene.kubectl("patch", "seedimage", ENTRY, "--type=merge", "-p", limits)
    await until_held(scene, "region-3")


async def test_a_catalogue_that_can_not_be_read_holds_new_starts(
    scene: Scene, account: LimitedAccount
) -> None:
    """An image that is named by a tag has no entry: its rollout goes on."""
    await scene.fleet(count=1)
    missing = [Right(verb, "ibgu.dev", "seedimages") for verb in ("list", "watch")]
    await account.grant(*missing)
    await scene.start(kubeconfig=await account.kubeconfig())
    await scene.apply(ibgu("by-digest", step("Prep"), fleet=scene.label, **seed(IMAGE)))
    await scene.phase("by-digest", "Held")
    assert await reason(scene, "by-digest") == "SeedImagesUnknown"
    await account.grant()
    await scene.completed("by-digest")
