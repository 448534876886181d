"""A hub of their own, which writes down who asked for what."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from ibgu.hub.client import HubClient
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from tests.e2e.harness import Scene
from tests.e2e.talm import CGU_CRD


class Audited(Struct, frozen=True):
    hub: SandboxHub
    log: Path


@pytest.fixture(scope="package")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """TALM's ClusterGroupUpgrades are served there, so that each of ibgu's rights has its use."""
    log = tmp_path_factory.mktemp("audit") / "audit.log"
    with SandboxHub(audit_log=log, namespaces=NAMESPACES) as hub:
        kubectl = Kubectl(hub)
        kubectl("apply", "-f", "-", stdin=CGU_CRD)
        kubectl("wait", "--for=condition=Established", "crd", "--all")
        path = "/openapi/v3/apis/ran.openshift.io/v1alpha1"
        wait_until(
            lambda: "ClusterGroupUpgrade" in kubectl.run("get", "--raw", path).out,
            "the CRD in the OpenAPI",
            lambda: None,
        )
        yield Audited(hub, log)


@pytest.fixture
async def admin(audited: Audited) -> AsyncIterator[HubClient]:
    hub = audited.hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as client:
        yield client


@pytest.fixture
async def scene(audited: Audited, database_url: str, admin: HubClient) -> AsyncIterator[Scene]:
    made = Scene(audited.hub, database_url, admin)
    await made.clear()
    try:
        yield made
    finally:
        await made.close()
