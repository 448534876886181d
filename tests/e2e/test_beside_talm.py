"""The real TALM on one hub with ibgu: who carries out an ImageBasedGroupUpgrade."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.probe_hub import AccessQuestion
from ibgu.controller.lookups import talm as lookup
from ibgu.core.talm import beside, names
from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import USERS
from tests.charts.rendering import render
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.real_talm import USER, RealTalm, group_upgrade
from tests.neighbours.programs import program

POLICY = "ibgu-beside-talm"
AS_BEFORE = 11.0
"""Seconds after which what is created no longer counts as left from before the policy."""


@pytest.fixture(scope="module")
def talm_program() -> Path:
    return program("TALM")


@pytest.fixture(scope="module")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "audit.log"


@pytest.fixture(scope="module")
def hub(talm_program: Path, audit_log: Path) -> Iterator[SandboxHub]:
    """A hub of its own: TALM acts on everything."""
    with SandboxHub(audit_log=audit_log) as hub:
        yield hub


@pytest.fixture(scope="module")
def talm(
    hub: SandboxHub, talm_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealTalm]:
    made = RealTalm(hub, talm_program, tmp_path_factory.mktemp("talm"))
    made.install()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy settles in a second, and TALM is looked for all the time."""
    monkeypatch.setattr(beside, "SETTLED", 1.0)
    monkeypatch.setattr(lookup, "INTERVAL", 0.3)


