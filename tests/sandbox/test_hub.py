"""The sandbox hub: who may do what, and what an outage leaves."""

import itertools
import json
import socket
import ssl
import urllib.request
from pathlib import Path

import pytest

from ibgu.sandbox import servers
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl


def test_the_hub_reports_its_true_version(kubectl: Kubectl) -> None:
    version = json.loads(kubectl("version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"].startswith("v1.36.")
    assert version["clientVersion"]["gitVersion"] == version["serverVersion"]["gitVersion"]


def test_serves_the_three_kinds_of_the_work(kubectl: Kubectl) -> None:
    kinds = ("managedclusters", "manifestworks", "imagebasedgroupupgrades")
    for kind in kinds:
        assert kubectl.run("get", kind, "-A").code == 0


def can(kubectl: Kubectl, user: str, *what: str) -> bool:
    return kubectl.run("auth", "can-i", *what, user=user).out.strip() == "yes"


@pytest.mark.parametrize(
    ("user", "namespace", "sees_rollouts", "sees_clusters"),
    [
        ("admin", "kube-system", True, True),
        ("ibgu", "kube-system", True, True),
        ("alice", "kube-system", True, True),
        ("bob", "kube-system", False, False),
        ("bob", "default", True, False),
        ("carol", "default", False, False),
    ],
)
def test_each_user_sees_their_part(
    kubectl: Kubectl, user: str, namespace: str, sees_rollouts: bool, sees_clusters: bool
) -> None:
    assert can(kubectl, user, "list", "ibgu", "-n", namespace) is sees_rollouts
    assert can(kubectl, user, "list", "managedclusters") is sees_clusters


def test_the_fleet_may_play_clusters_but_not_touch_rollouts(kubectl: Kubectl) -> None:
    assert can(kubectl, "fleet", "update", "manifestworks/status", "-n", "default")
    assert can(kubectl, "fleet", "create", "managedclusters")
    assert can(kubectl, "fleet", "create", "namespaces")
    assert can(kubectl, "fleet", "update", "leases", "-n", "default")
    assert not can(kubectl, "fleet", "get", "ibgu", "-n", "default")


def test_token_reviews_answer(sandbox_hub: SandboxHub) -> None:
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": sandbox_hub.token("alice")},
    }
    request = urllib.request.Request(
        f"{sandbox_hub.url}/apis/authentication.k8s.io/v1/tokenreviews",
        data=json.dumps(review).encode(),
        headers={
            "Authorization": f"Bearer {sandbox_hub.token('ibgu')}",
            "Content-Type": "application/json",
        },
    )
    trust = ssl.create_default_context(cafile=str(sandbox_hub.ca_file))
    with urllib.request.urlopen(request, context=trust) as response:
        status = json.load(response)["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == "alice"
    assert "system:authenticated" in status["user"]["groups"]


def test_objects_and_address_survive_restarts(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with SandboxHub(audit_log=log, namespaces=["openshift-lifecycle-agent"]) as hub:
        kubectl, url = Kubectl(hub), hub.url
        kubectl("create", "namespace", "kept")
        hub.kill_apiserver()
        assert kubectl.run("get", "namespace", "kept").code != 0
        hub.start_apiserver("--anonymous-auth=true")
        assert kubectl("get", "namespace", "kept", "-o", "name") == "namespace/kept\n"
        hub.restart()
        assert kubectl("get", "namespace", "kept", "-o", "name") == "namespace/kept\n"
        assert hub.url == url
        assert not can(kubectl, "ibgu", "get", "secrets", "-n", "openshift-adp")
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(
        request["verb"] == "create" and request["objectRef"]["name"] == "kept"
        for request in requests
        if request.get("objectRef", {}).get("resource") == "namespaces"
    )


def test_the_folder_of_the_hub_is_removed_after_use() -> None:
    hub = SandboxHub(binaries=hub_binaries())
    with hub:
        folder = hub.folder
        assert hub.kubeconfig("ibgu").is_relative_to(folder)
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="not running"):
        hub.restart_apiserver()


def test_takes_other_ports_if_one_is_taken_after_it_was_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as someone:
        taken = someone.getsockname()[1]
        ports = itertools.chain([taken], iter(servers.free_port, 0))
        monkeypatch.setattr(servers, "free_port", ports.__next__)
        with SandboxHub() as hub:
            assert not hub.url.endswith(f":{taken}")
            assert "v1" in Kubectl(hub)("api-versions")
