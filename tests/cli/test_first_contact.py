"""The first start against a hub on which nothing is installed: what is missing, and what to do."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from ibgu.cli.serve.first import make_namespace
from ibgu.hub.authorization.rights import needed
from ibgu.hub.client import HubClient
from ibgu.sandbox import contents
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.servers import free_port
from tests.cli.test_processes import PAUSE, finished, until
from tests.e2e.account import LimitedAccount


@pytest.fixture
def bare_hub() -> Iterator[SandboxHub]:
    with SandboxHub(filled=False) as hub:
        yield hub


@pytest.fixture
def place(empty_url: str) -> dict[str, str]:
    """An environment without a hub."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"DATABASE_URL": empty_url, "IBGU_LISTEN": f"127.0.0.1:{free_port()}"}


@pytest.fixture
def env(bare_hub: SandboxHub, place: dict[str, str]) -> dict[str, str]:
    """The environment of an administrator, who may make what is missing."""
    return place | {"KUBECONFIG": str(bare_hub.kubeconfig("admin"))}


def test_run_on_a_bare_hub_lists_what_is_missing_and_exits(
    bare_hub: SandboxHub, env: dict[str, str]
) -> None:
    code, out, said = finished(env, "run", "--migrate")
    assert (code, out) == (1, "")
    first, *told = said.splitlines()
    assert first == (
        "ibgu: the hub is not ready for ibgu. Fix these problems, then start ibgu again; "
        "to check: ibgu doctor"
    )
    crd = told.index("✗ ImageBasedGroupUpgrade: the CRD is not installed")
    assert told[crd + 1].startswith("  → kubectl apply -f charts/ibgu/crds/")
    assert any(line.startswith("✗ Open Cluster Management: ManifestWork") for line in told)
    checks = [line.split(":")[0] for line in told if line.startswith("✗")]
    assert checks == ["✗ Open Cluster Management", "✗ ImageBasedGroupUpgrade"]
    assert Kubectl(bare_hub).run("get", "namespace", "ibgu-system").code != 0


def test_a_pod_waits_quietly_and_begins_once_all_is_there(
    bare_hub: SandboxHub, env: dict[str, str], tmp_path: Path
) -> None:
    env = env | {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    log = tmp_path / "log"
    command = [sys.executable, "-m", "ibgu", "run", "--migrate"]
    with log.open("w") as err, subprocess.Popen(command, env=env, stderr=err, text=True) as process:
        try:
            _until_it_waits(process, env)
            rest = SandboxRest(bare_hub.url, bare_hub.ca_file, bare_hub.token("admin"))
            contents.install(rest, hub_binaries().crds, ())
            until(process, env, "/readyz")
        finally:
            process.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    waited = [line["error"] for line in lines if line["event"] == "waiting for the hub"]
    assert "the CRD is not installed (do: kubectl apply -f" in waited[0]
    assert len(waited) == len(set(waited))
    assert "lease" not in [line["event"] for line in lines]


def _until_it_waits(process: subprocess.Popen[str], env: dict[str, str]) -> None:
    until_it_says(process, env, "the CRD is not installed")


def until_it_says(process: subprocess.Popen[str], env: dict[str, str], words: str) -> None:
    """Waits for the words in its answer to whether it is ready."""
    url = f"http://{env['IBGU_LISTEN']}/readyz"
    with httpx.Client(trust_env=False, timeout=60) as client:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if words in client.get(url).text:
                    return
            time.sleep(PAUSE)
    pytest.fail("it ended")


@pytest.mark.parametrize("pod", [False, True], ids=["person", "pod"])
def test_a_right_that_is_missing_is_printed_with_what_to_do_and_waited_for(
    sandbox_hub: SandboxHub, place: dict[str, str], tmp_path: Path, pod: bool
) -> None:
    """The right was in the log without the command that gives it, and among everything else."""
    env = place | {"KUBECONFIG": asyncio.run(_granted(sandbox_hub, tmp_path, lacking=True))}
    env |= {"KUBERNETES_SERVICE_HOST": "127.0.0.1"} if pod else {}
    log = tmp_path / "log"
    command = [sys.executable, "-m", "ibgu", "run", "--migrate"]
    with log.open("w") as err, subprocess.Popen(command, env=env, stderr=err, text=True) as process:
        try:
            until_it_says(process, env, "may not patch manifestworks")
            asyncio.run(_granted(sandbox_hub, tmp_path, lacking=False))
            until(process, env, "/readyz")
        finally:
            process.kill()
    told = [line for line in log.read_text().splitlines() if _told(line, pod)]
    found, do = _of_pod(told) if pod else told
    assert "ibgu-system:lesser may not patch manifestworks" in found
    assert "no action is started or taken back" in found
    assert "oc create clusterrolebinding ibgu-controller --clusterrole=ibgu-controller" in do


async def _granted(hub: SandboxHub, folder: Path, *, lacking: bool) -> str:
    """Returns the kubeconfig of an account with ibgu's rights, perhaps without one of them."""
    works = (r for r in needed("controller") if r.resource == "manifestworks")
    without = [right for right in works if lacking and right.verb == "patch"]
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        lesser = LimitedAccount(hub, admin, folder)
        await lesser.grant(*without)
        return await lesser.kubeconfig()


def _told(line: str, pod: bool) -> bool:
    return '"problem on the hub"' in line if pod else line.startswith(("✗", "  →"))


def _of_pod(told: list[str]) -> tuple[str, str]:
    (line,) = told
    entry = json.loads(line)
    return entry["found"], entry["do"]


async def test_a_namespace_that_may_not_be_made_is_named(sandbox_hub: SandboxHub) -> None:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("alice"))) as client:
        (found,) = await make_namespace(client, "no-such-place")
    assert found.found.startswith(
        "namespace no-such-place does not exist, and ibgu can't create it: "
    )
    assert found.do == "kubectl create namespace no-such-place, or set IBGU_NAMESPACE"
