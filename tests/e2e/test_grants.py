"""Approvals and broken glass on the real API server, with a restart between."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.hub import paths
from ibgu.hub.authorization.rights import Right
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import config_map, ibgu, step
from tests.e2e.proving import proving
from tests.e2e.test_rollout_policies import account, apply, kept, policies

__all__ = ["account", "policies"]

EVENTS = "SELECT why, actor, warning FROM events WHERE kind = $1 ORDER BY seq"


@pytest.fixture
async def namespace(scene: Scene) -> AsyncIterator[str]:
    """Where grants go; they are deleted after the test."""
    yield "default"
    for kind in ("rolloutapprovals", "breakglasses"):
        await scene.kubectl("delete", kind, "-n", "default", "-l", f"fleet={scene.label}")


def grant(scene: Scene, kind: str, name: str, **spec: Any) -> str:
    meta = {"name": name, "namespace": "default", "labels": {"fleet": scene.label}}
    body = {"apiVersion": "ibgu.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
    return json.dumps(body)


async def named(scene: Scene, rollout: str) -> dict[str, str]:
    """Names the rollout by its uid, too: the tests write grants in the second of its creation."""
    found = await scene.get(paths.ibgu("default", rollout))
    return {"name": rollout, "uid": found["metadata"]["uid"]}


async def write(scene: Scene, user: str, manifest: str) -> None:
    await scene.kubectl("--as", user, "create", "-f", "-", stdin=manifest)


async def test_a_step_starts_once_somebody_else_than_its_author_approves(
    scene: Scene, policies: list[str], namespace: str
) -> None:
    await scene.fleet(count=2)
    await scene.start()
    await proving(scene)
    await apply(scene, policies, "asks", approval={})
    await scene.apply(ibgu("asked", step("Prep", most=1), fleet=scene.label))

    def says(words: str) -> Any:
        async def check() -> bool:
            found = await kept(scene)
            return bool(found) and all(words in each for each in found)

        return check

    await scene.until(says("2 people must approve step 1"), "the author to be unknown")
    annotate = ("--as", "olga", "annotate", "ibgu", "asked")
    forged = await scene.tried(*annotate, "ibgu.dev/step-1-author=nora")
    assert "olga may not name nora" in forged.err
    await scene.kubectl(*annotate, "ibgu.dev/step-1-author=olga")
    await scene.until(says("1 person must approve step 1"), "the author to be known")
    rollout = await named(scene, "asked")
    given = grant(scene, "RolloutApproval", "given", rollout=rollout, step=1, user="nora")
    await write(scene, "nora", given)
    await scene.completed("asked")
    found = await scene.journal(EVENTS, "ApprovalChanged")
    # The author is noted once the content of the step was read: an approval may be sooner.
    assert sorted((each["why"], each["actor"]) for each in found) == [
        ("nora approves step 1", "nora"),
        ("olga is the author of step 1", "olga"),
    ]


async def test_a_config_map_that_is_exchanged_takes_the_approval_with_it(
    scene: Scene, policies: list[str], namespace: str
) -> None:
    """The rollout is paused when it is approved: nothing of it has begun."""
    place, name = "openshift-adp", f"{scene.label}-oadp"
    await scene.apply(config_map(place, name, backup="approved"))
    await scene.fleet(count=1)
    await scene.start()
    await proving(scene)
    await apply(scene, policies, "content", approval={"fourEyes": False})
    content = [{"namespace": place, "name": name}]
    await scene.apply(
        ibgu(
            "exchanged",
            step("Prep"),
            fleet=scene.label,
            annotations={"ibgu.dev/pause": "yes"},
            oadpContent=content,
        )
    )
    rollout = await named(scene, "exchanged")
    given = grant(scene, "RolloutApproval", "content", rollout=rollout, step=1, user="nora")
    await write(scene, "nora", given)

    def told(number: int) -> Any:
        async def check() -> bool:
            return len(await scene.journal(EVENTS, "ApprovalChanged")) == number

        return check

    await scene.until(told(1), "the approval to be noted")
    await scene.apply(config_map(place, name, backup="exchanged"))
    await scene.annotate("exchanged", "ibgu.dev/pause-")
    await scene.until(told(2), "the approval to be refused")
    _, ended = await scene.journal(EVENTS, "ApprovalChanged")
    assert "the ConfigMaps and Secrets that go to the clusters have changed" in ended["why"]
    assert scene.stages(f"{scene.label}-1") == []
    again = grant(scene, "RolloutApproval", "content-2", rollout=rollout, step=1, user="nora")
    await write(scene, "nora", again)
    await scene.completed("exchanged")


async def test_no_person_exchanges_a_config_map_and_approves_it_alone(
    scene: Scene, policies: list[str], namespace: str
) -> None:
    """The rollout is paused meanwhile: nothing of it has begun."""
    place, name = "openshift-adp", f"{scene.label}-oadp"
    await scene.apply(config_map(place, name, backup="of the author"))
    await scene.fleet(count=1)
    await scene.start()
    await proving(scene)
    await apply(scene, policies, "alone", approval={})
    content = [{"namespace": place, "name": name}]
    paused = {"ibgu.dev/pause": "yes"}
    made = ibgu("alone", step("Prep"), fleet=scene.label, annotations=paused, oadpContent=content)
    await scene.apply(made)
    annotate = ("--as", "olga", "annotate", "ibgu", "alone")
    await scene.kubectl(*annotate, "ibgu.dev/step-1-author=olga")

    def told(words: str) -> Any:
        async def check() -> bool:
            found = await scene.journal(EVENTS, "ApprovalChanged")
            return bool(found) and found[-1]["why"].startswith(words)

        return check

    async def held() -> bool:
        found = await kept(scene)
        return bool(found) and all("2 people must approve" in each for each in found)

    await scene.until(told("olga is the author of step 1"), "the author to be noted")
    await scene.apply(config_map(place, name, backup="exchanged"))
    rollout = await named(scene, "alone")
    given = grant(scene, "RolloutApproval", "alone", rollout=rollout, step=1, user="nora")
    await write(scene, "nora", given)
    await scene.until(told("step 1 is another one than olga"), "the exchange to be noted")
    await scene.annotate("alone", "ibgu.dev/pause-")
    await scene.until(held, "the cluster to wait for one person more")
    await scene.kubectl(*annotate, "ibgu.dev/step-1-author-")
    await scene.until(told("olga is no longer named"), "the author to be noted as gone")
    await scene.kubectl(*annotate, "ibgu.dev/step-1-author=olga")
    await scene.completed("alone")


async def test_a_broken_glass_outlives_the_controller_and_its_end_closes_the_gate(
    scene: Scene, policies: list[str], namespace: str
) -> None:
    await scene.fleet(count=2)
    await scene.start()
    await proving(scene)
    now = datetime.now(UTC)
    freeze = {
        "from": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{now + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
    }
    await apply(scene, policies, "frozen", freezes=[freeze])
    await scene.apply(ibgu("urgent", step("Prep"), fleet=scene.label))

    async def held() -> bool:
        return len(await kept(scene)) == 2

    await scene.until(held, "the freeze to hold both")
    await scene.stop()
    spec = {
        "rollout": await named(scene, "urgent"),
        "gates": ["RolloutPolicy/frozen"],
        "user": "nora",
        "reason": "INC-7",
        "until": f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
    }
    await write(scene, "nora", grant(scene, "BreakGlass", "urgent", **spec))
    await scene.start()
    await scene.completed("urgent")
    [told] = await scene.journal(EVENTS, "BreakGlassChanged")
    assert told["why"].startswith("nora lets the rollout pass RolloutPolicy/frozen until ")
    assert (told["actor"], told["warning"]) == ("nora", True)
    await scene.kubectl("delete", "breakglass", "urgent", "-n", "default")

    async def closed() -> bool:
        return len(await scene.journal(EVENTS, "BreakGlassChanged")) == 2

    await scene.until(closed, "the end of the BreakGlass to be noted")


async def test_approvals_that_can_not_be_listed_hold_what_needs_one(
    scene: Scene, account: LimitedAccount, policies: list[str]
) -> None:
    await scene.fleet(count=1)
    missing = [Right(verb, "ibgu.dev", "rolloutapprovals") for verb in ("list", "watch")]
    await account.grant(*missing)
    await scene.start(kubeconfig=await account.kubeconfig())
    await apply(scene, policies, "asks", approval={})
    await scene.apply(ibgu("prep", step("Prep"), fleet=scene.label))

    async def held() -> bool:
        return any("may not list RolloutApprovals" in each for each in await kept(scene))

    await scene.until(held, "the cluster to wait until approvals are known")
