"""Changes in the mirror, and the decisions that follow."""

from typing import Any

from ibgu.controller.loop.changes import ChangeHandlers
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Change, ClusterView, PendingPatch
from ibgu.core.model.kinds import ManagedCluster, ObjectMeta
from ibgu.core.model.shown import HubObject, shown_cluster

UNUSED: Any = None


def shown(uid: str, version: str) -> HubObject[ClusterView]:
    meta = ObjectMeta(name="s1", uid=uid, resource_version=version)
    return shown_cluster(ManagedCluster(meta))


def test_a_patch_of_a_cluster_is_decided_on_once_another_has_its_name() -> None:
    """The list of a step that opens is ahead of the watch, whose deletion comes too late."""
    fleet, queue = FleetState(), WorkQueue()
    mirror = Mirror(lambda rollout, cluster: handlers.touched(rollout, cluster))
    handlers = ChangeHandlers(fleet, {}, mirror, queue, UNUSED, UNUSED, UNUSED)
    mirror.clusters.upsert(shown("old", "5"))
    patch = PendingPatch(uid="old", cluster="s1", rollout="r", labels={"k": Change(None, "")})
    fleet._enqueue(patch)
    queue.pop()
    mirror.clusters.put_newer(shown("new", "9"))
    mirror.clusters.delete(shown("old", "7"))
    mirror.clusters.upsert(shown("new", "9"))
    _, patches = queue.pop()
    assert patches == ["old"]
