"""RolloutPolicies on the real API server: what they hold, and what they let go on."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ibgu.core.engine.gates.policies import faults
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.hub.authorization.rights import Right
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

GUIDE = Path(__file__).parents[2] / "docs/guides/safe-by-policy.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
SITE = "example.com/site"
RUNS = "SELECT cluster, intended_at, ended_at FROM runs WHERE action = 'Prep'"
REASONS = """SELECT reason->>'gate' AS gate, reason->>'message' AS message
FROM members WHERE state = 'waiting'"""
IN_FORCE = "SELECT name, generation, gone_at FROM rollout_policies ORDER BY name, generation"


@pytest.fixture
async def policies(scene: Scene) -> AsyncIterator[list[str]]:
    """The names of the policies that the test makes."""
    names: list[str] = []
    yield names
    for name in names:
        await scene.kubectl("delete", "rolloutpolicy", name, "--ignore-not-found")


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> LimitedAccount:
    return LimitedAccount(scene.hub, scene.admin, tmp_path)


def body(scene: Scene, name: str, **spec: Any) -> dict[str, Any]:
    """A policy for the clusters of the test alone."""
    clusters = {"selector": {"matchLabels": {"fleet": scene.label}}}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": name},
        "spec": {"clusters": clusters, **spec},
    }


async def apply(scene: Scene, policies: list[str], name: str, **spec: Any) -> None:
    policies.append(name)
    await scene.apply(body(scene, name, **spec))


def of(scene: Scene, name: str, *numbers: int, most: int = 10) -> dict[str, Any]:
    """A Prep of those of the fleet."""
    return ibgu(name, step("Prep", most=most), fleet=scene.label, only=numbers)


async def kept(scene: Scene) -> list[str]:
    """Why clusters wait, by the gate's name."""
    return [f"{row['gate']}: {row['message']}" for row in await scene.journal(REASONS)]


async def test_two_rollouts_share_the_places_of_a_policy(scene: Scene, policies: list[str]) -> None:
    """Six clusters, two at each site: one of a site at once, and two on the whole hub."""
    await scene.fleet(count=6)
    for number in range(1, 7):
        site = f"{SITE}=site-{number % 3}"
        await scene.kubectl("label", "managedcluster", f"{scene.label}-{number}", site)
    await apply(scene, policies, "hub-wide", inFlight=2)
    await apply(scene, policies, "sites", perTopology=[{"label": SITE, "maximum": 1}])
    await scene.start()
    for name, numbers in (("one", (1, 2, 3)), ("two", (4, 5, 6))):
        await scene.apply(of(scene, name, *numbers))
    for name in ("one", "two"):
        await scene.completed(name)
    runs = await scene.journal(RUNS)
    assert len({row["cluster"] for row in runs}) == 6
    for row in runs:
        beside = [
            each["cluster"]
            for each in runs
            if each is not row and each["intended_at"] <= row["intended_at"] < each["ended_at"]
        ]
        mine = int(row["cluster"].rpartition("-")[2]) % 3
        assert len(beside) <= 1
        assert mine not in [int(name.rpartition("-")[2]) % 3 for name in beside]
    assert [(row["name"], row["gone_at"]) for row in await scene.journal(IN_FORCE)] == [
        ("hub-wide", None),
        ("sites", None),
    ]


async def test_a_freeze_holds_until_its_policy_is_deleted(
    scene: Scene, policies: list[str]
) -> None:
    await scene.fleet(count=2)
    await scene.start()
    now = datetime.now(UTC)
    freeze = {
        "from": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{now + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
        "reason": "end of the year",
    }
    await apply(scene, policies, "freeze", freezes=[freeze])
    await scene.apply(ibgu("frozen", step("Prep"), fleet=scene.label))
    words = f"RolloutPolicy/freeze: the policy freezes all starts until {freeze['until']}: "

    async def held() -> bool:
        return await kept(scene) == [f"{words}end of the year"] * 2

    await scene.until(held, "both clusters to wait for the end of the freeze")
    await scene.stop()
    await scene.start()
    await scene.until(held, "both clusters to wait after a restart, too")
    assert await scene.journal(RUNS) == []
    await scene.kubectl("delete", "rolloutpolicy", "freeze")
    await scene.completed("frozen")
    (row,) = await scene.journal(IN_FORCE)
    assert row["gone_at"] is not None


async def test_a_rollout_that_gets_another_label_is_under_other_policies(
    scene: Scene, policies: list[str]
) -> None:
    await scene.fleet(count=1)
    await scene.start()
    ages = {"from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"}
    slow = {"selector": {"matchLabels": {"tier": "slow"}}}
    await apply(scene, policies, "ages", freezes=[ages], rollouts=slow)
    rollout = ibgu("tiered", step("Prep"), fleet=scene.label)
    rollout["metadata"]["labels"] = {"tier": "slow"}
    await scene.apply(rollout)

    async def held() -> bool:
        return len(await kept(scene)) == 1 and "freezes all starts" in (await kept(scene))[0]

    await scene.until(held, "the cluster to wait")
    await scene.kubectl("label", "ibgu", "tiered", "tier=fast", "--overwrite")
    await scene.completed("tiered")


async def test_a_changed_policy_applies_at_once_and_a_mistake_in_it_holds(
    scene: Scene, policies: list[str]
) -> None:
    """The API server knows no time zones, so it takes one that is none."""
    await scene.fleet(count=1)
    await scene.start()
    window = {"cron": "* * * * *", "durationMinutes": 60, "timeZone": "Mars/Olympus"}
    await apply(scene, policies, "night", windows=[window])
    await scene.apply(ibgu("zoned", step("Prep"), fleet=scene.label))
    words = (
        "RolloutPolicy/night: the policy can't be followed: spec.windows[0].timeZone: "
        '"Mars/Olympus" is not a time zone, such as Europe/Berlin'
    )

    async def held() -> bool:
        return await kept(scene) == [words]

    await scene.until(held, "the cluster to wait for a policy that can be followed")
    patch = {"spec": {"windows": [{**window, "timeZone": "Europe/Berlin"}]}}
    await scene.kubectl("patch", "rolloutpolicy", "night", "--type=merge", "-p", json.dumps(patch))
    await scene.completed("zoned")
    assert [row["generation"] for row in await scene.journal(IN_FORCE)] == [1, 2]


async def test_a_canary_goes_first_and_must_stay_available(
    scene: Scene, policies: list[str]
) -> None:
    """The soak of a minute is over once the canary was reached without a break for so long."""
    await scene.fleet(count=3)
    await scene.reachable()
    await scene.start()
    canary = f"{scene.label}-3"
    first = {"selector": {"matchLabels": {"name": canary}}, "soakMinutes": 1}
    await apply(scene, policies, "first", canaries=first)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))

    async def soaks() -> bool:
        words = "RolloutPolicy/first: the canaries have succeeded, and must stay available until"
        return [each.startswith(words) for each in await kept(scene)] == [True, True]

    await scene.until(soaks, "the others to wait for the soak")
    await scene.stop()
    await scene.start()
    await scene.completed("careful")
    runs = {row["cluster"]: row for row in await scene.journal(RUNS)}
    well = runs.pop(canary)["ended_at"] + timedelta(minutes=1)
    assert len(runs) == 2
    assert all(row["intended_at"] >= well for row in runs.values())