@pytest.fixture
async def scene(talm: RealTalm, hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(hub, database_url) as made:
        try:
            yield made
        finally:
            await remove_policy(made)
            await made.kubectl("delete", "cgu,manifestworkreplicasets,ibgu", "--all", "-A")


def policy() -> list[Object]:
    return [o for o in render({"besideTalm": True}) if o["metadata"]["name"] == POLICY]


async def remove_policy(scene: Scene) -> None:
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        await scene.kubectl("delete", kind, POLICY, "--ignore-not-found")


async def install_policy(scene: Scene) -> None:
    """Installs it, and waits until the API server enforces it."""
    await scene.apply(yaml.safe_dump_all(policy()))
    body = group_upgrade("probe")
    body["metadata"]["labels"] = {"ibgu": "probe"}
    as_talm = ("--as", USER, "create", "--dry-run=server", "-f", "-")

    async def enforced() -> bool:
        return "denied request" in (await scene.tried(*as_talm, stdin=yaml.safe_dump(body))).err

    await scene.until(enforced, "the policy to be enforced")


async def group_upgrades(scene: Scene) -> list[Object]:
    return await scene.items(paths.cgus("default"))


async def of_ibgu(scene: Scene, name: str) -> list[str]:
    """Returns TALM's ClusterGroupUpgrades of the IBGU; those of an earlier test may be left."""
    found = (group["metadata"] for group in await group_upgrades(scene))
    return [meta["name"] for meta in found if meta.get("labels", {}).get("ibgu") == name]


async def acted_on(scene: Scene, name: str) -> bool:
    """Whether TALM has begun the ClusterGroupUpgrade."""
    found = await scene.get(paths.cgu("default", name))
    return bool(found.get("status", {}).get("conditions"))


async def test_without_the_policy_talm_carries_it_out(scene: Scene) -> None:
    await scene.fleet(count=1)
    await scene.apply(ibgu("talms", step("Prep"), fleet=scene.label))

    async def begun() -> bool:
        return await of_ibgu(scene, "talms") != []

    await scene.until(begun, "TALM's ClusterGroupUpgrade")


async def test_with_it_talm_goes_on_with_what_is_its_own(scene: Scene, talm: RealTalm) -> None:
    await install_policy(scene)
    await scene.fleet(count=1)
    before = len(talm.refusals())
    await scene.apply(ibgu("ours", step("Prep"), fleet=scene.label))
    await scene.until(lambda: len(talm.refusals()) > before, "TALM to be refused")
    await scene.apply(group_upgrade("its-own", f"{scene.label}-1"))
    await scene.until(lambda: acted_on(scene, "its-own"), "TALM to act on its own")
    assert await of_ibgu(scene, "ours") == []
    assert await scene.status("ours") == {}
    assert await scene.labels(f"{scene.label}-1") == {}


async def held(scene: Scene, words: str) -> None:
    """Everything holds, and says why."""

    def told() -> bool:
        return any(words in problem for problem in scene.told_problems())

    await scene.until(told, f"readiness to say {words!r}")


async def goes_on(scene: Scene) -> None:
    await scene.until(lambda: scene.told_problems() == [], "ibgu to go on")


async def test_ibgu_and_talm_work_side_by_side(scene: Scene, talm: RealTalm) -> None:
    """ibgu carries out an IBGU through all stages, TALM a ClusterGroupUpgrade of its own."""
    await install_policy(scene)
    await scene.fleet(count=3)
    await scene.start()
    plan = step("Prep"), step("Upgrade"), step("FinalizeUpgrade")
    await scene.apply(ibgu("both", *plan, fleet=scene.label))
    await scene.apply(group_upgrade("its-own", f"{scene.label}-1"))
    await scene.completed("both")
    await scene.until(lambda: acted_on(scene, "its-own"), "TALM to act on its own")
    assert await of_ibgu(scene, "both") == []
    for cluster in range(1, 4):
        assert scene.stages(f"{scene.label}-{cluster}") == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(f"{scene.label}-{cluster}") == {}


async def test_without_the_policy_ibgu_stands_still(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.fleet(count=1)
    await scene.start()
    words = "the ValidatingAdmissionPolicy ibgu-beside-talm is not installed"
    await held(scene, words)
    level, found = await doctor(scene)
    assert level == "error"
    assert words in found
    await install_policy(scene)
    await goes_on(scene)

    async def agrees() -> bool:
        return await doctor(scene) == (
            "ok",
            "TALM is running in namespace openshift-operators, and the policy ibgu-beside-talm "
            "keeps it from IBGUs",
        )

    await scene.until(agrees, "doctor to agree")
    monkeypatch.setattr(beside, "SETTLED", 600.0)
    level, found = await doctor(scene)
    assert level == "skipped"
    assert found.endswith("was changed in the last 600 s, and must settle")


async def test_doctor_sees_a_status_that_talm_has_written(scene: Scene) -> None:
    await install_policy(scene)
    await scene.fleet(count=1)
    await scene.apply(ibgu("written", step("Prep"), fleet=scene.label))
    await asyncio.sleep(AS_BEFORE)
    await foreign_status(scene, "written")
    words = "a status of the IBGU default/written, written by talm, has appeared in spite of"
    level, found = await doctor(scene)
    assert level == "error"
    assert words in found


async def doctor(scene: Scene) -> tuple[str, str]:
    """Returns the level and the words of what `ibgu doctor` says of TALM."""
    found = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}["TALM"]
    return found.level, found.found


async def in_flight(scene: Scene, name: str) -> str:
    """A cluster is in Prep and silent, and another one waits for the only slot."""
    await install_policy(scene)
    await scene.fleet(count=2, durations="700s")
    await scene.start()
    await goes_on(scene)
    await scene.apply(ibgu(name, step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    scene.freeze(first)
    return first


async def holds_until(scene: Scene, name: str, first: str, words: str) -> None:
    await held(scene, words)
    await scene.seen_in_journal("RolloutHeld")
    scene.freeze(first, False)
    await scene.seen_in_journal("MemberFinished", first)
    [second] = scene.others(first)
    assert scene.stages(second) == []


async def test_the_policy_is_removed_in_mid_flight(scene: Scene) -> None:
    first = await in_flight(scene, "removed")
    await remove_policy(scene)
    await holds_until(scene, "removed", first, "ibgu-beside-talm")


@pytest.mark.parametrize("does", ["Audit", "Warn"])
async def test_the_binding_denies_nothing_any_more(scene: Scene, does: str) -> None:
    first = await in_flight(scene, does.lower())
    binding = ("validatingadmissionpolicybinding", POLICY, "--type=merge")
    await scene.kubectl("patch", *binding, "-p", f'{{"spec": {{"validationActions": ["{does}"]}}}}')
    words = "the binding of ibgu-beside-talm is not as the chart ships it"
    await holds_until(scene, does.lower(), first, words)


async def test_talm_is_restarted(scene: Scene, talm: RealTalm) -> None:
    first = await in_flight(scene, "restarted")
    talm.stop()
    await asyncio.to_thread(talm.available, 0)
    await asyncio.to_thread(talm.start)
    scene.freeze(first, False)
    await scene.completed("restarted")
    held_by = "SELECT 1 FROM events WHERE kind = 'RolloutHeld'"
    assert await scene.journal(held_by) == []


async def stands_still(scene: Scene, first: str, words: str) -> None:
    """The IBGU is held and says why; ibgu goes on elsewhere. What TALM has left may hold it before
    ibgu knows that it appeared in spite of the policy."""

    async def says_why() -> bool:
        held = await scene.journal("SELECT hold->>'message' AS why FROM rollouts")
        return [words in (each["why"] or "") for each in held] == [True]

    await scene.until(says_why, f"the hold to say {words!r}")
    scene.freeze(first, False)
    await scene.seen_in_journal("MemberFinished", first)
    [second] = scene.others(first)
    assert scene.stages(second) == []
    assert scene.told_problems() == []
    assert await says_why()


async def test_talms_hand_appears_all_the_same(scene: Scene) -> None:
    """Somebody creates a ClusterGroupUpgrade of an IBGU, as TALM would without the policy."""
    first = await in_flight(scene, "hand")
    await asyncio.sleep(AS_BEFORE)
    body = group_upgrade("hand-prep-0")
    body["metadata"]["labels"] = {"ibgu": "hand"}
    body["spec"]["enable"] = False
    await scene.apply(body)
    words = "the ClusterGroupUpgrade default/hand-prep-0 of an IBGU has appeared in spite of"
    await stands_still(scene, first, words)
    level, found = await doctor(scene)
    assert level == "error"
    assert words in found
    await scene.kubectl("delete", "cgu", "hand-prep-0")
    await scene.completed("hand")


def work_of_talm(cluster: str, group: str) -> Object:
    """A ManifestWork that asks for Prep, in TALM's eyes; it changes nothing on the cluster."""
    expected = [{"manifestIndex": 0, "name": "isPrepCompleted", "value": "True"}]
    harmless = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "probe", "namespace": "default"},
    }
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": f"{group}-x7k2p",
            "namespace": cluster,
            "labels": {names.CGU: group, names.CGU_NAMESPACE: "default"},
            "annotations": {names.EXPECTED: json.dumps(expected)},
        },
        "spec": {"workload": {"manifests": [harmless]}},
    }


