"""The chart's roles grant what is used and nothing else."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec import Struct

from ibgu.controller.effects import requests
from ibgu.controller.lookups.talm_policy import installed_policy
from ibgu.controller.service import LEASE
from ibgu.core.engine.works import cluster_patch
from ibgu.core.model import WorkView
from ibgu.core.model.shown import HubObject
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub import discovery
from ibgu.hub.authorization.access import Access, AccessReview
from ibgu.hub.authorization.rights import ROLES, TENANCY, Right, needed
from ibgu.hub.client import HubClient
from ibgu.hub.election.lease import Elector
from ibgu.hub.watching.store import key_of
from ibgu.hub.writing.writer import Write
from ibgu.sandbox.users import SYSTEM_NAMESPACE, USERS
from tests.e2e.harness import Scene
from tests.e2e.manifests import config_map, ibgu, pull_secret, step
from tests.e2e.tenants import Tenants
from tests.e2e.test_fleet_update import ended, fleet_update
from tests.security.conftest import Audited


class Used(Struct, frozen=True):
    right: Right
    code: int


def used(log: Path) -> list[Used]:
    """Returns what ibgu's ServiceAccount asked for, as rights."""
    with log.open() as lines:
        return [
            _used(entry)
            for entry in map(json.loads, lines)
            if entry["user"]["username"] == USERS["ibgu"].username
        ]


def _used(entry: dict[str, dict[str, str]]) -> Used:
    about = entry.get("objectRef")
    code = int(entry.get("responseStatus", {}).get("code", 0))
    if about is None:
        return Used(Right("get", path=str(entry["requestURI"]).partition("?")[0]), code)
    resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
    place = (about.get("namespace", ""), about.get("name", ""))
    return Used(Right(str(entry["verb"]), about.get("apiGroup", ""), resource, *place), code)


def serves(granted: Right, asked: Right) -> bool:
    """Whether a request is one that the right is there for."""
    if granted.path:
        stem = granted.path.removesuffix("*")
        return asked.path == granted.path or (stem != granted.path and asked.path.startswith(stem))
    return asked.within(granted) and granted.namespace in ("", asked.namespace)


def everything() -> list[Right]:
    return [
        right
        for role in (*ROLES, TENANCY)
        for right in needed(role, SYSTEM_NAMESPACE if role == "leader" else "")
    ]


async def test_each_right_is_used(
    scene: Scene, audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a hub before 1.34, which has no streaming lists.
    monkeypatch.setattr(discovery, "STREAMING_LISTS_SINCE", (99, 0))
    _miss_changes_of_clusters(monkeypatch)
    await scene.apply(config_map("openshift-adp", "oadp-cm", backup="kind: Backup"))
    await scene.apply(pull_secret("default", "pull"))
    tenants = Tenants(scene)
    await tenants.everything("global")
    await tenants.bind("global", "default")
    first = f"{scene.label}-1"
    await scene.fleet(count=1, delivered=["Secret/openshift-lifecycle-agent/none"])
    await scene.start(tenancy="clustersets")
    seed = {"image": "quay.io/x:4.17", "version": "4.17.0", "pullSecretRef": {"name": "pull"}}
    oadp = [{"name": "oadp-cm", "namespace": "openshift-adp"}]
    plan = [step("Prep"), step("Upgrade")]
    manifest = ibgu("all", *plan, fleet=scene.label, seedImageRef=seed, oadpContent=oadp)
    await scene.apply(manifest)
    await scene.until(lambda: _armed(scene, first) is not None, "an armed work in the mirror")
    armed = _armed(scene, first)
    assert armed is not None
    await scene.completed("all")
    await scene.apply(fleet_update("release", "nobody", "Check"))
    await ended(scene, "release", "Completed")
    await _miss_an_event(scene, armed)
    await _stand_by(scene)
    await _examine(scene)
    await _ask_as_the_api(scene)
    await scene.kubectl("delete", "ibgu", "all")
    await scene.kubectl("delete", "fleetupdate", "release")
    await scene.until(lambda: _none_left(scene), "ibgu's works to be removed")
    await tenants.close()
    await scene.stop()  # a watch is written down when it ends, and the log is a moment behind
    await scene.until(lambda: _unused(used(audited.log)) == [], "all rights to be used")
    assert [each for each in used(audited.log) if each.code == 403] == []


def _unused(asked: list[Used]) -> list[str]:
    known = {each.right for each in asked}
    return [str(g) for g in everything() if not any(serves(g, right) for right in known)]


def _armed(scene: Scene, cluster: str) -> HubObject[WorkView] | None:
    assert scene.controller is not None
    works = scene.controller._mirror.works
    marked = (work for work in works if work.metadata.namespace == cluster)
    return next((work for work in marked if work.view.armed), None)


async def _miss_an_event(scene: Scene, old: HubObject[WorkView]) -> None:
    """The mirror shows a work as it once was: ibgu's write meets a conflict, and it is read."""
    controller = scene.controller
    assert controller is not None
    controller._mirror.works._put(key_of(old), old)
    controller._touched(old.metadata.labels["ibgu.dev/rollout"], old.metadata.namespace)
    await scene.until(
        lambda: _armed(scene, old.metadata.namespace) is None, "the mirror to be corrected"
    )


def _miss_changes_of_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are written on a version that a cluster no longer has, until ibgu has read it: in a
    second in which the watch shows nothing new either."""
    read: list[Write] = []
    reading = requests.reading

    def noted(write: Write) -> Write:
        read.append(write)
        return reading(write)

    monkeypatch.setattr(requests, "reading", noted)
    monkeypatch.setattr(
        requests,
        "cluster_patch",
        lambda pending, version: cluster_patch(pending, version if read else "1"),
    )


async def _none_left(scene: Scene) -> bool:
    return not await scene.items("/apis/work.open-cluster-management.io/v1/manifestworks")


async def _stand_by(scene: Scene) -> None:
    """Another controller, until it has seen who leads and watches."""
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        other = Elector(client, SYSTEM_NAMESPACE, LEASE, "standby")
        standing_by = asyncio.create_task(other.run(_lead))
        await scene.until(lambda: other.leader not in ("", "standby"), "the standby to look")
        await asyncio.sleep(4.0)  # its watch has begun
        standing_by.cancel()
        await asyncio.wait({standing_by})


async def _lead(deadline: Deadline) -> None:
    raise AssertionError("somebody else leads")


async def _examine(scene: Scene) -> None:
    """Reads what `ibgu doctor` reads in the controller's pod."""
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        await installed_policy(client)


async def _ask_as_the_api(scene: Scene) -> None:
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        access = Access(client)
        user = await access.user(scene.hub.token("alice"))
        assert user is not None
        assert (
            await access.allowed(user, AccessReview("get", "lcm.openshift.io", "imagebased"))
            is False
        )
