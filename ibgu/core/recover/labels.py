"""Restores labels and annotations that ManagedClusters lost with the hub's restore.

They become pending at once, while the rollouts are held: a person can check them, and remove
unwanted ones, before anything is selected by them.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.engine.decide.member.ending import labelled
from ibgu.core.engine.decide.member.patches import MetadataChanges, failure_labels, success_labels
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Change, ClusterView, Kind, Member, OnPendingPatch, PendingPatch, names
from ibgu.core.model.actions import whole

LOST_BY_RESTORE = "the hub lost it by its restore"


def lost(
    tracked_rollouts: Iterable[TrackedRollout],
    pending_patches: Mapping[str, PendingPatch],
    cluster: Callable[[str], ClusterView | None],
    newest: Mapping[tuple[str, str], str],
) -> Iterator[OnPendingPatch]:
    """Yields the patches to put back; `pending_patches`: those already pending, by uid, `cluster`:
    returns a ManagedCluster by name, `newest`: the uid of the rollout that acted last on a cluster,
    by its name and the rollout's kind. Each kind writes labels of its own. What others have written
    is history, also where that one is deleted and over, and not among those given."""
    found: dict[str, PendingPatch] = {}
    known = {tracked.rollout.uid: tracked for tracked in tracked_rollouts}
    last = defaultdict[str, set[str]](set)
    for (name, _), uid in newest.items():
        last[name].add(uid)
    for (name, _), uid in newest.items():
        view = cluster(name)
        if view is None:
            continue
        old = found.get(view.uid) or pending_patches.get(view.uid)
        owner = _done_with_import(known, last[name], view)
        pending = _pending(_of(known.get(uid), view), owner, view, old)
        if pending is not None:
            found[view.uid] = pending
            yield OnPendingPatch(Kind.PUT_BACK, pending, LOST_BY_RESTORE)


class _Share(Struct, frozen=True):
    """A rollout, and its newest member of one cluster."""

    tracked: TrackedRollout
    member: Member

    @property
    def needs_import_off(self) -> bool:
        """Whether an action that needs disable-auto-import runs, or is watched."""
        run = self.member.run
        upgrading = run is not None and traits(run.action).import_off and run.arming_at is not None
        return upgrading and (not self.member.finished or self.member.watched)


def _of(tracked: TrackedRollout | None, view: ClusterView) -> _Share | None:
    member = tracked.latest(view.name) if tracked is not None else None
    if tracked is None or member is None or member.uid != view.uid:
        return None
    return _Share(tracked, member)


def _done_with_import(
    known: Mapping[str, TrackedRollout], last: Container[str], view: ClusterView
) -> _Share | None:
    """Returns the share of the rollout that has turned automatic import off, as the hub shows it.

    None: that one is not done with the cluster, or another one needs automatic import off: one that
    has the cluster, or that acted `last`.
    """
    owner = _of(known.get(view.annotations.get(names.AUTO_IMPORT_BY, "")), view)
    if owner is None or not owner.member.finished or owner.needs_import_off:
        return None
    shares = (_of(each, view) for each in known.values())
    needed = (
        each.needs_import_off and (not each.member.finished or each.tracked.rollout.uid in last)
        for each in shares
        if each is not None
    )
    return None if any(needed) else owner


def _pending(
    newest: _Share | None, owner: _Share | None, view: ClusterView, old: PendingPatch | None
) -> PendingPatch | None:
    """`newest`: of the rollout that acted last, None: it is not known; `owner`: see
    `_done_with_import`."""
    shared = newest or owner
    if shared is None:
        return None
    labels = _changes(_labels(newest.tracked, view), view.labels) if newest is not None else {}
    annotations = _changes(_annotations(newest, owner, view), view.annotations)
    if not labels and not annotations:
        return None
    return PendingPatch(
        uid=view.uid,
        cluster=view.name,
        rollout=shared.tracked.rollout.uid,
        labels={**(old.labels if old else {}), **labels},
        annotations={**(old.annotations if old else {}), **annotations},
    )


def _changes(wishes: MetadataChanges, shown: Mapping[str, str]) -> dict[str, Change]:
    return {
        key: Change(shown.get(key), wanted)
        for key, wanted in wishes.items()
        if shown.get(key) != wanted
    }


def _labels(tracked: TrackedRollout, view: ClusterView) -> MetadataChanges:
    """Returns the labels that the outcomes have written, in order; a later one wins."""
    wishes: MetadataChanges = {}
    for step in tracked.steps:
        member = step.members.get(view.name)
        written = [done for done in member.completed if not done.unlabelled] if member else ()
        for done in written:
            wishes |= success_labels(done.action, {**view.labels, **_present(wishes)})
        run = member.run if member else None
        if member and run and labelled(run) and whole(run.action) == member.failed_action:
            wishes |= failure_labels(member.failed_action)
    return wishes


def _present(wishes: MetadataChanges) -> dict[str, str]:
    return {key: value for key, value in wishes.items() if value is not None}


def _annotations(newest: _Share | None, owner: _Share | None, view: ClusterView) -> MetadataChanges:
    """Returns the wanted annotations: disable-auto-import while the newest rollout needs it, as its
    own while it has the cluster (R14.1). Else none once the one that has turned automatic import
    off, which may be an older one, is done with the cluster (R14.3)."""
    if newest is not None and newest.needs_import_off:
        mine = newest.tracked.rollout.uid
        if names.DISABLE_AUTO_IMPORT not in view.annotations:
            return {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: mine}
        others = view.annotations.get(names.AUTO_IMPORT_BY, mine) != mine
        return {names.AUTO_IMPORT_BY: mine} if others and not newest.member.finished else {}
    return {names.DISABLE_AUTO_IMPORT: None, names.AUTO_IMPORT_BY: None} if owner else {}
