"""The first start against a hub that has the CRDs, but not ibgu's namespace."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ibgu.sandbox import contents
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from ibgu.sandbox.waiting import wait_until
from tests.cli.test_first_contact import until_it_says
from tests.cli.test_processes import finished, lease_holder, until

POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """The hub's log of requests."""
    return tmp_path / "audit"


@pytest.fixture
def hub(requests: Path) -> Iterator[SandboxHub]:
    """A hub with everything except the namespace ibgu-system and what is in it."""
    with SandboxHub(filled=False, audit_log=requests) as hub:
        _install(hub, inside=False)
        yield hub


def _install(hub: SandboxHub, *, inside: bool) -> None:
    """Applies what is outside of the namespace, or the namespace with what is inside."""
    admin = SandboxRest(hub.url, hub.ca_file, hub.token("admin"))
    for manifest in contents.everything(hub_binaries().crds, ("default",)):
        if _in_namespace(manifest["metadata"]) is inside:
            admin.apply(manifest)
    wait_until(lambda: contents.served(admin), "the API of the hub", lambda: None)


def _in_namespace(metadata: dict[str, Any]) -> bool:
    return SYSTEM_NAMESPACE in (metadata["name"], metadata.get("namespace"))


def _lead_everywhere(hub: SandboxHub) -> None:
    """Grants ibgu's account the Lease in every namespace, also in those to come."""
    kubectl = Kubectl(hub)
    verbs = "--verb=get,watch,create,patch"
    kubectl("create", "clusterrole", "lead", verbs, "--resource=leases.coordination.k8s.io")
    account = f"--serviceaccount={SYSTEM_NAMESPACE}:ibgu"
    kubectl("create", "clusterrolebinding", "lead", "--clusterrole=lead", account)


def environment(hub: SandboxHub, user: str, url: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "KUBECONFIG": str(hub.kubeconfig(user)),
        "DATABASE_URL": url,
        "IBGU_LISTEN": f"127.0.0.1:{free_port()}",
    }


@contextmanager
def started(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ibgu", "run", "--migrate"]
    with log.open("w") as err, subprocess.Popen(command, env=env, stderr=err, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def logged(log: Path) -> list[dict[str, str]]:
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_the_namespace_is_made_by_who_may(hub: SandboxHub, empty_url: str, tmp_path: Path) -> None:
    """The Lease is in it, and the log has one line about it."""
    env = environment(hub, "admin", empty_url)
    with started(env, tmp_path / "log") as process:
        until(process, env, "/readyz")
        kubectl = Kubectl(hub)
        wait_until(lambda: bool(_holder(kubectl)), "the leader", lambda: None)
        assert process.poll() is None
    said = [line for line in logged(tmp_path / "log") if "namespace" in line["event"]]
    assert [(line["event"], line["namespace"]) for line in said] == [
        ("created the namespace for the Lease", SYSTEM_NAMESPACE)
    ]
    assert not [line for line in logged(tmp_path / "log") if line["event"] == "lease"]


def _holder(kubectl: Kubectl) -> str:
    there = kubectl.run("get", "lease", "ibgu-controller", "-n", SYSTEM_NAMESPACE).code == 0
    return lease_holder(kubectl) if there else ""


def test_a_missing_namespace_is_reported_once_and_a_pod_waits_for_it(
    hub: SandboxHub, empty_url: str, requests: Path, tmp_path: Path
) -> None:
    _lead_everywhere(hub)
    env = environment(hub, "ibgu", empty_url)
    code, out, said = finished(env, "run", "--migrate")
    assert (code, out) == (1, "")
    assert said.count("namespace ibgu-system does not exist, and ibgu can't create it: ") == 1
    assert said.count("→ kubectl create namespace ibgu-system, or set IBGU_NAMESPACE") == 1
    assert said.count("✗ leadership") == 1
    env |= POD
    with started(env, tmp_path / "log") as process:
        until_it_says(
            process, env, "namespace ibgu-system does not exist, and ibgu can't create it"
        )
        _tried(requests, "create", "/api/v1/namespaces?", 4)
        Kubectl(hub)("create", "namespace", SYSTEM_NAMESPACE)
        until(process, env, "/readyz")
    waited = [line for line in logged(tmp_path / "log") if line["event"] == "waiting for the hub"]
    refused = [line for line in waited if "can't create it" in line["error"]]
    assert refused
    assert too_often(refused) == []


def too_often(lines: list[dict[str, str]]) -> list[str]:
    """Returns the times of lines that follow one with the same words within a minute."""
    at = [datetime.fromisoformat(line["timestamp"]) for line in lines]
    assert len({line["error"] for line in lines}) == 1
    minute = timedelta(seconds=59)
    return [str(later) for before, later in pairwise(at) if later - before < minute]


def _tried(requests: Path, verb: str, path: str, times: int) -> None:
    """Waits until ibgu has sent such requests that many times."""

    def often() -> bool:
        written, _, _ = requests.read_text().rpartition("\n")
        entries = [json.loads(line) for line in written.splitlines()]
        sent = [
            each
            for each in entries
            if each["user"]["username"].endswith(":ibgu") and path in f"{each['requestURI']}?"
        ]
        return len([each for each in sent if each["verb"] == verb]) >= times

    wait_until(often, f"{verb} {path}", lambda: None)


def test_the_charts_account_leads_once_the_namespace_is_installed(
    hub: SandboxHub, empty_url: str, requests: Path, tmp_path: Path
) -> None:
    """A Role in a namespace that is missing grants nothing: the hub only says forbidden."""
    env = environment(hub, "ibgu", empty_url) | POD
    with started(env, tmp_path / "log") as process:
        _tried(requests, "get", "/leases/ibgu-controller?", 5)
        assert _holder(Kubectl(hub)) == ""
        _install(hub, inside=True)
        kubectl = Kubectl(hub)
        wait_until(lambda: bool(_holder(kubectl)), "the leader", lambda: None)
        until(process, env, "/readyz")
    lines = logged(tmp_path / "log")
    told = [line["do"] for line in lines if line.get("check") == "leadership"]
    assert told == [
        "set IBGU_NAMESPACE to where ibgu is installed, or: oc create namespace ibgu-system, "
        "and bind the role ibgu-leader there"
    ]
    warned = [line for line in lines if line["event"] == "lease"]
    assert warned
    assert too_often(warned) == []