async def test_the_next_cluster_takes_the_place_of_a_canary_that_is_skipped(
    scene: Scene, policies: list[str]
) -> None:
    """Somebody works on the first cluster of the step, and holds it."""
    await scene.fleet(count=3)
    await scene.reachable()
    await scene.start()
    first, second, third = (f"{scene.label}-{number}" for number in (1, 2, 3))
    await scene.kubectl("annotate", "managedcluster", first, "ibgu.dev/hold=new antennas")
    await apply(scene, policies, "first", canaries={"count": 1})
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))

    async def behind(canary: str, count: int) -> bool:
        words = f"RolloutPolicy/first: the canaries go first: {canary}"
        return (await kept(scene)).count(words) == count

    await scene.until(lambda: behind(first, 2), "the others to wait for the first cluster")
    await scene.annotate("careful", f"ibgu.dev/skip={first}")
    await scene.until(lambda: behind(second, 1), "the last to wait for the second cluster")
    await scene.completed("careful")
    runs = {row["cluster"]: row for row in await scene.journal(RUNS)}
    assert runs.keys() == {second, third}
    assert runs[third]["intended_at"] >= runs[second]["ended_at"]


async def test_failures_hold_the_rollouts_of_the_hub_until_the_budget_is_raised(
    scene: Scene, policies: list[str]
) -> None:
    """The next rollout, of other clusters, comes after the first one was deleted, and the
    controller was restarted."""
    await scene.fleet(count=6, faults=["prep.precache"])
    await scene.start()
    budget = {"maximum": 1, "per": "Hub", "withinMinutes": 60}
    await apply(scene, policies, "few", failureBudget=budget)
    await scene.apply(of(scene, "one", 1, 2, 3, 4, most=1))
    await scene.phase("one", "Held")
    held = await scene.condition("one", "Held")
    assert held["reason"] == "FailureBudgetSpent"
    words = "2 clusters of the hub have failed within 1 h, and RolloutPolicy few allows 1"
    assert words in held["message"]
    await scene.annotate("one", "ibgu.dev/resume=1")

    async def failed() -> bool:
        return bool((await scene.status("one"))["summary"]["failed"] == 4)

    await scene.until(failed, "the rest to fail after the resume, two at most at once")
    await scene.kubectl("delete", "ibgu", "one", "--wait=false")
    await scene.stop()
    await scene.start()
    await scene.apply(of(scene, "two", 5, 6))
    await scene.phase("two", "Held")
    assert (await scene.condition("two", "Held"))["reason"] == "FailureBudgetSpent"
    raised = json.dumps({"spec": {"failureBudget": {"maximum": 50}}})
    await scene.kubectl("patch", "rolloutpolicy", "few", "--type=merge", "-p", raised)
    await scene.completed("two")


async def test_policies_that_can_not_be_read_hold_new_starts_and_no_abort(
    scene: Scene, account: LimitedAccount
) -> None:
    await scene.fleet(count=1)
    missing = [Right(verb, "ibgu.dev", "rolloutpolicies") for verb in ("list", "watch")]
    await account.grant(*missing)
    await scene.start(kubeconfig=await account.kubeconfig())
    await scene.apply(ibgu("prep", step("Prep"), fleet=scene.label))

    async def held() -> bool:
        return any("may not list RolloutPolicies" in each for each in await kept(scene))

    await scene.until(held, "the cluster to wait until policies are known")
    await scene.apply(ibgu("back", step("Abort"), fleet=scene.label))
    await scene.completed("back")


@pytest.mark.parametrize(
    "text", EXAMPLES, ids=lambda text: yaml.safe_load(text)["metadata"]["name"]
)
async def test_the_guides_policies_are_taken_and_can_be_followed(scene: Scene, text: str) -> None:
    await scene.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)
    policy = msgspec.convert(yaml.safe_load(text), RolloutPolicy)
    assert list(faults(policy.spec)) == []