async def test_a_work_of_talms_own_group_upgrade_holds_its_cluster_alone(scene: Scene) -> None:
    """An agent may write the labels of TALM on any work of its cluster."""
    first = await in_flight(scene, "worked")
    [second] = scene.others(first)
    group = group_upgrade("unlabelled")
    group["spec"]["enable"] = False
    await scene.apply(group)
    await asyncio.sleep(AS_BEFORE)
    work = work_of_talm(second, "unlabelled")
    await scene.apply(work)
    scene.freeze(first, False)
    await scene.seen_in_journal("MemberFinished", first)
    named = f"{second}/{work['metadata']['name']}"

    async def waits() -> bool:
        found = await scene.journal(
            "SELECT reason->>'message' AS why FROM members WHERE state = 'waiting'"
        )
        return any(named in each["why"] for each in found)

    await scene.until(waits, "the second cluster to wait for TALM's work")
    assert scene.stages(second) == []
    assert scene.told_problems() == []
    await scene.kubectl("delete", "manifestwork", work["metadata"]["name"], "-n", second)
    await scene.completed("worked")


async def test_a_work_whose_group_upgrade_is_gone_holds_its_cluster_alone(scene: Scene) -> None:
    await install_policy(scene)
    await scene.fleet(count=2)
    one, two = f"{scene.label}-1", f"{scene.label}-2"
    await asyncio.sleep(AS_BEFORE)
    work = work_of_talm(one, "gone")
    await scene.apply(work)
    await scene.start()
    await goes_on(scene)
    await scene.apply(ibgu("alone", step("Prep", most=2), fleet=scene.label))
    await scene.seen_in_journal("MemberFinished", two)
    reasons = await scene.journal(
        "SELECT cluster, reason->>'kind' AS kind FROM members WHERE state = 'waiting'"
    )
    assert [(each["cluster"], each["kind"]) for each in reasons] == [(one, "TalmWorkPresent")]
    assert scene.told_problems() == []
    await scene.kubectl("delete", "manifestwork", work["metadata"]["name"], "-n", one)
    await scene.completed("alone")
    assert await scene.journal("SELECT 1 FROM events WHERE kind = 'RolloutHeld'") == []


