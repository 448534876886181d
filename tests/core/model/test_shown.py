"""Objects as the mirror keeps them: all that is read, and equal values once per fleet."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu import names as ibu_names
from ibgu.core.drivers.ibu.observe.ibu_view import ibu_of
from ibgu.core.engine.works import shown_work, view_work
from ibgu.core.model import ClusterView, WorkView, names
from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.core.model.shown import HubObject, shown_cluster, view_cluster

T = TypeVar("T")


def work(cluster: str) -> ManifestWork:
    """Decoded, so that no two of them have a string in common."""
    marks = {"run": f"run-{cluster}", "action": "Prep", "attempt": "1", "started": "2026-01-01"}
    condition = {"type": "Applied", "status": "True", "observedGeneration": 3}
    told = {"idleStatus": "True", "idleReason": "Idle", "idleMessage": "Idle", "nextPrep": "Prep"}
    told |= {f"prepInProgress{part}": "Prep completed" for part in ("Status", "Reason", "Message")}
    told |= {"prepCompletedStatus": "True", "stage": "Prep", "seedImage": "quay.io/seed:4.17.2"}
    values = [
        {"name": name, "fieldValue": {"type": "String", "string": value}}
        for name, value in told.items()
    ]
    ibu = {"group": ibu_names.GROUP, "kind": ibu_names.KIND, "name": ibu_names.NAME}
    entry = {
        "resourceMeta": ibu,
        "conditions": [condition],
        "statusFeedback": {"values": values},
    }
    return _decoded(
        ManifestWork,
        {
            "name": "a-stage",
            "namespace": cluster,
            "uid": f"uid-{cluster}",
            "resourceVersion": "17",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {names.ROLLOUT: "uid-a", names.PART: names.STAGE, names.MANAGED_BY: "ibgu"},
            "annotations": {
                f"ibgu.dev/{key.replace('_', '-')}": value for key, value in marks.items()
            }
            | {"x": "y"},
        },
        {"conditions": [condition], "resourceStatus": {"manifests": [entry]}},
    )


def managed(name: str) -> ManagedCluster:
    available = {"type": "ManagedClusterConditionAvailable", "status": "True"}
    return _decoded(
        ManagedCluster,
        {"name": name, "uid": f"uid-{name}", "labels": {"site": "north", "name": name}},
        {"conditions": [available]},
    )


def _decoded(kind: type[T], metadata: Any, status: Any) -> T:
    return msgspec.json.decode(
        msgspec.json.encode({"metadata": metadata, "status": status}), type=kind
    )


def test_a_mirrored_work_keeps_ibgus_labels_and_annotations() -> None:
    found = work("site-1")
    shown: HubObject[WorkView] = shown_work(IBU, found)
    meta = shown.metadata
    assert shown.view == view_work(IBU, found)
    assert (meta.namespace, meta.name, meta.uid) == ("site-1", "a-stage", "uid-site-1")
    assert (meta.resource_version, meta.generation) == ("17", 3)
    assert meta.labels == {names.ROLLOUT: "uid-a", names.PART: names.STAGE}
    assert meta.annotations == {
        names.ACTION: "Prep",
        names.ATTEMPT: "1",
        names.STARTED: "2026-01-01",
    }


def test_works_of_one_rollout_share_what_they_repeat() -> None:
    one, two = shown_work(IBU, work("site-1")), shown_work(IBU, work("site-2"))
    assert one.metadata.labels is two.metadata.labels
    assert one.metadata.annotations is two.metadata.annotations
    assert one.view.name is two.view.name is one.metadata.name
    first, second = ibu_of(one.view), ibu_of(two.view)
    assert first is not None
    assert second is not None
    assert first.idle is second.idle
    assert first.next_stages is second.next_stages


def test_a_mirrored_cluster_keeps_its_view_and_identity() -> None:
    found = managed("site-1")
    shown: HubObject[ClusterView] = shown_cluster(found)
    assert shown.view == view_cluster(found)
    assert (shown.metadata.name, shown.metadata.uid) == ("site-1", "uid-site-1")
    assert (shown.metadata.labels, shown.metadata.annotations) == ({}, {})


def test_clusters_share_the_values_of_their_labels() -> None:
    one, two = shown_cluster(managed("site-1")), shown_cluster(managed("site-2"))
    assert one.view.labels["site"] is two.view.labels["site"]
    assert one.view.name is shown_work(IBU, work("site-1")).metadata.namespace


def test_mirrored_works_take_a_fraction_of_the_decoded_memory() -> None:
    bodies = [_body(work, f"site-{number}") for number in range(200)]
    decoder = msgspec.json.Decoder(ManifestWork)
    whole = _taken(lambda: [decoder.decode(body) for body in bodies])
    kept = _taken(lambda: [shown_work(IBU, decoder.decode(body)) for body in bodies])
    assert kept < whole / 3


def _body(of: Callable[[str], object], name: str) -> bytes:
    return msgspec.json.encode(of(name))


def _taken(make: Callable[[], object]) -> int:
    """Bytes that what it makes takes, without what the first time takes for all of them."""
    make()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made
    return taken
