"""The manual's IBGU on a hub where helm has installed the chart with its defaults."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.probe_hub import AccessQuestion
from ibgu.core.plan import references
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.contents import manifests, served
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.users import SYSTEM_NAMESPACE, sandbox_rbac
from ibgu.sandbox.waiting import wait_until
from tests.charts.rendering import CHART, NEEDED, helm
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import appended, as_object, config_map, documented, pull_secret
from tests.e2e.test_payload import found
from tests.neighbours.programs import crd_if_there

ADP, LCA = NAMESPACES
PLAN = """
    - actions: ["Prep"]
      rolloutStrategy:
        maxConcurrency: 2
        timeout: 240
"""


@pytest.fixture(scope="module")
def prepared_hub() -> Iterator[SandboxHub]:
    """A hub whose administrator has created the manual's namespaces first."""
    with hub_of_acm() as hub:
        for namespace in NAMESPACES:
            Kubectl(hub)("create", "namespace", namespace)
        install(hub)
        yield hub


@pytest.fixture(scope="module")
def bare_hub() -> Iterator[SandboxHub]:
    """A hub that has none of them."""
    with hub_of_acm() as hub:
        yield hub


ACM = ("managedclusters", "manifestworks")
"""CRDs that are the neighbours' where they are there, and else the sandbox's."""


@contextmanager
def hub_of_acm() -> Iterator[SandboxHub]:
    """A hub with Open Cluster Management and nothing of ibgu; the fleet has its rights there."""
    with SandboxHub(filled=False) as hub:
        kubectl = Kubectl(hub)
        theirs = [each for each in sandbox_rbac([]) if "sandbox" in each["metadata"]["name"]]
        cluster_wide = [each for each in theirs if "namespace" not in each["metadata"]]
        for manifest in (*manifests(hub_binaries().crds), *cluster_wide):
            kubectl.apply(manifest)
        for shipped in filter(None, map(crd_if_there, ACM)):
            kubectl("replace", "-f", str(shipped))
        yield hub


def install(hub: SandboxHub) -> str:
    """Installs the chart, or upgrades it; returns what helm tells."""
    at = ("--kubeconfig", str(hub.kubeconfig("admin")), "--namespace", SYSTEM_NAMESPACE)
    told = helm(
        *("upgrade", "--install", "ibgu", str(CHART), *at, "--create-namespace", "--no-hooks"),
        *("--values", "-"),
        stdin=json.dumps(NEEDED),
    )
    admin = SandboxRest(hub.url, hub.ca_file, hub.token("admin"))
    wait_until(lambda: served(admin), "the API of ibgu", lambda: None)
    return told


@pytest.fixture
async def prepared(prepared_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(prepared_hub, database_url) as made:
        yield made


@pytest.fixture
async def bare(bare_hub: SandboxHub, database_url: str) -> AsyncIterator[tuple[Scene, str]]:
    """With what helm told."""
    told = install(bare_hub)
    async with scene_on(bare_hub, database_url) as made:
        yield made, told


@pytest.fixture(autouse=True)
def settled_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """IBGUs of the first ten seconds count as older than the policy; helm's install takes one."""
    monkeypatch.setattr(references, "SETTLED", timedelta(seconds=-1))


async def deployed(scene: Scene) -> dict[str, Any]:
    """The settings that the chart gives the controller, but for its addresses and its database."""
    text = await scene.kubectl(
        "get", "deployment", "ibgu-controller", "-n", SYSTEM_NAMESPACE, "-o", "json"
    )
    (container,) = json.loads(text)["spec"]["template"]["spec"]["containers"]
    return {
        each["name"].removeprefix("IBGU_").lower(): each["value"]
        for each in container["env"]
        if each["name"].startswith("IBGU_") and not each["name"].endswith("LISTEN")
    }


async def apply_the_manuals(scene: Scene) -> None:
    clusters = tuple(scene.others())
    await scene.apply(pull_secret("default", "seed-pull-secret"))
    await scene.apply(as_object(documented("manual", PLAN, clusters)))


async def doctor(scene: Scene, check: str) -> list[tuple[str, str]]:
    """Level and words of the check's findings."""
    findings = await examine(scene.settings(**await deployed(scene)), AccessQuestion())
    return [(each.level, each.found) for each in findings if each.check == check]


async def test_the_manuals_ibgu_is_carried_out(prepared: Scene) -> None:
    scene = prepared
    await scene.fleet(count=2)
    await scene.apply(config_map(ADP, "oadp-cm", backup="kind: Backup"))
    await scene.apply(config_map(LCA, "example-extra-manifests", extra="kind: Namespace"))
    await scene.start(**await deployed(scene))
    await apply_the_manuals(scene)
    await scene.completed("manual")
    for cluster in scene.others():
        carried = found(scene, cluster)
        assert carried["ConfigMap", ADP, "oadp-cm"]["data"] == {"backup": "kind: Backup"}
        assert ("ConfigMap", LCA, "example-extra-manifests") in carried
    assert await scene.condition("manual", "PayloadComplete") == {}
    await scene.append("manual", appended("Upgrade", 2, 240))
    for cluster in scene.others():
        await scene.seen_in_journal("RunEnded", cluster, count=2)
        assert scene.stages(cluster) == ["Prep", "Upgrade"]
    assert [level for level, _ in await doctor(scene, "payload namespaces")] == ["ok"]


async def test_a_namespace_that_is_not_there_is_a_warning_as_with_talm(
    bare: tuple[Scene, str],
) -> None:
    scene, told = bare
    assert f"Not on the hub, so ibgu got no rights there: {ADP}, {LCA}\n" in told
    elsewhere = [f"ConfigMap/{ADP}/oadp-cm", f"ConfigMap/{LCA}/example-extra-manifests"]
    await scene.fleet(count=1, delivered=elsewhere)
    await scene.start(**await deployed(scene))
    await apply_the_manuals(scene)
    await scene.completed("manual")
    assert scene.stages(f"{scene.label}-1") == ["Prep"]
    condition = await scene.condition("manual", "PayloadComplete")
    assert condition["status"] == "False"
    for name in (f"{ADP}/oadp-cm", f"{LCA}/example-extra-manifests"):
        namespace = name.partition("/")[0]
        words = f"ConfigMap {name} is not on the hub, which has no namespace {namespace}"
        assert words in condition["message"]
    assert {level for level, _ in await doctor(scene, "payload namespaces")} == {"skipped"}
    assert {level for level, _ in await doctor(scene, "ConfigMaps and secrets")} == {"warning"}
    # Then the administrator creates one, and does what the notes say.
    await scene.kubectl("create", "namespace", ADP)
    assert "error" in {level for level, _ in await doctor(scene, "ConfigMaps and secrets")}
    assert f"no rights there: {LCA}\n" in await asyncio.to_thread(install, scene.hub)
    assert {level for level, _ in await doctor(scene, "ConfigMaps and secrets")} == {"warning"}
