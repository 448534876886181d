"""`ibgu collect`: all that helps, and nothing that is secret."""

import json
import tarfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.cli.collect.bundle import Bundle
from ibgu.cli.collect.from_hub import _listed
from ibgu.cli.collect.redact import REMOVED
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import names
from ibgu.db import Journal
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import failed, open_step, put, rollout, seen
from tests.api.test_works import admin
from tests.cli.conftest import Ibgu, serving
from tests.cli.kubelet import kubelet, put_pod
from tests.cli.test_stragglers import manifest
from tests.db.records import step

__all__ = ["admin"]

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzaXRlIn0.c2lnbmF0dXJlLW9mLXNpdGU"
OPENSHIFT = "sha256~Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nplanted-key\n-----END RSA PRIVATE KEY-----"
PLANTED = ("planted", "hunter2", JWT, OPENSHIFT, "cGxhbnRlZC1wdWxs")
FILES = {
    *("about.json", "doctor.json", "rollout.json", "steps.json", "failures.json"),
    *("members.jsonl", "events.jsonl", "server/readyz.json", "server/metrics.txt"),
    *("hub/version.json", "hub/ibgu.json", "hub/events.jsonl", "hub/managedclusters.jsonl"),
    *("hub/manifestworks.jsonl", "not-collected.txt"),
}
"""All that there may be."""


def payload(cluster: str) -> dict[str, Any]:
    """A ManifestWork with all that must stay secret."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "seed-pull", "namespace": "openshift-lifecycle-agent"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": b64encode(b"planted-pull").decode()},
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extra", "namespace": "default"},
        "data": {"manifest.yaml": "kind: Secret\nstringData:\n  x: planted-inside\n"},
    }
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": "ibgu-payload",
            "namespace": cluster,
            "labels": {names.MANAGED_BY: names.MANAGER},
            "annotations": {"proxy": "http://admin:hunter2@proxy.example:3128"},
        },
        "spec": {"workload": {"manifests": [secret, config]}},
    }


def unpacked(path: Path) -> dict[str, str]:
    """Name in the archive's folder -> content."""
    with tarfile.open(path) as archive:
        files = [each for each in archive.getmembers() if each.isfile()]
        read = {each.name.partition("/")[2]: archive.extractfile(each) for each in files}
        return {name: file.read().decode() for name, file in read.items() if file}


@pytest.fixture
async def cluster(
    journal: Journal, kubectl: Kubectl, namespace: str, unique_name: Callable[[str], str]
) -> str:
    """A rollout `ran-r1` in `namespace`, and one of its clusters: full of secrets."""
    name = unique_name("leaky")
    words = f"pull failed: Authorization: Bearer {OPENSHIFT} {JWT} password=hunter2"
    kubectl.apply(manifest(namespace))
    uid = kubectl.get("ibgu", "ran-r1", "-n", namespace)["metadata"]["uid"]
    one = rollout(uid, namespace=namespace, name="ran-r1")
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    await put(journal, failed(prep, name, 0, words))
    kubectl("create", "namespace", name)
    kubectl.apply(
        {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "annotations": {"token": "planted-token", "key": KEY}},
            "spec": {"hubAcceptsClient": True},
        }
    )
    kubectl.apply(payload(name))
    return name


async def test_a_bundle_contains_every_file_and_no_secret(
    ibgu: Ibgu,
    cluster: str,
    context: Context,
    namespace: str,
    sandbox_hub: SandboxHub,
    tmp_path: Path,
) -> None:
    path = tmp_path / "bundle.tgz"
    args = ("collect", "ran-r1", "-n", namespace, "-o", str(path))
    found = await ibgu(*args, user="admin", IBGU_NAMESPACE=namespace)
    assert (found.exit_code, found.stdout) == (0, f"{path}\n"), found.output
    assert path.stat().st_mode & 0o777 == 0o600
    files = unpacked(path)
    assert set(files) == FILES
    assert files["not-collected.txt"] == (
        "hub/logs: no pod of ibgu (label app.kubernetes.io/name=ibgu) in namespace "
        f"{namespace}; IBGU_NAMESPACE says where ibgu runs\n"
    )
    everything = "\n".join(files.values())
    for secret in (*PLANTED, sandbox_hub.token("admin")):
        assert secret not in everything
    assert json.loads(files["rollout.json"])["name"] == "ran-r1"
    member = json.loads(files["members.jsonl"])
    assert member["cluster"] == cluster
    assert member["message"].startswith("pull failed: Authorization: ")
    [managed] = [json.loads(line) for line in files["hub/managedclusters.jsonl"].splitlines()]
    assert managed["metadata"]["name"] == cluster
    [work] = [json.loads(line) for line in files["hub/manifestworks.jsonl"].splitlines()]
    secret, config = work["spec"]["workload"]["manifests"]
    assert secret["data"] == {".dockerconfigjson": REMOVED}
    assert config["data"]["manifest.yaml"].startswith("(removed: ")
    about = json.loads(files["about.json"])
    assert about["rollout"] == f"{namespace}/ran-r1"
    assert about["hub"] == about["hubOfKubeconfig"] == context.hub
    again = await ibgu(*args, user="admin")
    assert again.exit_code == 1
    assert "already exists" in again.stderr


