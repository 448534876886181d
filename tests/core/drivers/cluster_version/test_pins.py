"""PreCache by PinnedImageSets: which way a cluster takes, what it is brought, and how that goes."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.failures import known_failure
from ibgu.core.drivers.cluster_version.feedback import VersionView, view_version
from ibgu.core.drivers.cluster_version.pools import PoolView
from ibgu.core.drivers.cluster_version.precache import pins
from ibgu.core.drivers.cluster_version.spec import problem_of_update, update_of
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.engine.works import job_body
from ibgu.core.model import Cause, JobView, Rollout, WorkView
from ibgu.core.model.kinds import PreCache
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OTHER,
    of_pool,
    pool,
    run,
    seen,
    with_update,
)
from tests.oracle.update_proofs import UPDATE_PROOFS

IMAGES = [NEW, OTHER]
PINS = with_update(pre_cache=PreCache(images=IMAGES))
BOTH = with_update(pre_cache=PreCache(OTHER, images=IMAGES))
JOB = with_update(pre_cache=PreCache(OTHER))
CANARY = with_update(pre_cache=PreCache(images=IMAGES, pools=["master", "canary"]))
WORK = WorkView(name="w", uid="u", resource_version="1", generation=1, applied=True, run="run-1")


def cluster(version: str, workers: int = 0, **pools: PoolView) -> VersionView:
    """Returns a cluster with 3 masters and some workers, or with one node."""
    masters = 3 if workers else 1
    found = {
        "master": pool(machines=masters, updated=masters),
        "worker": pool("worker", machines=workers, updated=workers),
    } | pools
    return seen(desired_version=version, pools=tuple(found.values()))


def judged(view: VersionView, rollout: Rollout) -> tuple[str, str]:
    found = CLUSTER_VERSION.judge(view, "PreCache", rollout)
    return found.kind, found.message


def brought(view: VersionView, rollout: Rollout) -> set[str]:
    return {each["kind"] for each in CLUSTER_VERSION.job(rollout, run("PreCache"), view)}


@pytest.mark.parametrize(
    ("view", "rollout", "kind"),
    [
        (cluster("4.19.0"), PINS, "PinnedImageSet"),
        (cluster("4.19.0", 2), PINS, "PinnedImageSet"),
        (cluster("5.0.1", 2), BOTH, "PinnedImageSet"),
        (cluster("4.18.9"), BOTH, "Job"),
        (cluster("4.20.1"), JOB, "Job"),
    ],
)
def test_images_come_by_pinned_image_sets_where_the_cluster_has_them(
    view: VersionView, rollout: Rollout, kind: str
) -> None:
    assert judged(view, rollout) == ("startable", "")
    assert kind in brought(view, rollout)
    assert len({"PinnedImageSet", "Job"} & brought(view, rollout)) == 1


@pytest.mark.parametrize(
    ("view", "rollout", "words"),
    [
        (
            cluster("4.18.9"),
            PINS,
            "the cluster runs 4.18.9, and PinnedImageSets need 4.19 or later: name the image of a "
            "Job in spec.update.preCache.image of a new FleetUpdate",
        ),
        (
            cluster("4.18.9", 2),
            BOTH,
            "only PinnedImageSets, from 4.19 on, pull images ahead to 5 nodes; the cluster runs "
            "4.18.9: leave PreCache out for it",
        ),
        (
            cluster("4.19.1", 2),
            JOB,
            "only PinnedImageSets, from 4.19 on, pull images ahead to 5 nodes; name the images in "
            "spec.update.preCache.images of a new FleetUpdate",
        ),
        (
            cluster("", 2),
            BOTH,
            "only PinnedImageSets, from 4.19 on, pull images ahead to 5 nodes; the cluster runs an "
            "unknown release: leave PreCache out for it",
        ),
        (
            cluster("4.19.1", 2),
            CANARY,
            "the cluster has no MachineConfigPool canary, which spec.update.preCache.pools names: "
            "select clusters that have it",
        ),
    ],
)
def test_a_cluster_that_can_not_get_the_images_says_why_and_nothing_is_made(
    view: VersionView, rollout: Rollout, words: str
) -> None:
    found = CLUSTER_VERSION.judge(view, "PreCache", rollout)
    assert (found.kind, found.message, found.cause) == ("failed", words, Cause.WRONG_STATE)


def test_each_pool_gets_a_set_of_its_own() -> None:
    manifests = CLUSTER_VERSION.job(CANARY, run("PreCache"), cluster("4.19.0", 2))
    role = "machineconfiguration.openshift.io/role"
    assert [each["metadata"] for each in manifests] == [
        {"name": "ibgu-pre-cache-u-1.master", "labels": {role: "master"}},
        {"name": "ibgu-pre-cache-u-1.canary", "labels": {role: "canary"}},
    ]
    for each in manifests:
        assert each["apiVersion"] == "machineconfiguration.openshift.io/v1"
        assert each["spec"] == {"pinnedImages": [{"name": NEW}, {"name": OTHER}]}


def test_a_pool_of_the_longest_name_can_list_its_set() -> None:
    pools = PreCache(images=IMAGES, pools=["p" * 63])
    (manifest,) = pins(pools, "0f3c8f4e-6c0e-4f39-9d8e-0b1a2c3d4e5f")
    assert all(len(part) <= 63 for part in manifest["metadata"]["name"].split("."))


def test_the_sets_are_created_once_and_go_with_their_work() -> None:
    manifests = CLUSTER_VERSION.job(PINS, run("PreCache"), cluster("4.19.0"))
    work = json.decode(job_body(manifests, PINS, run("PreCache"), "a", watch=True))
    assert work["spec"]["deleteOption"] == {"propagationPolicy": "Foreground"}
    assert work["spec"]["manifestConfigs"][0] == {
        "resourceIdentifier": {
            "group": "machineconfiguration.openshift.io",
            "resource": "pinnedimagesets",
            "name": "ibgu-pre-cache-u-1.master",
        },
        "updateStrategy": {"type": "CreateOnly"},
    }


def read(rollout: Rollout, action: str) -> dict[str, dict[str, str]]:
    """Returns the paths that are read of each pool, by its name."""
    given = run(action) if action else None
    found = CLUSTER_VERSION.companions(rollout, given, cluster("4.19.0", 2), resuming=False)
    pools = (each.read for each in found if each.read.kind == "MachineConfigPool")
    return {
        each.name: {path["name"]: path["path"] for path in map(json.decode, each.paths)}
        for each in pools
    }


def test_pools_are_asked_for_the_images_of_the_rollout_alone() -> None:
    asked = read(CANARY, "PreCache")
    assert set(asked) == {"master", "worker", "canary"}
    wanted = '.spec.pinnedImageSets[?(@.name=="ibgu-pre-cache-u-1.canary")].name'
    assert asked["canary"]["pool.canary.Pin"] == wanted
    assert "pool.worker.Pin" not in asked["worker"]
    # The work of an accepted run has none any more.
    assert read(CANARY, "") == asked
    assert not any("Pin" in name for paths in read(JOB, "PreCache").values() for name in paths)


def test_pools_report_how_many_nodes_have_the_images() -> None:
    found = view_version(
        of_pool("worker", Pin="ibgu-pre-cache-u-1.worker", PinMachines=3, Pinned=2)
        + of_pool("master", PinnedImageSetsDegradedStatus="True")
    )
    worker, master = found.pool("worker"), found.pool("master")
    assert (worker.pin, worker.pin_machines, worker.pinned) == (
        "ibgu-pre-cache-u-1.worker",
        3,
        2,
    )
    assert (worker.pin_degraded, master.pin_degraded) == ("", "degraded")


def has(name: str, machines: int, pinned: int, **changes: Any) -> PoolView:
    told = {"machines": machines, "updated": machines, "pin": f"ibgu-pre-cache-u-1.{name}"}
    return pool(name, **told | {"pin_machines": machines, "pinned": pinned} | changes)


def verdict(
    rollout: Rollout = PINS, work: WorkView = WORK, version: str = "4.19.0", **pools: PoolView
) -> Verdict:
    view = cluster(version, 2, **pools)
    return CLUSTER_VERSION.job_verdict(work, view, "PreCache", rollout)


MASTERS, WORKERS = has("master", 3, 3), has("worker", 2, 2)


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        ({}, "the MachineConfigPool master does not list its PinnedImageSet yet"),
        (
            {"master": MASTERS, "worker": has("worker", 2, 2, pin="ibgu-pre-cache-u-2.worker")},
            "the MachineConfigPool worker does not list its PinnedImageSet yet",
        ),
        (
            {"master": MASTERS, "worker": has("worker", 2, 1)},
            "4 of 5 nodes have the images (master: 3 of 3, worker: 1 of 2)",
        ),
        # A node is not ready: it may still count as one that has the images of before.
        (
            {"master": MASTERS, "worker": has("worker", 2, 2, updated=1)},
            "5 of 5 nodes have the images (master: 3 of 3, worker: 2 of 2)",
        ),
        # A node that takes longer than MCO's own time limit goes on.
        (
            {"master": MASTERS, "worker": has("worker", 2, 0, degraded="invalid PinnedImageSet")},
            "3 of 5 nodes have the images (master: 3 of 3, worker: 0 of 2)",
        ),
    ],
)
def test_a_run_goes_on_until_all_nodes_have_the_images(
    pools: dict[str, PoolView], words: str
) -> None:
    view = cluster("4.19.0", 2, **pools)
    found = CLUSTER_VERSION.job_verdict(WORK, view, "PreCache", PINS)
    assert found == Verdict(VerdictKind.RUNNING, message=words)


def test_the_cluster_has_to_have_the_sets_first() -> None:
    words = "the cluster does not have the PinnedImageSets yet"
    found = verdict(work=replace(WORK, applied=False), master=MASTERS, worker=WORKERS)
    assert found == Verdict(VerdictKind.RUNNING, message=words)


def test_a_run_ends_once_all_nodes_have_had_the_time_to_see_their_set() -> None:
    words = "5 of 5 nodes have the images (master: 3 of 3, worker: 2 of 2)"
    wanted = Verdict(VerdictKind.SUCCEEDED, message=words, earliest=timedelta(minutes=2))
    assert verdict(master=MASTERS, worker=WORKERS) == wanted


def test_a_cluster_may_lack_the_pool_of_workers() -> None:
    missing = PoolView(name="worker")
    found = verdict(master=MASTERS, worker=missing)
    assert (found.kind, found.message) == (VerdictKind.SUCCEEDED, "3 of 3 nodes have the images")


def test_a_pool_without_nodes_is_left_out() -> None:
    found = verdict(master=has("master", 1, 1), worker=has("worker", 0, 0))
    assert (found.kind, found.message) == (VerdictKind.SUCCEEDED, "1 of 1 nodes have the images")


def test_a_pool_that_is_paused_gets_its_images_all_the_same() -> None:
    found = verdict(master=MASTERS, worker=has("worker", 2, 2, paused=True, current=False))
    assert found.kind is VerdictKind.SUCCEEDED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"pin_degraded": "can't list sets"},
            "the MachineConfigPool worker takes no PinnedImageSet: can't list sets",
        ),
        ({"degraded": "disk broken"}, "the MachineConfigPool worker is degraded: disk broken"),
    ],
)
def test_a_pool_that_stays_degraded_fails_the_run(changes: dict[str, str], words: str) -> None:
    found = verdict(master=MASTERS, worker=has("worker", 2, 1, **changes))
    grace = timedelta(minutes=15)
    assert found == Verdict(VerdictKind.FAILED, Cause.PRECACHE_FAILED, words, grace)


def test_a_cluster_that_does_not_take_the_sets_fails_the_run() -> None:
    error = 'no matches for kind "PinnedImageSet" in version "machineconfiguration.openshift.io/v1"'
    found = verdict(work=replace(WORK, applied=False, apply_error=error))
    words = f"the cluster does not take the PinnedImageSets: {error}"
    wanted = Verdict(VerdictKind.FAILED, Cause.PRECACHE_FAILED, words, timedelta(minutes=2))
    assert found == wanted
    known = known_failure(words)
    assert known is not None
    assert known.name == "PinnedImageSetsUnknown"


def test_a_job_that_is_there_counts_whatever_the_cluster_runs_by_now() -> None:
    job = replace(WORK, job=JobView(name="pre-cache-run-1", complete=True))
    assert verdict(BOTH, job).kind is VerdictKind.SUCCEEDED


# -- the spec ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precache", "words"),
    [
        (PreCache(), "spec.update.preCache.image (none) is not an image"),
        (PreCache("tools:1", images=IMAGES), "spec.update.preCache.image tools:1 is not"),
        (PreCache(images=[NEW, "quay.example/a:1"]), "spec.update.preCache.images[1] quay.example"),
        (PreCache(images=["local/a@sha256:" + "a" * 64]), "is not host/namespace/name@sha256"),
        (PreCache(images=[NEW.replace("release", "r" * 448)]), "is not host/namespace/name"),
        (PreCache(images=[NEW, NEW]), "spec.update.preCache.images names one twice"),
        (PreCache(NEW, pools=["worker"]), "pools needs spec.update.preCache.images"),
        (PreCache(images=IMAGES, pools=["Worker"]), "pools: 'Worker' is not a name"),
        (PreCache(images=IMAGES, pools=["a", "a"]), "spec.update.preCache.pools names one twice"),
        (
            PreCache(images=[f"quay.example/a{n}@sha256:{'a' * 64}" for n in range(501)]),
            "has 501 images, and a PinnedImageSet takes 500",
        ),
        (
            PreCache(images=[f"quay.example/{'a' * 340}{n}@sha256:{'a' * 64}" for n in range(400)]),
            "bytes for all pools, and a work takes 300000",
        ),
    ],
)
def test_images_that_can_not_be_pinned_are_a_problem(precache: PreCache, words: str) -> None:
    assert words in (problem_of_update(update_of(with_update(pre_cache=precache))) or "")


@pytest.mark.parametrize("rollout", [PINS, BOTH, JOB, CANARY])
def test_images_need_no_job_and_a_job_needs_no_images(rollout: Rollout) -> None:
    assert problem_of_update(update_of(rollout)) is None


# -- the proofs ----------------------------------------------------------------------------------


def recorded(**pools: PoolView) -> dict[str, Any]:
    view = replace(cluster("4.19.0", 2, **pools), run="run-1")
    return view.recorded() | {"job": {"run": "run-1"}}


def test_a_success_is_proven_by_the_nodes_of_all_pools() -> None:
    assert UPDATE_PROOFS.missing(recorded(master=MASTERS, worker=WORKERS), "PreCache") == ""
    for shown in (
        recorded(),
        recorded(master=MASTERS, worker=has("worker", 2, 1)),
        recorded(master=MASTERS, worker=has("worker", 2, 2, pin="")),
        recorded(master=MASTERS, worker=has("worker", 2, 2, updated=1)),
        recorded(master=MASTERS, worker=WORKERS) | {"job": {}},
    ):
        assert UPDATE_PROOFS.missing(shown, "PreCache") == "its Job was not complete"
    assert UPDATE_PROOFS.missing(recorded(master=MASTERS, worker=WORKERS), "Backup")


def test_a_failure_of_pins_is_seen_in_the_pools() -> None:
    degraded = has("worker", 2, 2, pin="", pin_degraded="can't list sets")
    assert UPDATE_PROOFS.failed(recorded(master=MASTERS, worker=degraded), "PreCache")
    assert UPDATE_PROOFS.failed(recorded(worker=has("worker", 2, 2, degraded="x")), "PreCache")
    assert not UPDATE_PROOFS.failed(recorded(), "PreCache")
    assert not UPDATE_PROOFS.failed(recorded(master=MASTERS, worker=WORKERS), "PreCache")