async def test_a_status_written_by_talm_holds_the_rollout(scene: Scene) -> None:
    """The hold lasts until the policy changes; ibgu then shows its own status again."""
    first = await in_flight(scene, "foreign")
    await asyncio.sleep(AS_BEFORE)
    await foreign_status(scene, "foreign")
    words = "a status of the IBGU default/foreign, written by talm, has appeared in spite of"
    await stands_still(scene, first, words)
    note = ("annotate", "validatingadmissionpolicy", POLICY, "looked-at=yes")
    await scene.kubectl(*note)
    await scene.completed("foreign")


async def foreign_status(scene: Scene, name: str) -> None:
    mark = {"type": "Progressing", "status": "False", "reason": "Completed", "message": "no"}
    condition = {**mark, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    await scene.kubectl(
        *("patch", "ibgu", name, "--subresource=status", "--type=merge"),
        *("--field-manager=talm", "-p", json.dumps({"status": {"conditions": [condition]}})),
    )


async def begun_by_talm(scene: Scene, name: str) -> list[str]:
    """TALM has begun Prep on two clusters when the policy comes; ibgu asks for a person's word."""
    await scene.fleet(count=2, durations="700s")
    plan = step("Prep", most=2), step("Upgrade", "FinalizeUpgrade", most=2)
    clusters = [f"{scene.label}-{number}" for number in (1, 2)]
    await scene.apply(ibgu(name, *plan, fleet=scene.label))

    def begun() -> bool:
        return all(scene.stages(cluster) == ["Prep"] for cluster in clusters)

    await scene.until(begun, "TALM's Prep")
    for cluster in clusters:
        scene.freeze(cluster)
    await install_policy(scene)
    await scene.start()
    await goes_on(scene)
    await waits_for(scene, name, "ibgu.dev/adopt")
    return clusters


async def waits_for(scene: Scene, name: str, words: str) -> None:
    async def told() -> bool:
        return words in (await scene.condition(name, "Held")).get("message", "")

    await scene.until(told, f"the status to say {words!r}")


async def carried_out(scene: Scene, name: str, clusters: list[str]) -> None:
    """Nothing was begun twice, and nothing of TALM's is left."""
    for cluster in clusters:
        scene.freeze(cluster, False)
    await scene.completed(name)
    for cluster in clusters:
        assert scene.stages(cluster) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(cluster) == {}
    assert await of_talm(scene, name) == []


async def test_an_ibgu_is_taken_over_beside_a_live_talm(scene: Scene, audit_log: Path) -> None:
    """One annotation takes it over, and TALM lives on. TALM itself removes the works."""
    clusters = await begun_by_talm(scene, "taken")
    before, left = len(audited(audit_log)), await of_talm(scene, "taken")
    await scene.annotate("taken", "ibgu.dev/adopt=yes")
    await scene.seen_in_journal("RolloutReleased")
    await carried_out(scene, "taken", clusters)
    assert scene.told_problems() == []
    found = deletions(audited(audit_log)[before:])
    by_ibgu = [(kind, name) for user, kind, name in found if user == USERS["ibgu"].username]
    kinds = [kind for kind, name in by_ibgu if f"{kind}/{name}" in left]
    assert kinds == ["clustergroupupgrades", "manifestworkreplicasets"], (left, found)
    everybodys = [(user, kind) for user, kind, _ in found]
    deleted, gone = (everybodys.index((USERS["ibgu"].username, kind)) for kind in kinds)
    assert (USER, "manifestworks") in everybodys[deleted:gone]


async def test_no_work_goes_as_long_as_talm_has_its_finalizer_on_a_group_upgrade(
    scene: Scene, talm: RealTalm
) -> None:
    """TALM counts as live, and does nothing."""
    clusters = await begun_by_talm(scene, "stuck")
    left = await of_talm(scene, "stuck")
    assert sum(each.startswith("manifestworks/") for each in left) == 2, left
    talm.stop()
    await scene.annotate("stuck", "ibgu.dev/adopt=yes")
    words = "waits until TALM has deleted its ManifestWorks and taken its finalizer off"
    await waits_for(scene, "stuck", words)
    await asyncio.sleep(1)  # about what must not happen
    assert await of_talm(scene, "stuck") == left
    await asyncio.to_thread(talm.start)
    await scene.seen_in_journal("RolloutReleased")
    await carried_out(scene, "stuck", clusters)


async def test_a_finalizer_of_somebody_else_is_a_persons_matter(scene: Scene) -> None:
    clusters = await begun_by_talm(scene, "kept")
    [group] = await of_ibgu(scene, "kept")
    patch = ("patch", "cgu", group, "--type=json", "-p")
    add = {"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/keeps"}
    await scene.kubectl(*patch, json.dumps([add]))
    await scene.annotate("kept", "ibgu.dev/adopt=yes")
    words = (
        f"default/{group} is deleted, and stays as long as it has the finalizer example.com/keeps"
    )
    await waits_for(scene, "kept", words)
    [why] = await scene.journal("SELECT hold->>'who' AS who FROM rollouts")
    assert why["who"] == "person"
    await scene.kubectl(*patch, json.dumps([{"op": "remove", "path": "/metadata/finalizers"}]))
    await scene.seen_in_journal("RolloutReleased")
    await carried_out(scene, "kept", clusters)


async def of_talm(scene: Scene, name: str) -> list[str]:
    """Returns what TALM has made of the IBGU, as resource/name."""
    templates = paths.work_replica_set("default", name).rpartition("/")[0]
    places = (
        ("clustergroupupgrades", paths.cgus("default"), ""),
        ("manifestworkreplicasets", templates, ""),
        ("manifestworks", paths.works(), names.CGU),
    )
    return [
        f"{kind}/{meta['name']}"
        for kind, path, selector in places
        for meta in [each["metadata"] for each in await scene.items(path, selector)]
        if meta.get("labels", {}).get(names.CGU, meta["name"]).startswith(f"{name}-")
    ]


def audited(audit_log: Path) -> list[Object]:
    return [json.loads(line) for line in audit_log.read_text().splitlines()]


def deletions(entries: list[Object]) -> list[tuple[str, str, str]]:
    """Returns who deleted what, in order; the name is empty where several went together."""
    return [
        (entry["user"]["username"], ref["resource"], ref.get("name", ""))
        for entry in entries
        if entry["verb"] in ("delete", "deletecollection")
        for ref in (entry["objectRef"],)
    ]
