"""`ibgu prepare` through the real work agent, with the rights of a klusterlet."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT_OPERATOR,
    BACKUP_STORAGE,
    DPA,
    InspectedObject,
)
from ibgu.core.drivers.ibu.preparation import LIFECYCLE_AGENT
from ibgu.core.drivers.ibu.preparation.backup import SECRET
from ibgu.core.drivers.ibu.preparation.work import SELECTOR
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.paths import MERGE_PATCH
from tests.core.drivers.ibu.preflight.answers import operator
from tests.e2e.manifests import ibgu, step
from tests.neighbours.inspected import serve
from tests.neighbours.scene import RealScene
from tests.neighbours.server import IBUS, ManagedClusterServer

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SERVED = (
    *(AGENT_OPERATOR, LIFECYCLE_AGENT.subscription, LIFECYCLE_AGENT.group),
    *(DPA, BACKUP_STORAGE),
)
INIT_MONITOR = "auto-rollback-on-failure.lca.openshift.io/init-monitor"
COMPLETION = "auto-rollback-on-failure.lca.openshift.io/upgrade-completion"
KEY = "0123-very-secret"
CREDENTIALS = f"[default]\naws_access_key_id = site\naws_secret_access_key = {KEY}\n"


@contextmanager
def operator_kinds(server: ManagedClusterServer) -> Iterator[None]:
    """The cluster serves the kinds of OLM and OADP, and has no object of them."""
    try:
        for each in _SERVED:
            serve(server, each)
        yield
    finally:
        server.api.remove(path(SECRET))
        for each in _SERVED:
            server.api.remove(f"{_CRDS}/{each.resource}.{each.group}")


def path(each: InspectedObject) -> str:
    root = f"/apis/{each.api_version}" if each.group else f"/api/{each.version}"
    scope = f"/namespaces/{each.namespace}" if each.namespace else ""
    return f"{root}{scope}/{each.resource}/{each.name}"


async def prepared(scene: RealScene, *args: str) -> Result:
    env = {"KUBECONFIG": str(scene.hub.kubeconfig("admin"))}
    words = ["prepare", *args]
    if args[0] != "status":
        words += ["--yes"]
    return await asyncio.to_thread(CliRunner().invoke, app, words, env=env)


async def unprepared(scene: RealScene, name: str) -> None:
    """Deletes the works of preparations, and waits until the agent has let go of them."""
    for work in await scene.items(paths.works(name), SELECTOR):
        await scene.admin.request("DELETE", paths.work(name, work["metadata"]["name"]))

    async def gone() -> bool:
        return not await scene.items(paths.works(name), SELECTOR)

    await scene.until(gone, "the works to be deleted")


def upgrade(scene: RealScene, name: str) -> JsonObject:
    found = scene.real(name).server.api.found(f"{IBUS}/upgrade")
    assert found is not None
    return found


def annotations(scene: RealScene, name: str) -> JsonObject:
    found: JsonObject = upgrade(scene, name)["metadata"].get("annotations") or {}
    return {key: value for key, value in found.items() if "auto-rollback" in key}


async def test_annotations_are_set_and_removed_beside_a_stage_work(scene: RealScene) -> None:
    scene.poll = "60s"  # as on single-node clusters
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    await scene.start()
    plan = step("Prep"), step("Upgrade"), step("FinalizeUpgrade")
    await scene.apply(ibgu("annotated", plan[0], fleet=scene.label))
    await scene.completed("annotated")
    before = upgrade(scene, name)

    disable = ("--disable", "init-monitor", "--disable", "upgrade-completion")
    found = await prepared(scene, "auto-rollback", name, *disable)
    assert found.exit_code == 0, found.output
    assert "1 prepared" in found.stdout
    after = upgrade(scene, name)
    assert annotations(scene, name) == {INIT_MONITOR: "Disabled", COMPLETION: "Disabled"}
    for part in ("generation", "uid"):
        assert after["metadata"][part] == before["metadata"][part]
    assert after["spec"] == before["spec"]
    again = await prepared(scene, "auto-rollback", name, *disable)
    assert "1 unchanged" in again.stdout, again.output
    assert (
        upgrade(scene, name)["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    )

    await scene.apply(ibgu("annotated", *plan, fleet=scene.label))
    status = await scene.completed("annotated")
    assert status["summary"]["succeeded"] == 1
    assert scene.stages(name) == ["Prep", "Upgrade", "Finalize"]
    assert annotations(scene, name) == {INIT_MONITOR: "Disabled", COMPLETION: "Disabled"}
    # The upgrade has made a new object, whose annotations are no longer those of our manager.
    found = await prepared(scene, "auto-rollback", name, "--disable", "init-monitor")
    assert found.exit_code == 0, found.output
    assert annotations(scene, name) == {INIT_MONITOR: "Disabled"}
    found = await prepared(scene, "auto-rollback", name, "--default")
    assert found.exit_code == 0, found.output
    assert annotations(scene, name) == {}
    shown = await prepared(scene, "status", name)
    assert "the defaults of the Lifecycle Agent" in shown.stdout
    await unprepared(scene, name)
    assert upgrade(scene, name)["spec"]["stage"] == "Idle"


async def test_an_upgrade_is_not_created_where_there_is_none(scene: RealScene) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    server.serve_ibu(False)
    found = await prepared(scene, "cleanup", name, "--threshold", "65")
    assert found.exit_code == 1
    assert "has no Lifecycle Agent" in found.stdout
    server.serve_ibu(True)

    async def served() -> bool:
        """The agent learns of a new kind some seconds later."""
        found = await prepared(scene, "cleanup", name, "--threshold", "65")
        assert found.exit_code == 1
        return "has no ImageBasedUpgrade yet" in found.stdout

    await scene.until(served, "the agent to know the kind")
    assert server.api.found(f"{IBUS}/upgrade") is None


async def test_operators_and_storage_stay_when_their_works_are_deleted(
    scene: RealScene, tmp_path: Path
) -> None:
    scene.poll = "60s"
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    file = tmp_path / "s3.ini"
    file.write_text(CREDENTIALS)
    with operator_kinds(server):
        found = await prepared(scene, "operators", name)
        assert found.exit_code == 0, found.output
        subscription = server.api.found(path(LIFECYCLE_AGENT.subscription))
        assert subscription is not None
        assert subscription["spec"]["channel"] == "stable"
        assert server.api.found(path(LIFECYCLE_AGENT.group)) is not None

        # A field that a person has changed is a conflict, not a fight.
        changed = {"spec": {"channel": "release-4.17"}}
        server.api.request("PATCH", path(LIFECYCLE_AGENT.subscription), changed, MERGE_PATCH)
        found = await prepared(scene, "operators", name)
        assert found.exit_code == 1
        assert "conflict" in found.stdout, found.output
        subscription = server.api.found(path(LIFECYCLE_AGENT.subscription))
        assert subscription is not None
        assert subscription["spec"]["channel"] == "release-4.17"

        place = ("--bucket", "ran", "--url", "https://s3.example.com", "--credentials", str(file))
        found = await prepared(scene, "dpa", name, *place)
        assert found.exit_code == 0, found.output
        assert KEY not in found.output
        secret, application = (server.api.found(path(each)) for each in (SECRET, DPA))
        assert secret is not None
        assert application is not None
        assert b64decode(secret["data"]["cloud"]).decode() == CREDENTIALS
        (location,) = application["spec"]["backupLocations"]
        place_of = location["velero"]["objectStorage"]
        assert place_of == {"bucket": "ran", "prefix": name}
        # The work that reads again has no content.
        for work in await scene.items(paths.works(name), SELECTOR):
            kinds = {each["kind"]: each for each in work["spec"]["workload"]["manifests"]}
            assert "data" not in kinds.get("Secret", {})
            assert work["metadata"]["annotations"]["ibgu.dev/preparation-writes"] == "false"
        moved = await prepared(scene, "dpa", name, *place[:3], "https://other.example.com",
                               *place[4:])  # fmt: skip
        assert moved.exit_code == 0, moved.output
        application = server.api.found(path(DPA))
        assert application is not None
        assert "other" in application["spec"]["backupLocations"][0]["velero"]["config"]["s3Url"]

        await unprepared(scene, name)
        for each in (SECRET, DPA, LIFECYCLE_AGENT.subscription, LIFECYCLE_AGENT.group):
            stays = server.api.found(path(each))
            assert stays is not None, each
            assert "ownerReferences" not in stays["metadata"]


@pytest.mark.parametrize("by", ["a policy's Subscription", "a policy's storage"])
async def test_objects_of_others_are_left_alone(scene: RealScene, tmp_path: Path, by: str) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    file = tmp_path / "s3.ini"
    file.write_text(CREDENTIALS)
    with operator_kinds(server):
        if by == "a policy's Subscription":
            theirs, body = AGENT_OPERATOR, operator("lifecycle-agent.v4.16.2")
            refs = body["status"]["components"]["refs"]
            refs.append({"kind": "Subscription", "name": "openshift-lifecycle-agent-subscription"})
            command = ["operators", name, "--only", "lifecycle-agent"]
        else:
            theirs, body = DPA, {"spec": {"backupLocations": []}}
            command = ["dpa", name, "--bucket", "ran", "--url", "https://s3.example.com",
                       "--credentials", str(file)]  # fmt: skip
        meta = {
            "name": theirs.name,
            **({"namespace": theirs.namespace} if theirs.namespace else {}),
        }
        body |= {"apiVersion": theirs.api_version, "kind": theirs.kind, "metadata": meta}
        server.api.request("POST", path(theirs).rpartition("/")[0], body)
        before = server.api.found(path(theirs))
        found = await prepared(scene, *command)
        assert found.exit_code == 1
        assert "managed elsewhere" in found.stdout, found.output
        assert server.api.found(path(theirs)) == before
        assert server.api.found(path(LIFECYCLE_AGENT.subscription)) is None
        assert server.api.found(path(SECRET)) is None
