"""Each right that is taken away is named: by the doctor, and by the controller."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import structlog
from msgspec import Struct
from structlog.testing import LogCapture

from ibgu.cli.doctor.facts import Rights, Subject
from ibgu.cli.doctor.findings import Level
from ibgu.cli.doctor.judge_rights import judge_rights
from ibgu.controller.clock import Clock
from ibgu.controller.effects import refusals as denials
from ibgu.controller.lookups import membership, rights, talm
from ibgu.controller.lookups.rights import of_controller
from ibgu.controller.service import LEASE
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.authorization.consequences import consequence
from ibgu.hub.authorization.rights import Right, needed, refused
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import discover
from ibgu.hub.errors import HubError
from ibgu.hub.paths import leases
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from ibgu.settings import read_settings
from tests.e2e.account import ACCOUNT, EVERYWHERE, LEADER, LimitedAccount
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.tenants import Tenants

PAYLOAD = set(needed("payload-reader"))
IDENTITY = Right("get", "", "namespaces", name="kube-system")
TAKEN = [right for right in (*EVERYWHERE, *LEADER) if right not in PAYLOAD | {IDENTITY}]
"""Each by itself. What payloads need is asked for by IBGU: see tests/cli/doctor. The identity of
the hub may be read with two of them."""


def all_needed() -> list[Right]:
    settings = read_settings(tenancy="clustersets")
    controller = of_controller(
        settings,
        LEASE,
        cgus=True,
        fleet_updates=True,
        seed_images=True,
        rollout_policies=True,
        grants=True,
    )
    return [*controller, *needed("api")]


async def _until_refused(
    client: HubClient, right: Right, asked: Sequence[Right] = ()
) -> list[Right]:
    """RBAC takes a moment to hear of a changed role."""
    found: list[Right] = []
    for _ in range(200):
        found = await refused(client, asked or all_needed())
        if found and all(each.within(right) for each in found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"without {right}, refused is {list(map(str, found))}")


@pytest.fixture
async def lesser(sandbox_hub: SandboxHub, tmp_path: Path) -> AsyncIterator[LimitedAccount]:
    hub = sandbox_hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        yield LimitedAccount(hub, admin, tmp_path)


@pytest.fixture
async def client(lesser: LimitedAccount) -> AsyncIterator[HubClient]:
    await lesser.grant()
    async with await HubClient.connect(await lesser.kubeconfig()) as client:
        yield client


async def test_with_all_of_them_none_is_refused(client: HubClient) -> None:
    for _ in range(200):
        if not await refused(client, all_needed()):
            return
        await asyncio.sleep(0.02)
    assert await refused(client, all_needed()) == []


async def test_a_role_for_the_one_lease_is_enough(
    client: HubClient, lesser: LimitedAccount
) -> None:
    """`resourceNames` narrows a watch, too, where it asks for the one name."""
    narrow = needed("leader", SYSTEM_NAMESPACE, LEASE)
    assert {right.verb for right in narrow if not right.name} == {"create"}
    of_any = of("leader", "watch", "leases")
    await lesser.grant(leader=narrow)
    assert await _until_refused(client, of_any, [*all_needed(), of_any]) == [of_any]
    query = {"watch": "true", "timeoutSeconds": "1", "fieldSelector": f"metadata.name={LEASE}"}
    async with client.stream(leases(SYSTEM_NAMESPACE), query=query, timeout=5.0) as lines:
        assert not [line async for line in lines if b'"ERROR"' in line]


@pytest.mark.parametrize("right", [r for r in TAKEN if not r.path], ids=str)
async def test_the_doctor_names_it(client: HubClient, lesser: LimitedAccount, right: Right) -> None:
    await lesser.grant(right)
    found = await _until_refused(client, right)
    whose = Subject(ACCOUNT.username, f"{ACCOUNT.namespace}:{ACCOUNT.name}")
    (finding,) = judge_rights(Rights(whose, len(all_needed()), tuple(found)), user=False)
    assert finding.level is (Level.ERROR if consequence(right).vital else Level.WARNING)
    assert f"may not {right.verb} {right.resource.partition('/')[0]}" in finding.found
    assert consequence(right).words in finding.found
    assert f"--serviceaccount={whose.account}" in finding.do


async def test_every_account_may_read_schemas(client: HubClient, lesser: LimitedAccount) -> None:
    """Kubernetes itself grants these paths (system:discovery); ibgu's role is for others."""
    paths = [right for right in TAKEN if right.path]
    await lesser.grant(*paths)
    assert await refused(client, paths) == []


# -- the controller ----------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(denials, "BACKOFF", Backoff(0.2))
    monkeypatch.setattr(talm, "RETRY", 0.2)
    monkeypatch.setattr(membership, "RETRY_SECONDS", 0.3)


def of(role: str, verb: str, resource: str) -> Right:
    where = SYSTEM_NAMESPACE if role == "leader" else ""
    (found,) = (r for r in needed(role, where) if (r.verb, r.resource) == (verb, resource))
    return found


