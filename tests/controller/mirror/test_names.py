"""ManagedClusters that carry the name of another one as their label."""

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.model.kinds import ManagedCluster, ObjectMeta
from ibgu.core.model.shown import shown_cluster


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
    assert mirror.named_alike("site-1")
    assert not mirror.named_alike("site-2")
    put(mirror, "site-2", "site-2", "4")
    assert not mirror.named_alike("site-1")
