"""Which of TALM's ManifestWorks go now, so that no cluster changes by it."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from ibgu.core.adopt.traces import Traces
from ibgu.core.model import Rollout
from ibgu.core.talm import TalmWork


class Removal(StrEnum):
    ORPHAN = "orphan"
    """First its deletion has to be made harmless: without Orphan the agent would delete the
    cluster's ImageBasedUpgrade with it."""
    DELETE = "delete"


def may_remove(rollout: Rollout) -> bool:
    """After a restore what TALM has left may be all that tells what was begun: it stays until a
    person lets the rollout go on."""
    return rollout.adopting_since is not None and not rollout.stands_still


def works_to_remove(
    traces: Traces, may_go: Callable[[TalmWork], bool]
) -> Iterator[tuple[TalmWork, Removal]]:
    """`may_go`: ibgu sees the cluster without it. One that is being deleted needs nothing more."""
    for works in traces.works.values():
        for work in works:
            removal = _removal(work)
            if removal is not None and may_go(work):
                yield work, removal


def _removal(work: TalmWork) -> Removal | None:
    """TALM makes its works with Orphan and never changes them; what was changed since must have
    reached the agent first."""
    if work.terminating:
        return None
    if not work.orphan:
        return Removal.ORPHAN
    return Removal.DELETE if work.generation == 1 or work.applied else None