class Case(Struct, frozen=True):
    right: Right
    reason: str = ""
    """What the member's begins with."""
    stages: tuple[str, ...] = ()
    """What the cluster has gone through before the right is given."""

    def __str__(self) -> str:
        return str(self.right)


CASES = [
    Case(of("controller", "list", "imagebasedgroupupgrades")),
    Case(of("controller", "get", "deployments")),
    Case(of("leader", "create", "leases")),
    Case(of("controller", "create", "manifestworks"), "ibgu may not create manifestworks in"),
    Case(of("controller", "patch", "manifestworks"), "ibgu may not patch manifestworks in"),
    Case(of("controller", "patch", "managedclusters"), "ibgu may not patch managed", ("Prep",)),
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_controller_names_it_and_goes_on_once_it_is_given(
    scene: Scene, lesser: LimitedAccount, case: Case
) -> None:
    await _begin(scene, lesser, case.right, step("Prep"), step("Upgrade"))
    if case.reason:
        await scene.until(lambda: _waits(scene, case.reason), f"the reason: {case.reason}")
    assert scene.stages(f"{scene.label}-1") == list(case.stages)
    await lesser.grant()
    await scene.completed("lesser")
    await scene.until(lambda: not scene.told_problems(), "readiness")
    assert scene.stages(f"{scene.label}-1") == ["Prep", "Upgrade"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["managedclustersets", "managedclustersetbindings"])
async def test_with_tenancy_nobody_is_taken_while_the_sets_can_not_be_read(
    scene: Scene, lesser: LimitedAccount, kind: str
) -> None:
    await lesser.grant(of("tenancy", "list", kind))
    tenants = Tenants(scene)
    await tenants.everything("global")
    await tenants.bind("global", "default")
    await scene.fleet(count=1)
    await scene.start(kubeconfig=await lesser.kubeconfig(), tenancy="clustersets")
    await scene.apply(ibgu("lesser", step("Prep"), fleet=scene.label))
    await scene.told("lesser", "--clusterrole=ibgu-tenancy --serviceaccount=ibgu-system:ibgu")
    assert await scene.journal("SELECT 1 FROM members") == []
    await lesser.grant()
    await scene.completed("lesser")
    assert scene.stages(f"{scene.label}-1") == ["Prep"]
    await tenants.close()


@pytest.mark.usefixtures("quick")
async def test_a_status_that_could_not_be_written_is_written_later(
    scene: Scene, lesser: LimitedAccount
) -> None:
    await _begin(
        scene, lesser, of("controller", "patch", "imagebasedgroupupgrades/status"), step("Prep")
    )
    await scene.seen_in_journal("RolloutCompleted")
    assert await scene.status("lesser") == {}
    await lesser.grant()
    await scene.completed("lesser")


async def _begin(scene: Scene, lesser: LimitedAccount, without: Right, *plan: Object) -> None:
    """A rollout of one cluster without the right, until readiness says that it is missing."""
    await lesser.grant(without)
    kubeconfig = await lesser.kubeconfig()
    await scene.fleet(count=1)
    await scene.start(kubeconfig=kubeconfig, leads=False)
    await scene.apply(ibgu("lesser", *plan, fleet=scene.label))
    line = f"ibgu may not {without.verb} {without.resource.partition('/')[0]}"
    await scene.until(lambda: _told(scene, line), f"readiness to say: {line}")


def _told(scene: Scene, line: str) -> bool:
    return any(problem.startswith(line) for problem in scene.told_problems())


async def _waits(scene: Scene, words: str) -> bool:
    rows = await scene.journal(
        "SELECT reason->>'kind' AS kind, reason->>'message' AS words, "
        "reason->>'who' AS who FROM members"
    )
    return any(
        (row["kind"], row["who"]) == ("HubForbids", "person")
        and words in row["words"]
        and "do: " in row["words"]
        for row in rows
    )


@pytest.mark.usefixtures("quick")
async def test_without_events_it_works_and_the_log_says_so(
    scene: Scene, lesser: LimitedAccount
) -> None:
    await lesser.grant(of("controller", "create", "events"))
    kubeconfig = await lesser.kubeconfig()
    await scene.fleet(count=1)
    log = LogCapture()
    structlog.configure(processors=[log])
    try:
        await scene.start(kubeconfig=kubeconfig)
        await scene.apply(ibgu("lesser", step("Prep"), fleet=scene.label))
        await scene.completed("lesser")
    finally:
        structlog.reset_defaults()
    assert await scene.events("lesser") == []
    (missing,) = (entry for entry in log.entries if entry["event"] == "missing right")
    assert missing["right"] == "create events.events.k8s.io"
    assert "no Events" in missing["means"]


async def test_without_the_hubs_identity_it_does_not_start(
    scene: Scene, lesser: LimitedAccount
) -> None:
    """Both the controller's and the API's role grant it."""
    await lesser.grant(of("controller", "get", "namespaces"), IDENTITY)
    kubeconfig = await lesser.kubeconfig()
    with pytest.raises(HubError) as caught:
        await scene._control(scene.settings(kubeconfig=kubeconfig), Clock, discover)
    assert "403" in str(caught.value)
    assert "namespaces/kube-system" in str(caught.value)
