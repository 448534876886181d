"""A hub that serves no ValidatingAdmissionPolicies, as those before Kubernetes 1.30."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.probe_hub import AccessQuestion
from ibgu.sandbox import contents
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.waiting import wait_until
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, config_map, ibgu, step
from tests.e2e.talm import a_rollout

WITHOUT_POLICIES = (
    "--runtime-config=admissionregistration.k8s.io/v1=false",
    "--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy,"
    "ValidatingAdmissionWebhook,MutatingAdmissionWebhook",
)
FOREIGN = {"name": "foreign", "namespace": "openshift-adp"}
LACKS = "the admission policy ibgu-payload-references is not on the hub"


@pytest.fixture(scope="module")
def older_hub() -> Iterator[SandboxHub]:
    with SandboxHub(namespaces=NAMESPACES) as hub:
        hub.restart_apiserver(*WITHOUT_POLICIES)
        admin = SandboxRest(hub.url, hub.ca_file, hub.token("admin"))
        wait_until(lambda: contents.served(admin), "the API of the hub", lambda: None)
        yield hub


@pytest.fixture
async def scene(older_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(older_hub, database_url) as made:
        yield made


def referring(scene: Scene) -> Object:
    return ibgu("attack", step("Prep"), fleet=scene.label, oadpContent=[FOREIGN])


async def test_the_hub_does_not_even_know_the_kind(scene: Scene) -> None:
    answer = await scene.tried("get", "validatingadmissionpolicies")
    assert "the server doesn't have a resource type" in answer.err


async def test_confined_references_are_refused_and_the_doctor_says_so(scene: Scene) -> None:
    await scene.apply(config_map("openshift-adp", "foreign", secret="kept-from-tenants"))
    await scene.fleet(count=1)
    await scene.start(payload_references="namespace")
    await scene.apply(referring(scene))
    await scene.phase("attack", "Held")
    held = (await scene.condition("attack", "Held"))["message"]
    assert "ConfigMap openshift-adp/foreign outside of namespace default" in held
    assert LACKS in held
    assert await scene.works(f"{scene.label}-1") == []
    settings = scene.settings(payload_references="namespace")
    found = {each.check: each for each in await examine(settings, AccessQuestion())}["references"]
    assert (found.level, found.found) == (
        "ok",
        f"{LACKS}; ConfigMaps outside of an IBGU's namespace are refused (IBGU_PAYLOAD_REFERENCES)",
    )


async def test_trusted_authors_are_carried_and_the_doctor_warns(scene: Scene) -> None:
    """TALM's behaviour, and the default."""
    await scene.apply(config_map("openshift-adp", "foreign", secret="kept-from-tenants"))
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(referring(scene))
    await scene.completed("attack")
    found = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}[
        "references"
    ]
    assert found.level == "warning"
    assert found.found.startswith(
        f"{LACKS}: anyone who may create an IBGU can deliver any ConfigMap"
    )
    assert "Kubernetes 1.30" in found.do
    assert found.do.endswith("else set IBGU_PAYLOAD_REFERENCES=namespace")


async def test_beside_a_live_talm_nothing_is_written(scene: Scene) -> None:
    made = await a_rollout(scene, "talm", step("Prep"))
    try:
        await made.lives()
        await scene.start()
        words = "this hub serves no ValidatingAdmissionPolicies (Kubernetes 1.30 and newer)"
        assert any(words in problem for problem in scene.told_problems())
        await scene.seen_in_journal("RolloutHeld")
    finally:
        await made.cleans_up()
