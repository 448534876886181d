"""The manifests that a stage work of a FleetUpdate brings to the cluster, and how it is applied."""

from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.works import DesiredWork, stage_body
from ibgu.core.model import Run
from ibgu.core.model.kinds import MirrorSource
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OLD,
    ROLLOUT,
    run,
    seen,
    with_update,
)


def plain(manifest: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.decode(json.encode(manifest))
    return found


def manifests(rollout: Any = ROLLOUT, given: Run | None = None, view: Any = None) -> list[Any]:
    return [plain(each) for each in CLUSTER_VERSION.manifests(rollout, given, 3, view)]


def called(found: list[Any]) -> list[str]:
    return [f"{each['kind']} {each['metadata']['name']}" for each in found]


def version_of(found: list[Any]) -> dict[str, Any]:
    (version,) = [each for each in found if each["kind"] == "ClusterVersion"]
    return dict(version)


def test_a_disarmed_work_asks_for_nothing() -> None:
    found = manifests()
    assert called(found) == [
        "ClusterRole open-cluster-management:klusterlet-work:ibgu-fleet-update",
        "ClusterVersion version",
    ]
    assert version_of(found) == {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterVersion",
        "metadata": {"name": "version", "annotations": {"ibgu.dev/generation": "3"}},
    }


def test_an_update_asks_for_image_version_and_no_force() -> None:
    """Otherwise the version or force of an earlier request would stay."""
    found = version_of(manifests(given=run("Update"), view=seen()))
    assert found["metadata"]["annotations"] == {
        "ibgu.dev/run": "run-1",
        "ibgu.dev/stage": "Update",
        "ibgu.dev/image": NEW,
    }
    assert found["spec"] == {"desiredUpdate": {"version": "4.16.12", "image": NEW, "force": False}}


def test_an_architecture_that_is_left_over_is_taken_away() -> None:
    found = version_of(manifests(given=run("Update"), view=seen(wanted_architecture="Multi")))
    assert found["spec"]["desiredUpdate"]["architecture"] == ""


@pytest.mark.parametrize("action", ["Retract", "RetractOnFailure"])
def test_a_withdrawal_asks_for_the_running_release(action: str) -> None:
    found = version_of(manifests(given=run(action), view=seen(wanted_image=NEW)))
    assert found["metadata"]["annotations"]["ibgu.dev/stage"] == "Retract"
    assert found["metadata"]["annotations"]["ibgu.dev/image"] == OLD
    assert found["spec"] == {"desiredUpdate": {"version": "4.16.3", "image": OLD, "force": False}}


@pytest.mark.parametrize("action", ["Check", "Mirror"])
def test_marks_have_a_manager_that_never_owns_the_request(action: str) -> None:
    """The owner's apply without the request would withdraw it."""
    found = version_of(manifests(given=run(action), view=seen()))
    assert "spec" not in found
    assert "ibgu.dev/image" not in found["metadata"]["annotations"]
    marks = CLUSTER_VERSION.strategy(ROLLOUT, run(action), seen())
    update = CLUSTER_VERSION.strategy(ROLLOUT, run("Update"), seen())
    back = CLUSTER_VERSION.strategy(ROLLOUT, run("Retract"), seen())
    assert marks["type"] == update["type"] == "ServerSideApply"
    assert marks["serverSideApply"]["fieldManager"] == "work-agent-ibgu-mark"
    assert update == back
    assert update["serverSideApply"] == {"force": True, "fieldManager": "work-agent-ibgu-update"}


def test_mirror_brings_signature_and_mirrors() -> None:
    found = manifests(given=run("Mirror"), view=seen())
    _, signature, mirrors, *_ = found
    name = f"sha256-{'b' * 64}"
    assert signature["metadata"] == {
        "name": name,
        "namespace": "openshift-config-managed",
        "labels": {"release.openshift.io/verification-signatures": ""},
    }
    assert signature["binaryData"] == {f"{name}-1": "c2lnbmVk"}
    assert (mirrors["kind"], mirrors["metadata"]) == (
        "ImageDigestMirrorSet",
        {"name": "ibgu-mirrors-7731f3b8a84802d2"},
    )
    assert mirrors["spec"]["imageDigestMirrors"] == [
        {"source": "quay.example/release", "mirrors": ["mirror.example/release"]}
    ]


@pytest.mark.parametrize("view", [None, seen(desired_image=""), seen(desired_version="")])
def test_a_withdrawal_from_a_release_that_is_not_known_only_marks(view: Any) -> None:
    """A request without an image would make the ClusterVersion invalid; the manager of the request
    would withdraw it by leaving it out."""
    found = version_of(manifests(given=run("Retract"), view=view))
    assert "spec" not in found
    assert found["metadata"]["annotations"] == {
        "ibgu.dev/run": "run-1",
        "ibgu.dev/stage": "Retract",
    }
    strategy = CLUSTER_VERSION.strategy(ROLLOUT, run("Retract"), view)
    assert strategy["serverSideApply"]["fieldManager"] == "work-agent-ibgu-mark"


def test_other_mirrors_are_another_object() -> None:
    """To change or take away an entry of the nodes' configuration drains them."""
    others = with_update(mirrors=[MirrorSource("quay.example/release", ["other.example/release"])])
    mine, theirs = (manifests(each, run("Mirror"), seen())[2] for each in (ROLLOUT, others))
    assert mine["metadata"] != theirs["metadata"]
    assert mine == manifests(replace(ROLLOUT, name="again"), run("Mirror"), seen())[2]


def test_the_role_can_not_create_what_is_read_and_deletes_pinned_images_alone() -> None:
    role, *_ = manifests()
    rules = {rule["resources"][0]: set(rule["verbs"]) for rule in role["rules"]}
    read, write = {"get", "list", "watch"}, {"create", "update", "patch"}
    assert role["metadata"]["labels"] == {"open-cluster-management.io/aggregate-to-work": "true"}
    assert rules == {
        "clusterversions": read | {"patch"},
        "clusteroperators": read,
        "machineconfigpools": read | {"patch"},
        "machinehealthchecks": read | {"patch"},
        "poddisruptionbudgets": read,
        "pinnedimagesets": {"get", "create", "patch", "delete"},
        "imagedigestmirrorsets": read | write,
        "imagecontentsourcepolicies": read | write,
    }


def test_an_old_cluster_gets_the_kind_of_mirrors_that_it_knows() -> None:
    found = manifests(given=run("Mirror"), view=seen(desired_version="4.12.60"))
    assert found[2]["apiVersion"] == "operator.openshift.io/v1alpha1"
    assert found[2]["kind"] == "ImageContentSourcePolicy"
    assert "repositoryDigestMirrors" in found[2]["spec"]


def test_mirror_brings_nothing_where_nothing_is_given() -> None:
    found = manifests(with_update(signatures=[], mirrors=[]), run("Mirror"))
    assert called(found)[1:] == ["ClusterVersion version"]


def test_acks_of_a_person_come_with_the_update_key_by_key() -> None:
    acked = with_update(acks=["ack-4.15-a", "ack-4.15-b"])
    assert "ConfigMap admin-acks" not in called(manifests(acked, run("Check"), seen()))
    found = manifests(acked, run("Update"), seen())
    assert found[1]["metadata"] == {"name": "admin-acks", "namespace": "openshift-config"}
    assert found[1]["data"] == {"ack-4.15-a": "true", "ack-4.15-b": "true"}
    (config,) = CLUSTER_VERSION.configs(acked, run("Update"), seen())
    assert config["updateStrategy"]["type"] == "ServerSideApply"
    assert CLUSTER_VERSION.configs(acked, run("Check"), seen()) == ()
    assert CLUSTER_VERSION.configs(ROLLOUT, run("Update"), seen()) == ()


@pytest.mark.parametrize("update", [ROLLOUT.spec.update, None])
def test_the_work_keeps_what_it_names_when_it_is_deleted(update: Any) -> None:
    """Otherwise the cluster's ClusterVersion would be deleted with the work."""
    rollout = replace(ROLLOUT, spec=replace(ROLLOUT.spec, update=update))
    wanted = DesiredWork(armed=False)
    work = json.decode(stage_body(CLUSTER_VERSION, wanted, rollout, "site-1", watch=True))
    assert work["spec"]["deleteOption"] == {"propagationPolicy": "Orphan"}
    configs = work["spec"]["manifestConfigs"]
    assert {each["updateStrategy"]["type"] for each in configs} == {"CreateOnly"}
    assert [each["resourceIdentifier"]["resource"] for each in configs] == [
        "clusterversions",
        *["clusteroperators"] * 5,
        "machineconfigpools",
        "machineconfigpools",
    ]
