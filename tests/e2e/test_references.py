"""A tenant who may create IBGUs in one namespace, and what ibgu carries for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import yaml

from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.probe_hub import AccessQuestion
from ibgu.controller.lookups import membership
from ibgu.core.plan import references
from ibgu.sandbox.kubectl import KubectlResult
from tests.charts.rendering import render
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, config_map, ibgu, pull_secret, step

FOREIGN = {"name": "foreign", "namespace": "openshift-adp"}
ABSENT = {"name": "foreign", "namespace": "nowhere-on-the-hub"}
MARK = "kept-from-tenants"


@pytest.fixture
async def tenant(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["Tenant"]:
    monkeypatch.setattr(membership, "RETRY_SECONDS", 0.5)
    monkeypatch.setattr(references, "SETTLED", timedelta(0))
    made = Tenant(scene)
    await made.come()
    yield made
    await made.go()


class Tenant:
    """May do anything with the IBGUs of the namespace `default`, and read nothing."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.name = f"tenant-{scene.label}"
        kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
        objects = [each for each in render() if each["kind"] in kinds]
        self._policy = yaml.safe_dump_all(objects)

    async def come(self) -> None:
        kubectl, name = self._scene.kubectl, self.name
        what = "--resource=imagebasedgroupupgrades.lcm.openshift.io"
        await kubectl("create", "role", name, "--verb=*", what)
        await kubectl("create", "rolebinding", name, f"--role={name}", f"--user={name}")
        await self._scene.apply(config_map("openshift-adp", "foreign", secret=MARK))
        database = {"type": "Opaque", "stringData": {"password": MARK}}
        await self._scene.apply(pull_secret("default", "database") | database)

    async def go(self) -> None:
        await self._scene.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=self._policy)
        # It is enforced for a moment after it is gone.
        await self._scene.until(self._may_create, "the policy to be lifted")
        await self._scene.kubectl("delete", "role,rolebinding", self.name)
        await self._scene.kubectl("delete", "secret", "database")
        await self._scene.kubectl("delete", "cm", "foreign", "-n", "openshift-adp")

    async def create(self, manifest: Object, *options: str) -> KubectlResult:
        asked = ("--as", self.name, "create", *options, "-f", "-")
        return await self._scene.tried(*asked, stdin=json.dumps(manifest))

    async def _may_create(self) -> bool:
        """Whether an IBGU that refers to another namespace is accepted."""
        probe = ibgu("probe", step("Prep"), fleet="none", oadpContent=[FOREIGN])
        return not (await self.create(probe, "--dry-run=server")).code

    async def install_policy(self) -> None:
        """Installs the policy, and waits until the API server enforces it."""
        await self._scene.apply(self._policy)

        async def enforced() -> bool:
            return not await self._may_create()

        await self._scene.until(enforced, "the policy to be enforced")
        await asyncio.sleep(1.1)  # times of creation have whole seconds


def attack(scene: Scene, *, secret: str = "") -> Object:
    if not secret:
        return ibgu("attack", step("Prep"), fleet=scene.label, oadpContent=[FOREIGN])
    seed = {"image": "quay.io/x:4.17", "version": "4.17.0", "pullSecretRef": {"name": secret}}
    return ibgu("attack", step("Prep"), fleet=scene.label, seedImageRef=seed)


async def shipped(scene: Scene) -> str:
    """All that is on its way to the clusters."""
    return json.dumps(await scene.works(f"{scene.label}-1"))


async def test_with_the_policy_nothing_of_it_is_even_created(scene: Scene, tenant: Tenant) -> None:
    await tenant.install_policy()
    await scene.fleet(count=1)
    await scene.start(payload_references="namespace")
    absent = ibgu("attack", step("Prep"), fleet=scene.label, oadpContent=[ABSENT])
    for manifest in (attack(scene), attack(scene, secret="database"), absent):
        answer = await tenant.create(manifest)
        assert f"{tenant.name} may not get" in answer.err
    await scene.apply(attack(scene))  # an administrator may read it, and so have it carried
    await scene.completed("attack")
    assert await scene.condition("attack", "PayloadChecked") == {}
    found = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}
    assert found["references"].level == "ok"


async def test_a_tenants_ibgu_from_before_the_policy_is_not_trusted(
    scene: Scene, tenant: Tenant
) -> None:
    await scene.fleet(count=1)
    assert not (await tenant.create(attack(scene))).code
    await tenant.install_policy()
    await scene.start()
    await scene.phase("attack", "Held")
    held = await scene.condition("attack", "Held")
    assert (
        "refers to ConfigMap openshift-adp/foreign outside of namespace default" in held["message"]
    )
    assert "older than the admission policy" in held["message"]
    assert await scene.works(f"{scene.label}-1") == []
    found = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}
    assert "unchecked: default/attack" in found["references"].found
    await scene.kubectl("delete", "ibgu", "attack")
    await scene.apply(attack(scene))
    await scene.completed("attack")


async def test_a_step_under_way_goes_on_when_the_policy_comes(scene: Scene, tenant: Tenant) -> None:
    """An upgrade of the chart may bring it: who waits gets what the step has begun with, too."""
    await scene.fleet(count=2)
    running = attack(scene)
    running["spec"]["plan"] = [step("Prep", most=1)]
    victim = await scene.victim("after:RunIntended")
    await scene.apply(running)
    await scene.killed(victim)
    await tenant.install_policy()
    await scene.start(payload_references="namespace")
    await scene.completed("attack")
    for cluster in (f"{scene.label}-1", f"{scene.label}-2"):
        assert scene.stages(cluster) == ["Prep"]
    checked = await scene.condition("attack", "PayloadChecked")
    assert (checked["status"], checked["reason"]) == ("False", "OlderThanPolicy")


async def test_unchecked_references_are_reported_where_authors_are_trusted(
    scene: Scene, tenant: Tenant
) -> None:
    await scene.fleet(count=1)
    assert not (await tenant.create(attack(scene))).code
    await tenant.install_policy()
    await scene.start(payload_references="trust")
    await scene.completed("attack")
    checked = await scene.condition("attack", "PayloadChecked")
    assert (checked["status"], checked["reason"]) == ("False", "OlderThanPolicy")
    assert "may read ConfigMap openshift-adp/foreign" in checked["message"]
    await scene.told("attack", "it was not checked whether its author may read")


async def test_without_a_policy_references_stay_in_the_namespace(
    scene: Scene, tenant: Tenant
) -> None:
    """Hubs before Kubernetes 1.30 have no policy; there the setting says so."""
    await scene.fleet(count=1)
    await scene.start(payload_references="namespace")
    assert not (await tenant.create(attack(scene))).code
    await scene.phase("attack", "Held")
    held = await scene.condition("attack", "Held")
    assert "the admission policy ibgu-payload-references is not on the hub" in held["message"]
    assert MARK not in await shipped(scene)
    await scene.kubectl("delete", "ibgu", "attack")
    await scene.apply(config_map("default", "own", backup="kind: Backup"))
    own = [{"name": "own", "namespace": "default"}]
    await scene.apply(ibgu("honest", step("Prep"), fleet=scene.label, oadpContent=own))
    await scene.completed("honest")
