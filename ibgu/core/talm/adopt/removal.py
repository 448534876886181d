"""Selects which of TALM's ManifestWorks are removed now, so that no cluster changes."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from ibgu.core.model import Rollout
from ibgu.core.talm import TalmWork
from ibgu.core.talm.adopt.traces import Traces


class Removal(StrEnum):
    ORPHAN = "orphan"
    """Makes the deletion harmless first: without Orphan the agent would delete the cluster's
    ImageBasedUpgrade, too."""
    DELETE = "delete"


def may_remove(rollout: Rollout) -> bool:
    """Whether TALM's objects may be removed. After a restore they may be the only record of what
    was begun: they stay until a person resumes the rollout."""
    return rollout.adopting_since is not None and not rollout.stands_still


def works_to_remove(
    traces: Traces, may_go: Callable[[TalmWork], bool]
) -> Iterator[tuple[TalmWork, Removal]]:
    """Yields the works to remove; `may_go`: ibgu sees the cluster without the work. A work that is
    being deleted needs nothing more."""
    for works in traces.works.values():
        for work in works:
            removal = _removal(work)
            if removal is not None and may_go(work):
                yield work, removal


def harmless(traces: Traces, may_go: Callable[[TalmWork], bool]) -> bool:
    """Whether no cluster would change if all works went now: only then a ClusterGroupUpgrade is
    deleted, because a live TALM deletes its works with it."""
    works = (work for works in traces.works.values() for work in works)
    return all(w.terminating or (_removal(w) is Removal.DELETE and may_go(w)) for w in works)


def left_to_talm(traces: Traces, *, beside: bool) -> bool:
    """Whether TALM deletes the works itself; `beside`: a live one is on the hub. From the deletion
    of a ClusterGroupUpgrade on it does so, and takes its finalizer off after it."""
    return beside and bool(traces.deleting)


def _removal(work: TalmWork) -> Removal | None:
    """Returns how to remove the work. TALM creates works with Orphan and never changes them; a
    later change must have reached the agent first."""
    if work.terminating:
        return None
    if not work.orphan:
        return Removal.ORPHAN
    return Removal.DELETE if work.generation == 1 or work.applied else None
