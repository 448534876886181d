"""The bodies on a real API server with OCM's schemas: accepted, with the predicted generation."""

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import msgspec
import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.works import (
    by_generation,
    cluster_patch,
    desired_work_of,
    disarming,
    payload_body,
    refresh_patch,
    stage_body,
    stage_patch,
    view_work,
)
from ibgu.core.model import Change, Member, PendingPatch, RunState, WorkView, names
from ibgu.core.model.kinds import ConfigMap, ManagedCluster, ManifestWork, ObjectMeta, Secret
from ibgu.core.model.names import stage_name
from ibgu.core.model.shown import view_cluster
from ibgu.sandbox.hub import SandboxHub
from tests.core.drivers.ibu.works.samples import NOW, ROLLOUT, member, probe, run

STRICT = {"fieldValidation": "Strict"}
MERGE = {"Content-Type": "application/merge-patch+json"}
STEPS = {"Content-Type": "application/json-patch+json"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def controller(sandbox_hub: SandboxHub) -> Iterator[httpx.Client]:
    """A client with the rights that ibgu's chart gives the controller."""
    with httpx.Client(
        base_url=sandbox_hub.url,
        verify=ssl.create_default_context(cafile=str(sandbox_hub.ca_file)),
        headers={"Authorization": f"Bearer {sandbox_hub.token('ibgu')}"},
        trust_env=False,
        timeout=60,
    ) as client:
        yield client


def works(namespace: str) -> str:
    return f"/apis/work.open-cluster-management.io/v1/namespaces/{namespace}/manifestworks"


class Site:
    """The stage work of one cluster, written as the controller would."""

    def __init__(self, hub: httpx.Client, namespace: str) -> None:
        self.hub = hub
        self.namespace = namespace
        self.path = f"{works(namespace)}/{stage_name(ROLLOUT.uid, ROLLOUT.name)}"

    def write(self, asked: Member | None, current: WorkView | None) -> WorkView:
        wanted = desired_work_of(asked, current)
        assert wanted is not None
        if current is None:
            body = stage_body(IBU, wanted, ROLLOUT, self.namespace, watch=True)
            path = works(self.namespace)
            answer = self.hub.post(path, content=body, params=STRICT, headers=JSON)
        elif by_generation(wanted, current):
            body = disarming(IBU, wanted, ROLLOUT, current, watch=True)
            answer = self.hub.patch(self.path, content=body, params=STRICT, headers=STEPS)
        else:
            body = stage_patch(IBU, wanted, ROLLOUT, current, watch=True)
            answer = self.hub.patch(self.path, content=body, params=STRICT, headers=MERGE)
        assert answer.is_success, answer.text
        return self.view(answer)

    def view(self, answer: httpx.Response) -> WorkView:
        return view_work(IBU, msgspec.json.decode(answer.content, type=ManifestWork))

    def by_hand(self, patch: object) -> WorkView:
        answer = self.hub.patch(self.path, json=patch, headers=MERGE)
        assert answer.is_success, answer.text
        return self.view(answer)


@pytest.fixture
def site(controller: httpx.Client, namespace: str) -> Site:
    return Site(controller, namespace)


def test_every_write_is_accepted_and_moves_the_generation_by_one(site: Site) -> None:
    steps = [
        member(look_=probe("l1")),
        member(look_=probe("l2")),
        member(run("r1"), probe("l2")),
        member(run("r1", RunState.ACCEPTED), probe("l2")),
        member(run("r2"), probe("l2")),
        member(run("r2", RunState.ENDED), probe("l3")),
        member(look_=probe("l4")),
    ]
    view = None
    for generation, asked in enumerate(steps, 1):
        view = site.write(asked, view)
        assert (view.generation, view.edited) == (generation, False)
        assert desired_work_of(asked, view) is None


def test_a_hand_on_the_work_is_seen_and_our_next_write_undoes_it(site: Site) -> None:
    view = site.write(member(look_=probe("l1")), None)
    edited = site.by_hand({"spec": {"manifestConfigs": []}})
    assert edited.edited
    view = site.write(member(run("r1")), edited)
    assert (view.edited, view.armed, view.run) == (False, True, "r1")


def test_an_edit_that_was_taken_back_is_still_a_later_generation(site: Site) -> None:
    site.write(member(look_=probe("l1")), None)
    site.by_hand({"spec": {"deleteOption": {"propagationPolicy": "Foreground"}}})
    edited = site.by_hand({"spec": {"deleteOption": {"propagationPolicy": "Orphan"}}})
    assert (edited.generation, edited.edited) == (3, True)
    assert not site.write(member(look_=probe("l2")), edited).edited


def test_a_refresh_counts_neither_as_an_edit_nor_as_a_conflict(site: Site) -> None:
    """Not even one that was asked for before a write, and comes after it."""
    asked = site.write(member(look_=probe("l1")), None)
    armed = site.write(member(run("r1")), asked)
    for now in (NOW, NOW + timedelta(seconds=30)):
        refreshed = site.view(
            site.hub.patch(site.path, content=refresh_patch(asked, now), headers=MERGE)
        )
        assert (refreshed.generation, refreshed.edited) == (armed.generation, False)
        assert (refreshed.armed, refreshed.run) == (True, "r1")
        assert refreshed.resource_version != armed.resource_version
    # The next write is based on it, and has to be.
    disarmed = site.write(member(run("r1", RunState.ACCEPTED)), refreshed)
    assert (disarmed.armed, disarmed.edited) == (False, False)


def test_a_refresh_never_reaches_a_recreated_work(site: Site) -> None:
    first = site.write(member(look_=probe("l1")), None)
    assert site.hub.delete(site.path).is_success
    site.write(member(look_=probe("l2")), None)
    refused = site.hub.patch(site.path, content=refresh_patch(first, NOW), headers=MERGE)
    assert refused.status_code == 422
    assert "metadata.uid" in refused.text


def test_a_foreign_executor_goes(site: Site) -> None:
    site.write(member(look_=probe("l1")), None)
    subject = {"type": "ServiceAccount", "serviceAccount": {"namespace": "x", "name": "y"}}
    edited = site.by_hand({"spec": {"executor": {"subject": subject}}})
    site.write(member(look_=probe("l2")), edited)
    assert "executor" not in site.hub.get(site.path).json()["spec"]


def test_touching_annotations_is_no_edit(site: Site) -> None:
    site.write(member(look_=probe("l1")), None)
    assert not site.by_hand({"metadata": {"annotations": {names.REFRESH: "1"}}}).edited


def test_a_stale_arming_is_a_conflict(site: Site) -> None:
    view = site.write(member(look_=probe("l1")), None)
    site.by_hand({"metadata": {"annotations": {names.REFRESH: "1"}}})
    wanted = desired_work_of(member(run("r1")), view)
    assert wanted is not None
    assert not by_generation(wanted, view)
    body = stage_patch(IBU, wanted, ROLLOUT, view, watch=True)
    assert site.hub.patch(site.path, content=body, headers=MERGE).status_code == 409


def test_a_disarming_does_not_mind_reports_but_hands(site: Site) -> None:
    armed = site.write(member(run("r1")), site.write(member(look_=probe("l1")), None))
    told = site.by_hand({"metadata": {"annotations": {names.REFRESH: "1"}}})
    assert told.resource_version != armed.resource_version
    disarmed = site.write(member(run("r1", RunState.ACCEPTED)), armed)
    assert (disarmed.armed, disarmed.edited) == (False, False)
    site.by_hand({"spec": {"manifestConfigs": []}})
    wanted = desired_work_of(member(look_=probe("l2")), disarmed)
    assert wanted is not None
    body = disarming(IBU, wanted, ROLLOUT, disarmed, watch=True)
    assert site.hub.patch(site.path, content=body, headers=STEPS).status_code == 422


def test_a_write_meant_for_a_deleted_work_does_not_reach_its_successor(site: Site) -> None:
    view = site.write(member(look_=probe("l1")), None)
    assert site.hub.delete(site.path).is_success
    site.write(member(look_=probe("l1")), None)
    wanted = desired_work_of(member(look_=probe("l2")), view)
    assert wanted is not None
    body = stage_patch(IBU, wanted, ROLLOUT, view, watch=True)
    assert site.hub.patch(site.path, content=body, headers=MERGE).status_code == 409
    body = disarming(IBU, wanted, ROLLOUT, view, watch=True)
    assert site.hub.patch(site.path, content=body, headers=STEPS).status_code == 422


def test_one_label_selector_finds_both_works(site: Site) -> None:
    site.write(member(look_=probe("l1")), None)
    meta = ObjectMeta(name="oadp-cm", namespace="openshift-adp", labels={"a": "b"})
    secret = Secret(ObjectMeta(name="pull"), "Opaque", {".dockerconfigjson": "e30="})
    payload = build([ConfigMap(meta, {"a": "<b> & ünï"}), secret])
    body = payload_body(payload, ROLLOUT, site.namespace)
    answer = site.hub.post(works(site.namespace), content=body, params=STRICT, headers=JSON)
    assert answer.status_code == 201, answer.text
    view = site.view(answer)
    assert (view.digest, view.edited, view.generation) == (payload.digest, False, 1)
    found = site.hub.get(works(site.namespace), params={"labelSelector": names.SELECTOR})
    assert len(found.json()["items"]) == 2


@pytest.fixture
def cluster(sandbox_hub: SandboxHub, unique_name: Callable[[str], str]) -> Iterator[str]:
    name = unique_name("cluster")
    with httpx.Client(
        base_url=sandbox_hub.url,
        verify=ssl.create_default_context(cafile=str(sandbox_hub.ca_file)),
        headers={"Authorization": f"Bearer {sandbox_hub.token('admin')}"},
        trust_env=False,
    ) as admin:
        path = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": {"old": ""}},
            "spec": {"hubAcceptsClient": True},
        }
        assert admin.post(path, json=body).status_code == 201
        yield f"{path}/{name}"
        admin.delete(f"{path}/{name}")


