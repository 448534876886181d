"""A hub whose CRD checks less than ibgu's: what it lets through, and what ibgu makes of it."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
import yaml
from prometheus_client import generate_latest

from ibgu.core.plan.grants import POLICY as GRANTS
from ibgu.hub.client import HubClient
from ibgu.resources import shipped
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from ibgu.telemetry import BAD_OBJECTS
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.talm import CGU_CRD


def older_crd() -> Object:
    """A CRD without rules, and without what ibgu has added to the status; `spec` takes anything."""
    path = shipped("charts/ibgu") / "crds" / "imagebasedgroupupgrades.yaml"
    crd: Object = yaml.safe_load(path.read_text())
    for version in crd["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        schema.pop("x-kubernetes-validations", None)
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        schema["properties"]["spec"] = anything
        for field in ("phase", "summary", "hidden"):
            schema["properties"]["status"]["properties"].pop(field)
        version["additionalPrinterColumns"] = []
    return crd


@pytest.fixture(scope="module")
def older_hub() -> Iterator[SandboxHub]:
    with SandboxHub() as hub:
        kubectl = Kubectl(hub)
        kubectl("replace", "-f", "-", stdin=json.dumps(older_crd()))
        # A hub before Kubernetes 1.30 has no admission policies either.
        kubectl("delete", "validatingadmissionpolicybinding", GRANTS)
        kubectl("apply", "-f", "-", stdin=CGU_CRD)
        kubectl("wait", "--for=condition=Established", "crd", "--all")
        wait_until(lambda: _published(kubectl), "the older schema in the OpenAPI", lambda: None)
        yield hub


def _published(kubectl: Kubectl) -> bool:
    """ibgu reads the schemas when it starts; they follow the CRD after a moment."""
    documents = [
        kubectl.run("get", "--raw", f"/openapi/v3/apis/{version}").out
        for version in ("lcm.openshift.io/v1alpha1", "ran.openshift.io/v1alpha1")
    ]
    return "hidden" not in documents[0] and "ClusterGroupUpgrade" in documents[1]


@pytest.fixture
async def scene(older_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    hub = older_hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        made = Scene(hub, database_url, admin)
        try:
            yield made
        finally:
            await made.close()


async def until_condition(scene: Scene, name: str, type_: str) -> Object:
    async def there() -> bool:
        return bool(await scene.condition(name, type_))

    await scene.until(there, f"the condition {type_} of {name}")
    return await scene.condition(name, type_)


async def until_done(scene: Scene, name: str) -> Object:
    async def done() -> bool:
        return bool((await scene.condition(name, "Progressing")).get("status") == "False")

    await scene.until(done, f"{name} to be completed")
    return await scene.status(name)


async def test_the_status_keeps_to_the_served_schema(scene: Scene) -> None:
    player = await scene.fleet(count=2)
    await scene.start()
    await scene.apply(ibgu("older", step("Prep"), fleet=scene.label))
    status = await until_done(scene, "older")
    assert not {"phase", "summary"} & set(status)
    assert [entry["name"] for entry in status["clusters"]] == list(player.clusters)
    assert "2 of 2 clusters done" in (await scene.condition("older", "Progressing"))["message"]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ([step("Upgrade"), step("Prep")], "invalid combinations of actions in the plan"),
        ([step("Nope")], "invalid combinations of actions in the plan"),
        ([step("prep")], "invalid combinations of actions in the plan"),
        ([step("Prep", most=0)], "spec.plan[0].rolloutStrategy.maxConcurrency"),
        ([step("Prep", timeout=-1)], "spec.plan[0].rolloutStrategy.timeout"),
    ],
)
async def test_an_invalid_plan_starts_nothing(scene: Scene, plan: list[Object], words: str) -> None:
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(ibgu("invalid", *plan, fleet=scene.label))
    condition = await until_condition(scene, "invalid", "InvalidPlan")
    assert words in condition["message"]
    await scene.told("invalid", words)
    controller = scene.controller
    assert controller is not None
    controller.measure()
    assert 'rollout="default/invalid"' in generate_latest().decode()
    assert scene.stages(f"{scene.label}-1") == []
    # Once it is put right it goes on.
    await scene.apply(ibgu("invalid", step("Prep"), fleet=scene.label))
    await until_done(scene, "invalid")
    assert await scene.condition("invalid", "InvalidPlan") == {}


async def test_a_plan_that_becomes_invalid_stops_new_starts_only(scene: Scene) -> None:
    await scene.fleet(count=2, durations="1000s")
    await scene.start()
    await scene.apply(ibgu("changed", step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    scene.freeze(first)
    (second,) = scene.others(first)
    await scene.apply(ibgu("changed", step("Upgrade", most=1), fleet=scene.label))
    condition = await until_condition(scene, "changed", "InvalidPlan")
    assert "append only" in condition["message"]
    scene.freeze(first, False)
    await scene.seen_in_journal("MemberFinished", first)
    assert scene.stages(first) == ["Prep"]
    assert scene.stages(second) == []
    await scene.apply(ibgu("changed", step("Prep", most=1), fleet=scene.label))
    await until_done(scene, "changed")
    assert scene.stages(second) == ["Prep"]


async def test_a_malformed_object_is_skipped_and_the_others_live(scene: Scene) -> None:
    await scene.fleet(count=1)
    odd = ibgu("odd", step("Prep"), fleet=scene.label)
    odd["spec"]["plan"] = "as before"
    await scene.apply(odd)
    bad = BAD_OBJECTS.labels("imagebasedgroupupgrades")._value
    before = bad.get()
    await scene.start()
    also = ibgu("also-odd", step("Prep"), fleet=scene.label)
    also["spec"]["clusterLabelSelectors"] = {"fleet": scene.label}
    await scene.apply(also)
    await scene.apply(ibgu("sound", step("Prep"), fleet=scene.label))
    await until_done(scene, "sound")
    for name in ("odd", "also-odd"):
        assert await scene.status(name) == {}
    assert bad.get() - before == 2  # each is reported once
    # Mended, it is carried out like any other.
    await scene.apply(ibgu("odd", step("Abort"), fleet=scene.label))
    await until_done(scene, "odd")
    assert scene.stages(f"{scene.label}-1") == ["Prep", "Abort"]


async def test_an_object_that_becomes_malformed_while_ibgu_is_away_is_not_gone(
    scene: Scene,
) -> None:
    """Nothing is decided about its rollout until somebody corrects it."""
    await scene.fleet(count=1, durations="700s")
    await scene.start()
    sound = ibgu("odd", step("Prep"), fleet=scene.label)
    await scene.apply(sound)
    await scene.accepted()
    scene.freeze(f"{scene.label}-1")
    await scene.stop()
    odd = ibgu("odd", step("Prep"), fleet=scene.label)
    odd["spec"]["plan"] = "as before"
    await scene.apply(odd)
    scene.freeze(f"{scene.label}-1", False)
    await scene.start()
    await scene.apply(ibgu("other", step("Prep"), fleet=scene.label))

    async def waits() -> bool:
        rows = await scene.journal("SELECT reason->>'message' AS why FROM members")
        return any("odd" in row["why"] for row in rows)

    await scene.until(waits, "the other rollout to wait for the cluster")
    kinds = {row["kind"] for row in await scene.journal("SELECT kind FROM events")}
    assert kinds.isdisjoint({"RolloutDeleted", "RunDisarmed", "Imported"})
    await scene.apply(sound)
    await until_done(scene, "odd")
    await until_done(scene, "other")


async def test_unfinished_work_of_talm_holds_its_ibgu(scene: Scene) -> None:
    first = f"{scene.label}-1"
    cgu = {
        "apiVersion": "ran.openshift.io/v1alpha1",
        "kind": "ClusterGroupUpgrade",
        "metadata": {"name": "talm-prep-0", "namespace": "default", "labels": {"ibgu": "talm"}},
    }
    await scene.apply(cgu)
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(ibgu("talm", step("Prep"), fleet=scene.label))
    await scene.apply(ibgu("free", step("Prep"), fleet=scene.label))
    held = await until_condition(scene, "talm", "Held")
    assert held["reason"] == "UnfinishedGroupUpgrades"
    assert "ClusterGroupUpgrades" in held["message"]
    await until_done(scene, "free")
    assert scene.stages(first) == ["Prep"]
    done = '{"status": {"conditions": [{"type": "Succeeded", "status": "True"}]}}'
    await scene.kubectl(
        *("patch", "cgu", "talm-prep-0", "--subresource=status", "--type=merge", "-p", done)
    )
    await until_done(scene, "talm")
    await scene.kubectl("delete", "cgu", "talm-prep-0")
