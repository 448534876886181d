"""`ibgu prepare` on simulated clusters of a real hub, with the rights that the guide names."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.core.drivers.ibu.preparation import cleanup
from ibgu.core.drivers.ibu.preparation.work import SELECTOR, WRITING, writing_body
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths, preparing
from ibgu.hub.preparing import INTERVAL
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import write_kubeconfig
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke import IBU
from tests.cli.terminal import typed
from tests.docs.site import DOCS, fences
from tests.e2e.harness import Scene

SPACE = "default"
ACCOUNT = "preparer"
RBAC = "rbac.authorization.k8s.io"
KEY = "0123-very-secret"
CREDENTIALS = f"[default]\naws_access_key_id = site\naws_secret_access_key = {KEY}\n"


class Caller(NamedTuple):
    """A person with the rights of the guide, and nothing else."""

    kubeconfig: Path

    async def prepare(self, *args: str) -> Result:
        env = {"KUBECONFIG": str(self.kubeconfig)}
        words = ["prepare", *args]
        return await asyncio.to_thread(CliRunner().invoke, app, words, env=env)


def guides_role() -> JsonObject:
    (found,) = [each for each in fences(DOCS / "guides" / "prepare.md") if each.language == "yaml"]
    role: JsonObject = yaml.safe_load(found.text)
    return role


@pytest.fixture
async def caller(scene: Scene, sandbox_hub: SandboxHub, tmp_path: Path) -> Caller:
    role = guides_role()
    account = {"name": ACCOUNT, "namespace": SPACE}
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role["metadata"]["name"]}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ACCOUNT},
        "roleRef": ref,
        "subjects": [{"kind": "ServiceAccount", **account}],
    }
    person = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
    await scene.apply(yaml.safe_dump_all([role, person, binding]))
    token = (await scene.kubectl("create", "token", ACCOUNT, "-n", SPACE)).strip()
    path = tmp_path / "caller.kubeconfig"
    return Caller(write_kubeconfig(path, sandbox_hub.url, sandbox_hub.ca_file, token))


def annotations(scene: Scene, name: str) -> JsonObject:
    found = scene.cluster(name).spoke.get(IBU)
    assert found is not None
    return {
        key.rpartition("/")[2]: value
        for key, value in (found["metadata"].get("annotations") or {}).items()
        if "image-cleanup" in key
    }


async def works(scene: Scene) -> list[JsonObject]:
    return await scene.items(paths.works(), SELECTOR)


async def test_clusters_are_prepared_by_their_labels_with_the_guides_rights(
    scene: Scene, caller: Caller
) -> None:
    player = await scene.fleet(count=25)
    await scene.reachable()
    selected = ("-l", f"fleet={scene.label}")
    tried = await caller.prepare("cleanup", *selected, "--threshold", "65", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert tried.stdout.splitlines()[-1] == "dry run, nothing was changed"
    assert tried.stdout.count("disk-usage-threshold-percent=65") == 25
    unasked = await caller.prepare("cleanup", *selected, "--threshold", "65")
    assert unasked.exit_code == 2
    assert "There is no terminal to confirm on" in unasked.stderr
    assert await works(scene) == []

    found = await caller.prepare("cleanup", *selected, "--threshold", "65", "--yes")
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[-1] == "25 prepared"
    for name in player.clusters:
        assert annotations(scene, name) == {"disk-usage-threshold-percent": "65"}
    marks = [each["metadata"]["annotations"] for each in await works(scene)]
    assert [each["ibgu.dev/preparation-writes"] for each in marks] == ["false"] * 25
    shown = await caller.prepare("status", *selected)
    assert shown.stdout.count("reads   disk-usage-threshold-percent=65") == 25, shown.output

    one = f"{scene.label}-7"
    found = await caller.prepare("cleanup", one, "--disable", "--yes")
    assert found.exit_code == 0, found.output
    assert annotations(scene, one) == {"on-prep": "Disabled"}


@pytest.mark.parametrize(("types", "done"), [("yes\n", True), ("y\n", False), ("\x03", False)])
async def test_a_person_types_yes_before_anything_changes(
    scene: Scene, caller: Caller, types: str, done: bool
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    args = ("prepare", "auto-rollback", name, "--disable", "init-monitor")
    env = {"KUBECONFIG": str(caller.kubeconfig), "TERM": "xterm"}
    shown = await asyncio.to_thread(typed, args, env, types, "To change 1 cluster, type yes:")
    assert "may be out of reach until somebody acts" in " ".join(shown.screen.split())
    assert (shown.exit_code == 0) == done
    assert ("1 prepared" in shown.screen) == done
    assert bool(await works(scene)) == done


async def test_a_cluster_on_which_a_rollout_acts_is_left_out(scene: Scene, caller: Caller) -> None:
    await scene.fleet(count=2)
    busy, free = f"{scene.label}-1", f"{scene.label}-2"
    work = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": "ran-417-stage",
            "labels": {names.MANAGED_BY: names.MANAGER},
            "annotations": {names.ARMING: names.ARMED, names.ROLLOUT: "ran/ran-417"},
        },
        "spec": {"workload": {"manifests": []}},
    }
    await scene.admin.request("POST", paths.works(busy), body=work)
    found = await caller.prepare("cleanup", busy, free, "--threshold", "65", "--yes")
    assert found.exit_code == 1
    assert f"{busy}   left out: ran/ran-417 acts on it" in found.stdout
    assert annotations(scene, busy) == {}
    assert annotations(scene, free) == {"disk-usage-threshold-percent": "65"}


async def test_a_cluster_that_does_not_answer_keeps_a_work_that_reads(
    scene: Scene, caller: Caller
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    scene.freeze(name)
    found = await caller.prepare("cleanup", name, "--threshold", "65", "--yes", "--timeout", "2")
    assert found.exit_code == 1
    assert "its work agent has not answered for 2 s" in found.stdout
    (work,) = await works(scene)
    assert work["metadata"]["annotations"]["ibgu.dev/preparation-writes"] == "false"
    shown = await caller.prepare("status", name)
    assert "not answered yet" in shown.stdout
    scene.freeze(name, False)
    found = await caller.prepare("cleanup", name, "--threshold", "65", "--yes")
    assert found.exit_code == 0, found.output


async def test_a_cluster_that_stops_answering_is_brought_back_to_reading(
    scene: Scene, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work must not go on writing when the command has ended."""
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    wrote = writing_body

    def cut_off(*args: Any) -> JsonObject:
        scene.cluster(name).go_dark()
        return wrote(*args)

    monkeypatch.setattr(preparing, "writing_body", cut_off)
    found = await caller.prepare("cleanup", name, "--threshold", "65", "--yes", "--timeout", "10")
    assert found.exit_code == 1
    assert "was not applied within 10 s" in found.stdout, found.output
    (work,) = await works(scene)
    assert work["metadata"]["annotations"]["ibgu.dev/preparation-writes"] == "false"
    scene.act(name, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await asyncio.sleep(4 * INTERVAL)
    assert annotations(scene, name) == {}


async def test_an_interrupted_command_brings_its_work_back_to_reading(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    writes = asyncio.Event()

    def cut_off(*args: Any) -> JsonObject:
        scene.cluster(name).go_dark()
        writes.set()
        return writing_body(*args)

    monkeypatch.setattr(preparing, "writing_body", cut_off)
    preparer = preparing.Preparer(scene.admin, 60)
    task = asyncio.create_task(preparer.prepare(name, cleanup(65, disabled=False)))
    await writes.wait()

    async def writing() -> bool:
        (work,) = await works(scene)
        return str(work["metadata"]["annotations"][WRITING]) != "false"

    await scene.until(writing, "the work that writes to be on the hub")
    (work,) = await works(scene)
    until = datetime.fromisoformat(work["metadata"]["annotations"][WRITING])
    assert timedelta(minutes=1) < until - datetime.now(UTC) < timedelta(minutes=4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (work,) = await works(scene)
    assert work["metadata"]["annotations"]["ibgu.dev/preparation-writes"] == "false"


INTERRUPTED = """
import asyncio
from ibgu.cli.app import app
from ibgu.hub.preparing import Preparer

async def waits(*_):
    print("writes", flush=True)
    await asyncio.sleep(60)

Preparer._apply = waits
app()
"""
"""The command, whose cluster never applies what was sent."""


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_is_ended_by_a_signal_brings_its_work_back_to_reading(
    scene: Scene, caller: Caller, ending: signal.Signals
) -> None:
    await scene.fleet(count=1)
    words = ("prepare", "cleanup", f"{scene.label}-1", "--threshold", "65", "--yes")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INTERRUPTED, *words),
        env={**os.environ, "KUBECONFIG": str(caller.kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(120):
        while await process.stdout.readline() != b"writes\n":
            pass
        (work,) = await works(scene)
        assert work["metadata"]["annotations"][WRITING] != "false"
        process.send_signal(ending)
        assert await process.wait() != 0
    (work,) = await works(scene)
    assert work["metadata"]["annotations"][WRITING] == "false"


KILLED = """
import os
import signal
from ibgu.cli.app import app
from ibgu.hub.preparing import Preparer

async def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Preparer._apply = killed
app()
"""
"""The command, killed when it has sent what the cluster is to apply."""


async def left_over(scene: Scene) -> list[JsonObject]:
    """Returns what the doctor finds of preparations, with ibgu's own rights."""
    env = {"KUBECONFIG": str(scene.hub.kubeconfig("ibgu")), "DATABASE_URL": ""}
    result = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "-o", "json"], env=env)
    found = json.loads(result.stdout)["findings"]
    return [each for each in found if each["check"] == "preparations"]


async def test_the_doctor_names_the_work_of_a_killed_command_and_how_to_end_it(
    scene: Scene, caller: Caller
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    words = ("prepare", "cleanup", name, "--threshold", "65", "--yes")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, *words),
        env={**os.environ, "KUBECONFIG": str(caller.kubeconfig)},
    )
    assert await process.wait() == -9
    (work,) = await works(scene)
    assert datetime.fromisoformat(work["metadata"]["annotations"][WRITING]) > datetime.now(UTC)
    await scene.until(lambda: annotations(scene, name) != {}, "the cluster to apply it")
    assert await left_over(scene) == []

    passed = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    path = paths.work(name, "ibgu-prepare-cleanup")
    body = {"metadata": {"annotations": {WRITING: passed}}}
    await scene.admin.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)
    shown = await caller.prepare("status", name)
    assert "left over, still writes" in shown.stdout
    (found,) = await left_over(scene)
    assert f"ibgu-prepare-cleanup in {name}" in found["found"]
    _, _, command = found["do"].rpartition(": oc ")
    await scene.kubectl(*command.split())
    assert await left_over(scene) == []
    await asyncio.sleep(4 * INTERVAL)
    assert annotations(scene, name) == {"disk-usage-threshold-percent": "65"}


