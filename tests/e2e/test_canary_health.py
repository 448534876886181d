"""Canaries must be well while they soak: their health on the real API server (R50.16)."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.controller.inspections import canary_works
from ibgu.controller.inspections.reading_works import TOO_OLD
from ibgu.controller.lookups import policy_compliance
from ibgu.core.drivers.canary_health import SELECTOR, WORK
from ibgu.core.drivers.canary_health.objects import MASTER, OPERATORS
from ibgu.hub import paths
from ibgu.hub.discovery import Served, discover
from ibgu.hub.policies import NO_POLICIES
from ibgu.hub.port import Hub
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke.objects import key_of
from tests.core.drivers.canary_health.cluster import (
    Objects,
    conditions,
    manifests,
    objects,
    pool,
)
from tests.core.drivers.ibu.preflight.policies import policy, template
from tests.e2e.account import LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_rollout_policies import RUNS, body, kept
from tests.neighbours.programs import crd

NAME = "proven"
DNS = next(each for each in OPERATORS if each.name == "dns")
Health = Callable[..., Awaitable[None]]


@pytest.fixture
async def health(scene: Scene) -> AsyncIterator[Health]:
    """Applies a policy whose canary is the first cluster, with these checks of its health."""

    async def apply(**checks: Any) -> None:
        canaries = {"selector": {"matchLabels": {"name": canary(scene)}}, "health": checks}
        await scene.apply(body(scene, NAME, canaries=canaries))

    yield apply
    await scene.kubectl("delete", "rolloutpolicy", NAME, "--ignore-not-found")


def canary(scene: Scene) -> str:
    return f"{scene.label}-1"


async def waits(scene: Scene, words: str) -> None:
    """Waits until both other clusters wait for the canary to be well, with these words."""

    async def held() -> bool:
        found = await kept(scene)
        begin = f"RolloutPolicy/{NAME}: the canaries must stay well, and {canary(scene)} is not: "
        return len(found) == 2 and all(each == begin + words for each in found)

    await scene.until(held, f"two clusters to wait: {words}")


async def began(scene: Scene) -> set[str]:
    return {row["cluster"] for row in await scene.journal(RUNS)}


async def test_a_condition_of_the_canary_lets_the_others_start(
    scene: Scene, health: Health
) -> None:
    await scene.fleet(count=3)
    await scene.reachable()
    await scene.start()
    await health(conditions=[{"type": "example.com/Alarm", "status": "False"}])
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, "the ManagedCluster has no condition example.com/Alarm")
    await report(scene, "True")
    words = 'condition example.com/Alarm of the ManagedCluster is "True", not "False"'
    await waits(scene, words)
    await scene.stop()
    await scene.start()
    await waits(scene, words)
    assert await began(scene) == {canary(scene)}
    await report(scene, "False")
    await scene.completed("careful")
    assert len(await began(scene)) == 3


async def report(scene: Scene, status: str) -> None:
    """Sets the canary's condition, as a monitoring does."""
    path = f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{canary(scene)}"
    found = (await scene.get(path))["status"]["conditions"]
    others = [each for each in found if each["type"] != "example.com/Alarm"]
    alarm = {
        "type": "example.com/Alarm",
        "status": status,
        "reason": "Monitoring",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = json.dumps({"status": {"conditions": [*others, alarm]}})
    arguments = ("managedcluster", canary(scene), "--subresource=status", "--type=merge")
    await scene.kubectl("patch", *arguments, "-p", patch)


def equip(cluster: SimulatedCluster, now: float, changes: Objects | None = None) -> None:
    """Gives the cluster operators and pools that are well; `changes`: others instead."""
    for each in manifests({**objects(), **(changes or {})}):
        cluster.spoke.delete(key_of(each), now)
        cluster.spoke.create(each, now)


async def works(scene: Scene) -> list[str]:
    found = await scene.items(paths.works(), SELECTOR)
    return [each["metadata"]["namespace"] for each in found]


async def test_operators_and_nodes_are_read_while_others_wait(
    scene: Scene, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary_works, "INTERVAL", 0.5)
    monkeypatch.setattr(canary_works, "AGGREGATION", 0.2)
    await scene.fleet(count=3)
    sick = {MASTER: pool(1, 0), DNS: conditions(Available="True", Degraded="True")}
    scene.act(canary(scene), partial(equip, changes=sick))
    await scene.start()
    await health(clusterOperators=True, nodes=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    words = 'condition Degraded of its ClusterOperator dns is "True", not "False"'
    await waits(scene, words)
    assert await works(scene) == [canary(scene)]
    scene.act(canary(scene), partial(equip, changes={MASTER: pool(1, 0)}))
    await waits(scene, "0 of 1 nodes of its MachineConfigPool master are ready")
    await scene.stop()
    scene.act(canary(scene), equip)
    await scene.start()
    await scene.completed("careful")

    async def gone() -> bool:
        return not await works(scene)

    await scene.until(gone, "the work to go once nobody waits")


async def test_a_hub_without_read_only_works_keeps_the_others(scene: Scene, health: Health) -> None:
    async def old(client: Hub) -> Served:
        return replace(await discover(client), update_strategies=frozenset({"Update"}))

    await scene.fleet(count=3)
    await scene.start(discovering=old)
    await health(nodes=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, TOO_OLD)
    assert await works(scene) == []


async def test_canaries_beyond_those_that_are_read_at_once_say_so(
    scene: Scene, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary_works, "MAX_CLUSTERS", 0)
    await scene.fleet(count=3)
    await scene.start()
    await health(nodes=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, canary_works.TOO_MANY)
    assert await works(scene) == []


async def test_a_work_that_an_earlier_controller_left_is_removed(scene: Scene) -> None:
    """Another one with the label, which a tenant may set, stays."""
    await scene.fleet(count=1)
    for name in (WORK, "foreign"):
        left = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": name, "namespace": canary(scene), "labels": {SELECTOR: "true"}},
            "spec": {"workload": {"manifests": []}},
        }
        await scene.admin.request("POST", paths.works(canary(scene)), body=left)
    await scene.start()

    async def only_foreign() -> bool:
        found = await scene.items(paths.works(), SELECTOR)
        return [each["metadata"]["name"] for each in found] == ["foreign"]

    await scene.until(only_foreign, "the canary's work to go")
    await scene.admin.request("DELETE", paths.work(canary(scene), "foreign"))


@pytest.fixture
async def policies(scene: Scene) -> AsyncIterator[None]:
    """The hub serves policies of Open Cluster Management."""
    definition = str(crd("policy.open-cluster-management.io_policies"))
    await scene.kubectl("apply", "-f", definition)
    await scene.kubectl("wait", "--for=condition=Established", "-f", definition)
    yield
    await scene.kubectl("delete", "-f", definition)


async def test_a_canary_must_comply_with_its_policies(
    scene: Scene, health: Health, policies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_compliance, "INTERVAL", 0.5)
    await scene.fleet(count=3)
    await scene.start()
    await health(policies=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, "no policy is bound to it, and the RolloutPolicy asks for compliance")
    await scene.apply(policy(template("fh"), namespace=canary(scene)))
    await waits(scene, "its policy ztp-site.config is not reported yet")
    await comply(scene, "NonCompliant")
    await waits(scene, "its policy ztp-site.config is NonCompliant")
    await comply(scene, "Compliant")
    await scene.completed("careful")


async def comply(scene: Scene, compliant: str) -> None:
    patch = json.dumps({"status": {"compliant": compliant}})
    arguments = ("policies.policy.open-cluster-management.io", "ztp-site.config")
    more = ("-n", canary(scene), "--subresource=status", "--type=merge", "-p", patch)
    await scene.kubectl("patch", *arguments, *more)


async def test_a_hub_without_policies_keeps_the_others(scene: Scene, health: Health) -> None:
    await scene.fleet(count=3)
    await scene.start()
    await health(policies=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, NO_POLICIES)


async def test_without_the_right_to_list_policies_the_reason_says_what_to_do(
    scene: Scene, health: Health, policies: None, tmp_path: Path
) -> None:
    account = LimitedAccount(scene.hub, scene.admin, tmp_path)
    await account.grant()
    await scene.fleet(count=3)
    await scene.start(kubeconfig=await account.kubeconfig())
    await health(policies=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, policy_compliance.FORBIDDEN)
