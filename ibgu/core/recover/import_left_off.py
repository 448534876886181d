"""Finds clusters whose automatic import a rollout has turned off that does not watch them (R31.7).

The journal was lost together with the rollout's object, or with the record that its Upgrade was
next: nothing else would turn automatic import on again.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.works.trace import traces_of
from ibgu.core.model import (
    Change,
    ClusterView,
    Finished,
    Kind,
    OnPendingPatch,
    PendingPatch,
    WorkView,
    names,
    traits,
)
from ibgu.core.model.actions import whole
from ibgu.core.model.shown import HubObject

TURNED_ON = "the rollout that has turned automatic import off needs it no more"
_MARKS = (names.DISABLE_AUTO_IMPORT, names.AUTO_IMPORT_BY)


class ImportLeftOff(Struct, frozen=True):
    """A cluster whose automatic import is off for a rollout that does not watch the cluster."""

    cluster: ClusterView
    rollout: str
    """The rollout's uid."""
    over: bool
    """Whether the cluster is proven to be out of its upgrade, or never began it (R14.3)."""


def left_off(
    driver: Driver,
    fleet: FleetState,
    clusters: Iterable[ClusterView],
    work_of: Callable[[str, str], HubObject[WorkView] | None],
) -> Iterator[ImportLeftOff]:
    """Yields the clusters in the order given. `driver`: of the kind that turns automatic import
    off, `work_of`: returns the stage work of a rollout's uid and a cluster's name. Rollouts whose
    records can't be read are left alone."""
    for view in clusters:
        by = view.annotations.get(names.AUTO_IMPORT_BY, "")
        marked = by and names.DISABLE_AUTO_IMPORT in view.annotations
        if not marked or by in fleet.unreadable or view.uid in fleet.pending_patches:
            continue
        if not any(_has(fleet, uid, view) for uid in (by, *fleet.rollouts_of.get(view.name, ()))):
            work = work_of(by, view.name)
            over = _never_began(fleet, by, view, work) or _is_out(driver, view, work)
            yield ImportLeftOff(view, by, over)


def turn_on(found: ImportLeftOff) -> OnPendingPatch:
    view = found.cluster
    changes = {key: Change(view.annotations[key], None) for key in _MARKS}
    pending = PendingPatch(
        uid=view.uid, cluster=view.name, rollout=found.rollout, annotations=changes
    )
    return OnPendingPatch(Kind.LABELS_PENDING, pending, TURNED_ON)


def _has(fleet: FleetState, uid: str, view: ClusterView) -> bool:
    """Whether the rollout has not finished with the cluster, or watches it."""
    tracked = fleet.rollouts.get(uid)
    member = tracked.latest(view.name) if tracked is not None else None
    if member is None or member.uid != view.uid:
        return False
    return not isinstance(member, Finished) or member.watched


def _never_began(
    fleet: FleetState, uid: str, view: ClusterView, work: HubObject[WorkView] | None
) -> bool:
    """Whether records and work show that no action that needs it was armed. Without any record or
    work that is not known."""
    tracked = fleet.rollouts.get(uid)
    steps = tracked.steps if tracked is not None else []
    members = [step.members[view.name] for step in steps if view.name in step.members]
    if not members and work is None:
        return False
    runs = [member.run.action for member in members if member.run is not None]
    ended = [member.failed_action for member in members if member.failed_action]
    done = [each.action for member in members for each in member.completed]
    shown = [trace.action for trace in traces_of([work] if work else []).values()]
    began = (*runs, *ended, *done, *shown)
    return not any(traits(whole(action)).import_off for action in began)


def _is_out(driver: Driver, view: ClusterView, work: HubObject[WorkView] | None) -> bool:
    """Whether the cluster shows that it is out of the stage. Its agent may report another kind of
    object on any of its works."""
    known = work.view.current_feedback if work is not None and view.reachable else None
    return isinstance(known, type(driver.read(()))) and driver.out_of_stage(known)
