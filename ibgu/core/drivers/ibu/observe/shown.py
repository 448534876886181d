"""The part of hub objects that is kept in memory: their identity and their views.

A fleet has tens of thousands of them; equal strings are one object.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.observe.cluster import view_cluster
from ibgu.core.drivers.ibu.observe.work import view_work
from ibgu.core.model import ClusterView, WorkView, names
from ibgu.core.model.kinds import ManagedCluster, ManifestWork, ObjectMeta
from ibgu.core.text.cut import cut


class HubView(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


V = TypeVar("V", bound=HubView)


class Shown(Struct, Generic[V], frozen=True, gc=False):
    """An object as the hub shows it in one version."""

    metadata: ObjectMeta
    """The identity; only those labels and annotations that are read from here, not from the
    view."""
    view: V


_LABELS = (names.ROLLOUT, names.PART)
_MARKS = (names.ACTION, names.ATTEMPT, names.STARTED, names.LIMIT, names.OUTCOME)
_DIFFERENT = 4096
"""The number of distinct groups of labels or annotations that objects share."""


def shown_cluster(cluster: ManagedCluster) -> Shown[ClusterView]:
    return shown(cluster.metadata, view_cluster(cluster))


def shown_work(work: ManifestWork) -> Shown[WorkView]:
    return shown(work.metadata, view_work(work), _LABELS, _MARKS)


def shown(
    meta: ObjectMeta, view: V, labels: Iterable[str] = (), marks: Iterable[str] = ()
) -> Shown[V]:
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
    return Shown(who, view)


def _chosen(found: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    return _shared(tuple((key, cut(found[key])) for key in keys if key in found))


@lru_cache(_DIFFERENT)
def _shared(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Returns a dict that equal items share: never written to."""
    return dict(items)
