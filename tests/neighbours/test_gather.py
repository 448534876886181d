"""`ibgu gather` through the real work agent, with the rights of a klusterlet."""

import asyncio
import io
import signal
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.core.drivers.ibu.gather import NAME
from ibgu.hub import paths
from tests.cli.gather.job import object_store
from tests.core.drivers.ibu.gather.answers import IMAGE
from tests.neighbours.job_player import NAMESPACE, OBJECTS, JobPlayer, playing
from tests.neighbours.scene import RealScene
from tests.neighbours.server import ROLES, ManagedClusterServer

LCA = "openshift-lifecycle-agent"
PODS = f"/api/v1/namespaces/{LCA}/pods"
ACCOUNTS = f"/api/v1/namespaces/{LCA}/serviceaccounts"
LOG = 'level=error msg="ostree failed"\n\x1b[2Jsecond line\n'


@contextmanager
def pod(server: ManagedClusterServer, logs: Path) -> Iterator[None]:
    """The cluster has a pod of the Lifecycle Agent with a log."""
    logs.mkdir()
    (logs / "manager-1.manager").write_text(LOG)
    server.api.request("POST", ACCOUNTS, {"metadata": {"name": "default"}})
    spec = {
        "automountServiceAccountToken": False,
        "containers": [{"name": "manager", "image": "x"}],
    }
    server.api.request("POST", PODS, {"metadata": {"name": "manager-1"}, "spec": spec})
    try:
        yield
    finally:
        server.api.remove(f"{PODS}/manager-1?gracePeriodSeconds=0")
        server.api.remove(f"{ACCOUNTS}/default")


def arguments(name: str, folder: Path, *args: str) -> list[str]:
    return ["gather", name, "--image", IMAGE, "-o", str(folder), "--yes", *args]


async def gathered(scene: RealScene, name: str, folder: Path, *args: str) -> Result:
    env = {"KUBECONFIG": str(scene.hub.kubeconfig("admin"))}
    return await asyncio.to_thread(CliRunner().invoke, app, arguments(name, folder, *args), env=env)


async def nothing_is_left(scene: RealScene, name: str) -> None:
    """Waits until neither the hub nor the cluster has an object of it."""
    api = scene.real(name).server.api

    async def gone() -> bool:
        works = await scene.items(paths.works(name))
        left = [each for each in (*OBJECTS, NAMESPACE) if api.found(each)]
        return not left and NAME not in [each["metadata"]["name"] for each in works]

    await scene.until(gone, "the objects to be gone")


async def test_logs_come_back_and_nothing_stays_on_the_cluster(
    scene: RealScene, tmp_path: Path
) -> None:
    scene.poll = "60s"  # as on single-node clusters
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    with pod(server, tmp_path / "site"):
        async with playing(JobPlayer(server, tmp_path / "site")) as player:
            found = await gathered(scene, name, tmp_path / "logs")
            assert found.exit_code == 0, (found.output, player.problems)
            await nothing_is_left(scene, name)
    assert len(player.ran) == 1
    assert player.problems == []
    folder = tmp_path / "logs" / name
    text = (folder / LCA / "manager-1.manager.log").read_text()
    assert text == LOG.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert "manager-1" in (folder / LCA / "pods.txt").read_text()
    # The account has no right beyond its two namespaces, and this one has no pod.
    assert "No resources found" in (folder / "openshift-adp" / "pods.txt").read_text()


async def test_a_namespace_that_the_cluster_lacks_is_named_and_the_rest_comes(
    scene: RealScene, tmp_path: Path
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    server.serve_namespace("openshift-adp", False)
    with pod(server, tmp_path / "site"):
        async with playing(JobPlayer(server, tmp_path / "site")):
            found = await gathered(scene, name, tmp_path / "logs")
            assert found.exit_code == 0, found.output
            await nothing_is_left(scene, name)
    folder = tmp_path / "logs" / name
    assert (folder / LCA / "manager-1.manager.log").exists()
    assert "forbidden" in (folder / "openshift-adp" / "pods.txt").read_text().lower()


async def test_a_job_that_fails_is_reported_with_its_reason(
    scene: RealScene, tmp_path: Path
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    now = "2026-11-25T12:00:00Z"
    condition = {
        "status": "True",
        "reason": "DeadlineExceeded",
        "message": "Job was active longer than specified deadline",
        "lastTransitionTime": now,
        "lastProbeTime": now,
    }
    failure = {
        "startTime": now,
        "conditions": [{**condition, "type": kind} for kind in ("FailureTarget", "Failed")],
    }
    async with playing(JobPlayer(server, tmp_path, failure)):
        found = await gathered(scene, name, tmp_path / "logs")
        assert found.exit_code == 1, found.output
        assert "the Job failed: DeadlineExceeded: Job was active" in found.stdout
        await nothing_is_left(scene, name)
    assert not (tmp_path / "logs").exists()


async def test_a_must_gather_is_uploaded_and_its_address_stays_nowhere(
    scene: RealScene, tmp_path: Path
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    role = {"metadata": {"name": "cluster-reader"}, "rules": rules}
    server.api.request("POST", ROLES, role)
    with pod(server, tmp_path / "site"), object_store() as (root, stored):
        async with playing(JobPlayer(server, tmp_path / "site")) as player:
            url = f"{root}/{{cluster}}.tgz?X-Amz-Signature=0123abcd"
            upload = ("--must-gather", "--upload", url)
            found = await gathered(scene, name, tmp_path / "logs", *upload)
            assert found.exit_code == 0, (found.output, player.problems)
            await nothing_is_left(scene, name)
    server.api.remove(f"{ROLES}/cluster-reader")
    ((path, archive),) = stored.items()
    assert path.startswith(f"/{name}.tgz?")
    assert f"{len(archive)} bytes uploaded, SHA-256 {sha256(archive).hexdigest()}" in found.stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        pods = files.extractfile("./cluster/pods.txt")
        assert pods is not None
        assert b"manager-1" in pods.read()
    assert "0123abcd" not in found.output
    for file in (tmp_path / "logs").rglob("*.*"):
        assert "0123abcd" not in file.read_text()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
async def test_ctrl_c_removes_the_work_and_a_killed_command_keeps_others_off(
    scene: RealScene, tmp_path: Path, by: signal.Signals
) -> None:
    await scene.fleet(count=1)
    name = f"{scene.label}-1"
    server = scene.real(name).server
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from ibgu.cli.app import main; main()",
        *arguments(name, tmp_path / "logs"),
        env={"KUBECONFIG": str(scene.hub.kubeconfig("admin")), "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )

    async def began() -> bool:
        return server.api.found(OBJECTS[0]) is not None

    await scene.until(began, "the Job to be created")
    process.send_signal(by)
    await process.communicate()
    async with playing(JobPlayer(server, tmp_path)):
        if by is signal.SIGKILL:
            again = await gathered(scene, name, tmp_path / "logs")
            assert again.exit_code == 1
            assert "another command gathers its logs, until" in again.stdout
            await scene.admin.request("DELETE", paths.work(name, NAME))
        await nothing_is_left(scene, name)
