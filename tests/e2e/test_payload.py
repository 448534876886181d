"""The payload that a Prep carries to the clusters, and what users hear when it can't."""

import asyncio
from base64 import b64decode

import pytest

from ibgu.controller.lookups import membership
from ibgu.core.model.names import ARMED, ARMING
from ibgu.sim.agent.agent import WorkAgent
from ibgu.sim.agent.held import HeldWork
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke.objects import Key
from ibgu.sim.wire import Patch
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, appended, config_map, ibgu, pull_secret, step

OADP = {"name": "oadp-cm", "namespace": "openshift-adp"}
EXTRA = {"name": "example-extra-manifests", "namespace": "openshift-lifecycle-agent"}


def carrying(scene: Scene, *, oadp: Object = OADP, secret: str = "pull") -> Object:
    seed = {
        "image": "quay.io/seed/image:4.17.0-rc.1",
        "version": "4.17.0-rc.1",
        "pullSecretRef": {"name": secret},
    }
    return ibgu(
        "carrying",
        step("Prep"),
        fleet=scene.label,
        seedImageRef=seed,
        oadpContent=[oadp],
        extraManifests=[EXTRA],
    )


def found(scene: Scene, cluster: str) -> dict[tuple[str, str, str], Object]:
    """ConfigMaps and Secrets on the cluster."""
    objects = scene.cluster(cluster).spoke.objects
    return {_place(key): dict(body) for key, body in objects.items() if key.kind in CARRIED}


CARRIED = ("ConfigMap", "Secret")


def _place(key: Key) -> tuple[str, str, str]:
    return (key.kind, key.namespace, key.name)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "RETRY_SECONDS", 0.5)


