"""ManagedClusters in the mirror: others of their name, and times as they were seen."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.model.kinds import Condition, ManagedCluster, ManagedClusterStatus, ObjectMeta
from ibgu.core.model.shown import shown_cluster
from tests.core.engine.state.records import NOW

STAMP = "2025-12-31T00:00:00+00:00"


def put(mirror: Mirror, name: str, label: str, version: str) -> None:
    meta = ObjectMeta(name=name, uid=f"uid-{name}", resource_version=version)
    labels = {"name": label} if label else {}
    mirror.clusters.upsert(shown_cluster(ManagedCluster(replace(meta, labels=labels))))


def test_a_cluster_that_carries_the_name_of_another_one_is_known() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    put(mirror, "site-1", "site-1", "1")
    put(mirror, "site-2", "", "2")
    assert not mirror.named_alike("site-1")
    put(mirror, "site-2", "site-1", "3")
    assert [view.name for view in mirror.named_alike("site-1")] == ["site-2"]
    assert not mirror.named_alike("site-2")
    put(mirror, "site-2", "site-2", "4")
    assert not mirror.named_alike("site-1")


def condition(status: str, at: str) -> list[Condition]:
    name = "ManagedClusterConditionAvailable"
    return [Condition(name, status, last_transition_time=at)]


def test_a_cluster_is_available_since_the_mirror_has_seen_it() -> None:
    """The cluster's clock is behind: it is available since before it was not, it says."""
    seen: list[datetime | None] = [None, NOW, NOW]
    mirror = Mirror(lambda uid, cluster: None, now=lambda: seen.pop(0))
    for version, status in enumerate(("True", "Unknown", "True"), 1):
        meta = ObjectMeta(name="site-1", uid="u", resource_version=str(version))
        found = ManagedCluster(meta, status=ManagedClusterStatus(condition(status, STAMP)))
        mirror.clusters.upsert(shown_cluster(found))
    view = mirror.cluster("site-1")
    assert view is not None
    assert (view.reachable, view.available_since) == (True, NOW)


def test_times_are_the_reported_ones_until_the_time_is_known() -> None:
    mirror = Mirror(lambda uid, cluster: None)
    for version, status in enumerate(("Unknown", "True"), 1):
        meta = ObjectMeta(name="site-1", uid="u", resource_version=str(version))
        found = ManagedCluster(meta, status=ManagedClusterStatus(condition(status, STAMP)))
        mirror.clusters.upsert(shown_cluster(found))
    view = mirror.cluster("site-1")
    assert view is not None
    assert view.available_since == datetime.fromisoformat(STAMP)
