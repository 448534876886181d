"""The part of hub objects that is kept in memory: their identity and their views.

A fleet has tens of thousands of them; equal strings are one object.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import names
from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find, status_of
from ibgu.core.model.kinds import ClusterClaim, Condition, ManagedCluster, ObjectMeta
from ibgu.core.model.views import ClusterConditionView, ClusterView
from ibgu.core.text.cut import cut

_LOCAL = "local-cluster"


class HubView(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


V = TypeVar("V", bound=HubView)


class HubObject(Struct, Generic[V], frozen=True, gc=False):
    """An object as the hub shows it in one version."""

    metadata: ObjectMeta
    """The identity; only those labels and annotations that are read from here, not from the
    view."""
    view: V


MAX_CONDITIONS = 20
"""The most conditions that are kept of a ManagedCluster, some 100 bytes each. The hub sets about
six."""
MAX_CONDITION = 400
"""Characters that are kept of a condition's type, more than Kubernetes lets it have."""
_DIFFERENT = 4096
"""The number of distinct groups of labels or annotations that objects share."""


def view_cluster(mc: ManagedCluster) -> ClusterView:
    metadata, labels = mc.metadata, mc.metadata.labels
    available = find(mc.status.conditions, "ManagedClusterConditionAvailable")
    reachable = available.status == "True"
    return ClusterView(
        name=intern(metadata.name),
        uid=intern(metadata.uid),
        accepted=mc.spec.hub_accepts_client,
        deleting=metadata.deletion_timestamp is not None,
        reachable=reachable,
        available_since=moment(available.last_transition_time) if reachable else None,
        local=metadata.name == _LOCAL or labels.get(_LOCAL) == "true",
        labels=_interned(labels, labels),
        annotations=_interned(metadata.annotations, names.OF_CLUSTERS),
        claims=_claims(mc.status.cluster_claims),
        clock=intern(status_of(mc.status.conditions, "ManagedClusterConditionClockSynced")),
        conditions=tuple(map(_condition, mc.status.conditions[:MAX_CONDITIONS])),
    )


def _condition(found: Condition) -> ClusterConditionView:
    since = moment(found.last_transition_time)
    return ClusterConditionView(
        intern(found.type[:MAX_CONDITION]), intern(found.status[:MAX_CONDITION]), since
    )


def _claims(found: Iterable[ClusterClaim]) -> dict[str, str]:
    """Returns the claims that are read; equal ones are shared by the whole fleet."""
    known = {each.name: cut(each.value) for each in found if each.name in names.CLAIMS}
    return _shared(tuple((key, known[key]) for key in names.CLAIMS if key in known))


_NONE: dict[str, str] = {}
"""Shared: never written to."""


def _interned(found: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Returns the entries of those keys; equal strings are shared by the whole fleet."""
    return {intern(key): intern(found[key]) for key in keys if key in found} or _NONE


def with_seen_times(before: ClusterView, after: ClusterView, now: datetime) -> ClusterView:
    """Returns the newer view of a cluster with the times of what has changed: not before `now`,
    when the change is seen. Clusters date their conditions themselves, and the clock of one that
    has just restarted may be behind. What has not changed keeps its time, unless a later one is
    reported."""
    if before.uid != after.uid:
        return after
    known = {each.type: each for each in before.conditions}
    conditions = tuple(_seen(known.get(each.type), each, now) for each in after.conditions)
    since = _seen_since(before.available_since, after.available_since, now, same=before.reachable)
    if (since, conditions) == (after.available_since, after.conditions):
        return after
    return replace(after, available_since=since, conditions=conditions)


def _seen(
    before: ClusterConditionView | None, after: ClusterConditionView, now: datetime
) -> ClusterConditionView:
    same = before is not None and before.status == after.status
    since = _seen_since(before.since if before is not None else None, after.since, now, same=same)
    return after if since == after.since else replace(after, since=since)


def _seen_since(
    before: datetime | None, reported: datetime | None, now: datetime, *, same: bool
) -> datetime | None:
    """Returns since when a status is there; `same`: it was there `before` already."""
    earliest = before if same else now
    return reported if reported is None or earliest is None else max(reported, earliest)


def shown_cluster(cluster: ManagedCluster) -> HubObject[ClusterView]:
    return shown(cluster.metadata, view_cluster(cluster))


def shown(
    meta: ObjectMeta, view: V, labels: Iterable[str] = (), marks: Iterable[str] = ()
) -> HubObject[V]:
    """Returns the object; `labels`, `marks`: labels and annotations that are read beside the
    view."""
    who = replace(
        meta,
        name=view.name,
        namespace=intern(meta.namespace),
        uid=view.uid,
        creation_timestamp="",
        labels=_chosen(meta.labels, labels),
        annotations=_chosen(meta.annotations, marks),
    )
    return HubObject(who, view)


def _chosen(found: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    return _shared(tuple((key, cut(found[key])) for key in keys if key in found))


@lru_cache(_DIFFERENT)
def _shared(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Returns a dict that equal items share: never written to."""
    return dict(items)