@pytest.mark.parametrize("type_", ["kubernetes.io/dockerconfigjson", "Opaque"])
async def test_the_payload_is_on_the_cluster_before_prep(scene: Scene, type_: str) -> None:
    name = f"pull-{type_.rpartition('/')[2].lower()}"
    await scene.apply(config_map(OADP["namespace"], OADP["name"], backup="kind: Backup"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    more = {"type": type_, "stringData": {".dockerconfigjson": '{"auths": {}}', "seedAuth": "x"}}
    await scene.apply(pull_secret("default", name) | more)
    await scene.fleet(count=2)
    await scene.start()
    await scene.apply(carrying(scene, secret=name))
    await scene.completed("carrying")
    carried = found(scene, f"{scene.label}-1")
    assert carried["ConfigMap", "openshift-adp", "oadp-cm"]["data"] == {"backup": "kind: Backup"}
    extra = carried["ConfigMap", "openshift-lifecycle-agent", "example-extra-manifests"]
    assert extra["data"] == {"extra": "kind: Namespace"}
    secret = carried["Secret", "openshift-lifecycle-agent", name]
    assert secret["type"] == type_
    assert {key: b64decode(value) for key, value in secret["data"].items()} == {
        ".dockerconfigjson": b'{"auths": {}}'
    }
    names = [w["metadata"]["name"] for w in await scene.works(f"{scene.label}-1")]
    assert [name.rpartition("-")[2] for name in names] == ["stage"]


async def test_missing_payload_is_named_and_may_come_another_way(scene: Scene) -> None:
    await scene.fleet(
        count=1,
        delivered=[
            "ConfigMap/openshift-adp/elsewhere",
            "ConfigMap/openshift-lifecycle-agent/example-extra-manifests",
            "Secret/openshift-lifecycle-agent/nowhere",
        ],
    )
    await scene.kubectl(
        *("delete", "cm", EXTRA["name"], "-n", EXTRA["namespace"], "--ignore-not-found")
    )
    await scene.start()
    await scene.apply(carrying(scene, oadp=OADP | {"name": "elsewhere"}, secret="nowhere"))
    await scene.completed("carrying")
    condition = await scene.condition("carrying", "PayloadComplete")
    assert condition["status"] == "False"
    told = " ".join(await scene.warnings("carrying"))
    for name in ("openshift-adp/elsewhere", "default/nowhere"):
        assert name in condition["message"]
        assert name in told


async def test_a_forbidden_source_keeps_the_step_closed_and_says_how_to_allow(
    scene: Scene, quick_retries: None
) -> None:
    await scene.kubectl("create", "namespace", f"{scene.label}-cm")
    await scene.apply(config_map(f"{scene.label}-cm", "oadp", backup="kind: Backup"))
    await scene.fleet(count=1, delivered=[f"ConfigMap/{scene.label}-cm/oadp"])
    await scene.start()
    oadp = {"name": "oadp", "namespace": f"{scene.label}-cm"}
    await scene.apply(carrying(scene, oadp=oadp))
    await scene.phase("carrying", "Held")
    held = await scene.condition("carrying", "Held")
    assert "oc create rolebinding ibgu-payload-reader" in held["message"]
    await scene.told("carrying", held["message"])
    assert scene.stages(f"{scene.label}-1") == []
    # The printed line is the remedy; only the command's name differs.
    line = held["message"].partition("oc ")[2]
    await scene.apply(pull_secret("default", "pull"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.kubectl(*line.split())
    await scene.completed("carrying")
    assert scene.stages(f"{scene.label}-1") == ["Prep"]


async def test_a_secret_that_is_no_pull_secret_is_not_shipped(
    scene: Scene, quick_retries: None
) -> None:
    """A tenant names any Secret of its namespace, to read it on a cluster that it chooses."""
    name = f"{scene.label}-database"
    password = {"type": "Opaque", "stringData": {"password": "kept-from-tenants"}}
    await scene.apply(pull_secret("default", name) | password)
    await scene.apply(config_map(OADP["namespace"], OADP["name"], backup="kind: Backup"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(carrying(scene, secret=name))
    await scene.phase("carrying", "Held")
    held = await scene.condition("carrying", "Held")
    assert f"Secret default/{name} has the type Opaque" in held["message"]
    assert await scene.works(f"{scene.label}-1") == []
    assert found(scene, f"{scene.label}-1") == {}
    await scene.kubectl("delete", "ibgu", "carrying")
    await scene.apply(pull_secret("default", "pull"))
    await scene.apply(carrying(scene))
    await scene.completed("carrying")


async def test_an_oversized_payload_touches_no_cluster(scene: Scene, quick_retries: None) -> None:
    name = f"{scene.label}-big"
    await scene.apply(config_map("openshift-adp", name, backup="small"))
    big = "x" * 700_000
    await scene.kubectl(
        *("patch", "cm", name, "-n", "openshift-adp", "--type=merge"),
        *("--patch-file", "/dev/stdin"),
        stdin=f'{{"data": {{"backup": "{big}"}}}}',
    )
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(carrying(scene, oadp=OADP | {"name": name}))
    await scene.phase("carrying", "Held")
    held = await scene.condition("carrying", "Held")
    assert f"ConfigMap openshift-adp/{name}" in held["message"]
    assert scene.stages(f"{scene.label}-1") == []
    await scene.kubectl("delete", "cm", name, "-n", "openshift-adp")


async def test_a_restart_in_the_middle_carries_on(scene: Scene) -> None:
    """Content is in memory only: it is read again before anything waits for it."""
    await scene.apply(config_map(OADP["namespace"], OADP["name"], backup="kind: Backup"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.apply(pull_secret("default", "pull"))
    await scene.fleet(count=3)
    victim = await scene.victim("after:RunIntended")
    await scene.apply(carrying(scene))
    await scene.killed(victim)
    await scene.start(payload_check_seconds=600)
    await scene.completed("carrying")
    for number in (1, 2, 3):
        assert scene.stages(f"{scene.label}-{number}") == ["Prep"]


async def test_a_pull_secret_is_taken_back_after_prep(scene: Scene) -> None:
    """The setting takes it back however Prep has ended. ConfigMaps stay: Upgrade needs them."""
    await scene.apply(config_map(OADP["namespace"], OADP["name"], backup="kind: Backup"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.apply(pull_secret("default", "pull"))
    failing = f"{scene.label}-1"
    await scene.fleet(count=2, faults=[f"prep.precache@{failing}"])
    await scene.start(take_back_pull_secrets=True)
    await scene.apply(carrying(scene))
    await scene.until(
        lambda: any(_secrets(scene, cluster) for cluster in scene.others()), "a pull secret to come"
    )
    for cluster in scene.others():
        await scene.seen_in_journal("RunEnded", cluster)
        await _taken_back(scene, cluster)
        assert len(found(scene, cluster)) == 2
    (ready,) = scene.others(failing)
    await scene.append("carrying", appended("Upgrade", 2, 240))
    await scene.seen_in_journal("RunEnded", ready, count=2)
    assert scene.stages(ready) == ["Prep", "Upgrade"]


async def test_a_reopened_prep_still_has_its_pull_secret(
    scene: Scene,
) -> None:
    """The Prep was withdrawn from the hub meanwhile, and the cluster had taken it all the same
    (R9)."""
    await scene.apply(config_map(OADP["namespace"], OADP["name"], backup="kind: Backup"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.apply(pull_secret("default", "pull"))
    await scene.fleet(count=1, scale=0.03, durations="20s", faults=["blocked:900s"])
    await scene.start(take_back_pull_secrets=True, clock=ScaledTime(20))
    cluster = f"{scene.label}-1"
    scene.act(cluster, _says_nothing_of_what_it_is_told)
    await scene.apply(carrying(scene))
    await scene.until(lambda: scene.stages(cluster) == ["Prep"], "the cluster to take Prep")
    before = await _payload_work(scene, cluster)
    scene.act(cluster, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    await scene.seen_in_journal("RunEnded", cluster)
    await scene.at_rest()
    assert await _payload_work(scene, cluster) == before != []
    scene.act(cluster, lambda cluster, now: SimulatedCluster.come_back(cluster))
    scene.act(cluster, _says_everything)
    await scene.seen_in_journal("RunReopened", cluster)
    assert _secrets(scene, cluster) == ["pull"]
    await scene.completed("carrying")
    assert scene.stages(cluster) == ["Prep"]
    await _taken_back(scene, cluster)


class _Silent(WorkAgent):
    """Carries out what the hub asks for, and reports nothing of it."""

    def _read(self, held: HeldWork, now: float) -> Patch | None:
        armed = (held.work.metadata.annotations or {}).get(ARMING) == ARMED
        return None if armed else super()._read(held, now)


def _says_nothing_of_what_it_is_told(cluster: SimulatedCluster, now: float) -> None:
    cluster.agent.__class__ = _Silent


def _says_everything(cluster: SimulatedCluster, now: float) -> None:
    cluster.agent.__class__ = WorkAgent
    cluster.agent.thaw(now)


async def test_content_that_changes_while_prep_runs_takes_nothing_from_its_cluster(
    scene: Scene,
) -> None:
    """A work of the new content would have the old one removed, and with it the pull secret."""
    name = f"{scene.label}-oadp"
    await scene.apply(config_map(OADP["namespace"], name, backup="first"))
    await scene.apply(config_map(EXTRA["namespace"], EXTRA["name"], extra="kind: Namespace"))
    await scene.apply(pull_secret("default", "pull"))
    await scene.fleet(count=3, faults=[f"blocked:1000s@{scene.label}-1,{scene.label}-2"])
    await scene.start(take_back_pull_secrets=True)
    manifest = carrying(scene, oadp=OADP | {"name": name})
    manifest["spec"]["plan"] = [step("Prep", most=2)]
    await scene.apply(manifest)
    slow, quick, last = scene.others()
    for cluster in (slow, quick):
        await scene.seen_in_journal("RunAccepted", cluster)
        scene.freeze(cluster)
    before = await _payload_work(scene, slow)
    await scene.apply(config_map(OADP["namespace"], name, backup="second"))
    await asyncio.sleep(6)  # ibgu looks every second
    scene.freeze(quick, False)
    await scene.phase("carrying", "Held")
    await scene.annotate("carrying", "ibgu.dev/resume=1")
    await scene.seen_in_journal("RunEnded", last)
    assert found(scene, last)["ConfigMap", "openshift-adp", name]["data"]["backup"] == "second"
    assert await _payload_work(scene, slow) == before
    assert _secrets(scene, slow) == ["pull"]
    scene.freeze(slow, False)
    await scene.completed("carrying")
    await _taken_back(scene, slow)


async def _taken_back(scene: Scene, cluster: str) -> None:
    await scene.until(lambda: _secrets(scene, cluster) == [], "the pull secret to go")


async def _payload_work(scene: Scene, cluster: str) -> list[str]:
    """Returns the work's uid; empty if it is not there."""
    works = [work["metadata"] for work in await scene.works(cluster)]
    return [meta["uid"] for meta in works if meta["name"].endswith("-payload")]


def _secrets(scene: Scene, cluster: str) -> list[str]:
    return [name for kind, _, name in found(scene, cluster) if kind == "Secret"]


async def test_a_changed_source_holds_new_starts_until_a_person_resumes(scene: Scene) -> None:
    name = f"{scene.label}-oadp"
    await scene.apply(config_map(OADP["namespace"], name, backup="first"))
    await scene.fleet(count=2, faults=["blocked:1000s"])
    await scene.start()
    manifest = carrying(scene, oadp=OADP | {"name": name})
    manifest["spec"]["plan"] = [step("Prep", most=1)]
    await scene.apply(manifest)
    first = await scene.accepted()
    scene.freeze(first)
    (second,) = scene.others(first)
    await scene.apply(config_map(OADP["namespace"], name, backup="second"))
    await asyncio.sleep(6)  # ibgu looks every second
    scene.freeze(first, False)
    await scene.phase("carrying", "Held")
    assert "ibgu.dev/resume" in (await scene.condition("carrying", "Held"))["message"]
    assert scene.stages(second) == []
    await scene.annotate("carrying", "ibgu.dev/resume=1")
    await scene.completed("carrying")
    assert found(scene, first)["ConfigMap", "openshift-adp", name]["data"]["backup"] == "first"
    assert found(scene, second)["ConfigMap", "openshift-adp", name]["data"]["backup"] == "second"