def test_labels_are_written_to_the_cluster_that_was_meant(
    controller: httpx.Client, cluster: str
) -> None:
    found = msgspec.json.decode(controller.get(cluster).content, type=ManagedCluster)
    shown, version = view_cluster(found), found.metadata.resource_version
    pending = PendingPatch(
        uid=shown.uid,
        cluster=shown.name,
        rollout="r",
        labels={"new": Change(None, ""), "old": Change("", None), "never": Change(None, None)},
        annotations={"ibgu.dev/auto-import-by": Change(None, "r")},
    )
    answer = controller.patch(cluster, content=cluster_patch(pending, version), headers=MERGE)
    assert answer.status_code == 200, answer.text
    written = msgspec.json.decode(answer.content, type=ManagedCluster)
    after = view_cluster(written)
    assert after.labels == {"new": ""}
    assert after.annotations["ibgu.dev/auto-import-by"] == "r"

    other = msgspec.structs.replace(pending, uid="00000000-0000-0000-0000-000000000000")
    refused = controller.patch(
        cluster, content=cluster_patch(other, written.metadata.resource_version), headers=MERGE
    )
    assert refused.status_code == 422
    assert "metadata.uid" in refused.text


def test_labels_that_arrive_late_change_nothing(controller: httpx.Client, cluster: str) -> None:
    """Two writes that were decided on one version: the second was held up on its way."""
    found = msgspec.json.decode(controller.get(cluster).content, type=ManagedCluster)
    version = found.metadata.resource_version
    pending = PendingPatch(
        uid=found.metadata.uid,
        cluster=found.metadata.name,
        rollout="r",
        labels={"old": Change("", None)},
    )
    late = msgspec.structs.replace(pending, labels={"old": Change("", "late")})
    assert controller.patch(
        cluster, content=cluster_patch(pending, version), headers=MERGE
    ).is_success
    refused = controller.patch(cluster, content=cluster_patch(late, version), headers=MERGE)
    assert refused.status_code == 409
    after = msgspec.json.decode(controller.get(cluster).content, type=ManagedCluster)
    assert after.metadata.labels == {}
