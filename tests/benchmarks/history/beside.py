"""The journal's other records of each cluster: its labels, and its pending patches."""

from collections.abc import Iterator

from ibgu.core.model import Change, PendingPatch
from ibgu.db.labels import seen
from ibgu.db.rows import pending_patch_row
from ibgu.db.schema import cluster_labels, pending_patches
from tests.benchmarks.history.copying import template
from tests.benchmarks.history.labels import of_operators
from tests.benchmarks.history.plan import History

_OWED = {"lcm.openshift.io/ibgu-upgrade-completed": Change(None, "")}


def labels(history: History) -> Iterator[str]:
    """Lines of `cluster_labels`."""
    for number in range(history.clusters):
        cluster, uid = history.cluster(number), history.cluster_uid(number)
        found = of_operators(cluster, number, uid)
        row = {
            "hub": history.hub,
            "cluster": cluster,
            "labels": found,
            "digest": seen(cluster, found).digest,
            "there": True,
        }
        yield template(cluster_labels, row, {}) % {}


def patches(history: History) -> Iterator[str]:
    """Lines of `pending_patches`: every cluster waits for a label, as when the hub has refused
    them all."""
    for number in range(history.clusters):
        pending = PendingPatch(
            uid=history.cluster_uid(number),
            cluster=history.cluster(number),
            rollout=history.courses[-1].uid,
            labels=_OWED,
        )
        yield template(pending_patches, pending_patch_row(history.hub, pending), {}) % {}