async def test_a_work_by_another_of_that_name_is_not_touched(scene: Scene, caller: Caller) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    theirs = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": "ibgu-prepare-cleanup"},
        "spec": {"workload": {"manifests": []}},
    }
    await scene.admin.request("POST", paths.works(name), body=theirs)
    before = await scene.get(paths.work(name, "ibgu-prepare-cleanup"))
    tried = await caller.prepare("cleanup", name, "--threshold", "65", "--dry-run")
    assert "left out: the ManifestWork ibgu-prepare-cleanup isn't ibgu's" in tried.stdout
    found = await caller.prepare("cleanup", name, "--threshold", "65", "--yes")
    assert found.exit_code == 1
    assert "the ManifestWork ibgu-prepare-cleanup isn't ibgu's" in found.stdout
    after = await scene.get(paths.work(name, "ibgu-prepare-cleanup"))
    assert after["spec"] == before["spec"]


async def test_credentials_of_a_secret_are_read_with_the_callers_rights(
    scene: Scene, caller: Caller, sandbox_hub: SandboxHub
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s3", "namespace": SPACE},
        "stringData": {"cloud": CREDENTIALS},
    }
    await scene.apply(yaml.safe_dump(secret))
    place = ("dpa", name, "--bucket", "ran", "--url", "https://s3.example.com", "--yes")
    found = await caller.prepare(*place, "--secret", f"{SPACE}/s3")
    assert found.exit_code == 1
    assert 'cannot get resource "secrets"' in found.stderr
    admin = Caller(sandbox_hub.kubeconfig("admin"))
    found = await admin.prepare(*place, "--secret", f"{SPACE}/s3")
    assert "has a DataProtectionApplication that is managed elsewhere" in found.stdout, found.output
    assert KEY not in found.output
    assert KEY not in str(await works(scene))


async def test_a_missing_right_is_named_once(scene: Scene, sandbox_hub: SandboxHub) -> None:
    await scene.fleet(count=3)
    alice = Caller(sandbox_hub.kubeconfig("alice"))
    words = ("cleanup", "-l", f"fleet={scene.label}", "--threshold", "65")
    found = await alice.prepare(*words, "--dry-run")
    assert found.exit_code == 1
    assert found.stderr.count('cannot create resource "manifestworks"') == 1