@pytest.mark.usefixtures("cluster")
async def test_logs_of_ibgus_pods(
    ibgu: Ibgu, admin: HubClient, namespace: str, tmp_path: Path
) -> None:
    said = {"controller": f"leading {JWT}\n", "controller/previous": "stopping\n"}
    path = tmp_path / "bundle.tgz"
    args = ("collect", "ran-r1", "-n", namespace, "-o", str(path))
    async with kubelet(tmp_path, said) as port:
        await put_pod(admin, namespace, port)
        found = await ibgu(*args, user="admin", IBGU_NAMESPACE=namespace)
    assert found.exit_code == 0, found.output
    files = unpacked(path)
    assert files["hub/logs/ibgu-0.controller.log"] == f"leading {REMOVED}\n"
    assert files["hub/logs/ibgu-0.controller.previous.log"] == "stopping\n"
    path.unlink()
    away = await ibgu(*args, user="admin", IBGU_NAMESPACE=namespace)
    assert away.exit_code == 0, away.output
    assert "ibgu: not collected: hub/logs/ibgu-0.controller.log: " in away.stderr


@pytest.mark.usefixtures("cluster")
async def test_unreadable_parts_are_listed_as_not_collected(
    ibgu: Ibgu, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tgz"
    found = await ibgu("collect", "ran-r1", "-n", namespace, "-o", str(path))
    assert found.exit_code == 0, found.output
    missing = unpacked(path)["not-collected.txt"]
    assert "hub/events.jsonl: " in missing
    assert "hub/logs: GET /api/v1/namespaces/ibgu-system/pods: 403 Forbidden" in missing
    assert "ibgu: not collected: hub/events.jsonl: " in found.stderr


@pytest.mark.usefixtures("cluster")
async def test_nothing_is_taken_from_another_hub(
    ibgu: Ibgu, context: Context, journal: Journal, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """A token of one hub, a kubeconfig of another: files of two hubs in a bundle would mislead."""
    foreign = Journal(context.engine, "another-hub")
    await foreign.lead("test")
    await seen(foreign, rollout(namespace=namespace))
    path = tmp_path / "bundle.tgz"
    async with serving(create_app(replace(context, hub="another-hub")), "127.0.0.1:0") as server:
        args = ("collect", "ran-r1", "-n", namespace, "-o", str(path))
        found = await ibgu(*args, user="admin", IBGU_SERVER=server.address)
    assert found.exit_code == 0, found.output
    files = unpacked(path)
    assert not [name for name in files if name.startswith("hub/")]
    own = kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    words = f"is hub {own}, but the REST API serves hub another-hub: check your kubeconfig's"
    assert words in files["not-collected.txt"]
    assert words in found.stderr
    assert json.loads(files["about.json"])["hubOfKubeconfig"] == own


async def test_another_hub_is_recognized_by_the_rollouts_uid(
    ibgu: Ibgu, journal: Journal, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """A user who can't read the namespace kube-system may see the rollout."""
    await seen(journal, rollout(namespace=namespace))
    kubectl.apply(manifest(namespace))
    path = tmp_path / "bundle.tgz"
    found = await ibgu("collect", "ran-r1", "-n", namespace, "-o", str(path))
    files = unpacked(path)
    assert not [name for name in files if name.startswith("hub/")], found.output
    assert "is not the rollout that the REST API serves (uid " in files["not-collected.txt"]
    assert json.loads(files["about.json"])["hubOfKubeconfig"] is None


@pytest.mark.usefixtures("cluster")
async def test_metrics_with_an_address_of_their_own(
    ibgu: Ibgu, context: Context, namespace: str, tmp_path: Path
) -> None:
    apart = replace(context, probes=replace(context.probes, metrics_apart=True))
    path = tmp_path / "bundle.tgz"
    async with serving(create_app(apart), "127.0.0.1:0") as server:
        args = ("collect", "ran-r1", "-n", namespace, "-o", str(path))
        found = await ibgu(*args, user="admin", IBGU_SERVER=server.address)
    assert found.exit_code == 0, found.output
    files = unpacked(path)
    assert "server/metrics.txt" not in files
    missing = files["not-collected.txt"]
    assert missing.startswith(
        f"server/metrics.txt: {server.address}/metrics: HTTP 404 (where IBGU_"
    )


async def test_an_unknown_rollout_writes_no_bundle(ibgu: Ibgu, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tgz"
    found = await ibgu("collect", "ran-9", "-o", str(path))
    assert found.exit_code == 1
    assert found.stderr.startswith("ibgu: there is no rollout ran-9")
    assert not path.exists()


async def test_secrets_of_the_attack_and_a_message_that_hung_it(
    ibgu: Ibgu, cluster: str, journal: Journal, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """A tenant and a hostile cluster had left these in a bundle; the API server is a real one."""
    notes = {
        "notes.example.com/registry": "planted-annotation",
        "ibgu.dev/pause": "see https://hooks.slack.com/services/T0/B0/planted-hook",
        "ibgu.dev/note": "POST https://sso.example.com/x?token=planted-query",
    }
    kubectl("annotate", "ibgu", "ran-r1", "-n", namespace, *(f"{k}={v}" for k, v in notes.items()))
    env = [{"name": "ANY", "value": "planted-env"}, {"name": "DB_PASSWORD", "value": "hunter2"}]
    dsn = "host=db user=ibgu password=hunter2 sslpassword=planted-ssl"
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"env": env, "args": ["--client-secret", "planted-arg", f"--dsn={dsn}"]},
    }
    work = payload(cluster)
    work["metadata"]["name"] = "ibgu-more"
    work["spec"]["workload"]["manifests"] = [job]
    kubectl.apply(work)
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "odd", "namespace": namespace},
            "involvedObject": {"kind": "X", "name": "ran-r1", "namespace": namespace},
            "message": "grant_type=x&client_secret=planted-client&y=z",
        }
    )
    uid = kubectl.get("ibgu", "ran-r1", "-n", namespace)["metadata"]["uid"]
    upgrade = await open_step(journal, step(rollout(uid, namespace=namespace), 1, Action.UPGRADE))
    await put(journal, failed(upgrade, cluster, 0, "http://" + "a:" * 120_000 + "planted-tail"))
    path = tmp_path / "bundle.tgz"
    found = await ibgu("collect", "ran-r1", "-n", namespace, "-o", str(path), user="admin")
    assert found.exit_code == 0, found.output
    files = unpacked(path)
    everything = "\n".join(files.values())
    assert [
        line for line in everything.splitlines() if "planted" in line or "hunter2" in line
    ] == []
    kept = (
        "grant_type=x",
        "DB_PASSWORD",
        "ibgu.dev/pause",
        "user=ibgu",
        cluster,
        "see https://hooks",
    )
    assert [words for words in kept if words not in everything] == []
    assert "characters cut)" in everything


async def test_objects_nested_too_deeply_are_collected(tmp_path: Path) -> None:
    """An agent may write such a work of ibgu's: one cluster kept everybody from a bundle."""
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000

    class DeepHub:
        async def request(self, *_: object, **__: object) -> bytes:
            return b'{"metadata": {}, "items": [{"spec": %s}, {"spec": 2}]}' % deep

    found = [each async for each in _listed(cast(HubClient, DeepHub()), "/works", {})]
    Bundle(tmp_path, []).many("hub/manifestworks.jsonl", found)
    [first, second] = (tmp_path / "hub" / "manifestworks.jsonl").read_text().splitlines()
    assert first.startswith('{"spec":{"a":{"a":')
    assert json.loads(second) == {"spec": 2}
