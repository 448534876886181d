"""Changes in the mirror, and the decisions that follow."""

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from ibgu.controller.facts import TermFacts
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop.changes import ChangeHandlers
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.snapshot import Facts
from ibgu.core.model import Change, ClusterView, PendingPatch, Rollout
from ibgu.core.model.kinds import ManagedCluster, ObjectMeta, RolloutSpec
from ibgu.core.model.shown import HubObject, shown_cluster

UNUSED: Any = None
START = datetime(2026, 1, 1, tzinfo=UTC)


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


class SeenStatuses:
    def __init__(self) -> None:
        self.changed: list[str] = []

    def status_changed(self, rollout: str) -> None:
        self.changed.append(rollout)


def test_a_status_that_talm_writes_where_it_holds_is_not_overwritten() -> None:
    """Both would write it for ever."""
    fleet, seen = FleetState(), SeenStatuses()
    facts = TermFacts(Facts(START), JournalRetries(), lambda: True, lambda: 0)
    errors: Any = SimpleNamespace(of=nullcontext)
    reporter: Any = seen
    handlers = ChangeHandlers(fleet, {}, UNUSED, WorkQueue(), errors, facts, reporter)
    for namespace in ("ran", "core"):
        made = Rollout(
            uid=namespace, namespace=namespace, name="a", created_at=START, spec=RolloutSpec()
        )
        fleet._put_rollout(made)
    facts.breaches_seen({"ran": "TALM has been here"})
    for uid in ("ran", "core"):
        handlers.status_changed(uid)
    assert seen.changed == ["core"]
