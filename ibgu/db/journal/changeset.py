"""Defines what one transaction writes to the journal, and what a start loads from it."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.state import ActionEnd, UnreadableRollout
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.model import (
    Decision,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Preempt,
    Rollout,
    Step,
)
from ibgu.core.recover import Versions

MemberKey = tuple[str, int, str]
"""Rollout uid, step, cluster: `Member.key`."""


def concerns(decision: Decision, keys: Collection[MemberKey]) -> bool:
    """Returns whether the decision is about one of these members, or about the labels of its
    outcome."""
    if isinstance(decision, OnMember):
        return decision.member.key in keys
    if not isinstance(decision, OnPendingPatch) or decision.asked is None:
        return False
    pending = decision.pending
    return any((pending.rollout, pending.cluster) == (rollout, name) for rollout, _, name in keys)


def rollout_of(decision: Decision) -> str:
    """Returns the uid of the rollout that a decision is about; "" for none."""
    match decision:
        case OnRollout(rollout=rollout):
            return rollout.uid
        case OnStep(step=step):
            return step.rollout
        case OnMember(member=member):
            return member.rollout
        case OnPendingPatch(pending=pending):
            return pending.rollout
        case Preempt():
            return ""


class Changeset(Struct, frozen=True, kw_only=True):
    """Changeset holds what one turn of the loop decided."""

    decisions: tuple[Decision, ...]
    taken: tuple[Member, ...] = ()
    """Members, as they will be, that need a claim for their slot."""
    freed: tuple[Member, ...] = ()
    """Members whose claim ends; a slot or cluster freed here may be taken in the same turn."""
    at: datetime

    def of_rollout(self, uid: str) -> "Changeset":
        """Returns the part that is about one rollout."""
        return replace(
            self,
            decisions=tuple(each for each in self.decisions if rollout_of(each) == uid),
            taken=tuple(member for member in self.taken if member.rollout == uid),
            freed=tuple(member for member in self.freed if member.rollout == uid),
        )


class Loaded(Struct, frozen=True):
    """Loaded holds all that a controller needs to continue, without deleted rollouts that have
    nothing left to do.

    If such a rollout cancels an older one that is still here, it is loaded with all its steps, and
    with the members of the steps that begin with Abort or Rollback (R6.3).
    """

    rollouts: tuple[Rollout, ...]
    """Oldest first."""
    steps: tuple[Step, ...]
    """Steps in order, within each rollout from 0."""
    members: tuple[Member, ...]
    """Members by step and position, each with its newest run."""
    pending_patches: tuple[PendingPatch, ...]
    foreign_runs: frozenset[str]
    """The shown runs that this hub never had."""
    handled: frozenset[str]
    """Uids of deleted rollouts that have nothing left to do, loaded or not."""
    started: tuple[tuple[str, datetime], ...] = ()
    """Rollout uid and time of each start in a rate-limited step, within the last minute that has
    any."""
    seed_ends: tuple[tuple[str, ActionEnd], ...] = ()
    """How Upgrades of `handled` rollouts ended lately, by the image."""
    failures: tuple[FailedMember, ...] = ()
    """Which of their clusters failed lately."""
    release_changes: tuple[tuple[str, datetime], ...] = ()
    """When they may have taken clusters to another release, or back, by ManagedCluster uid."""
    unreadable: tuple[UnreadableRollout, ...] = ()
    """Rollouts that have records which can't be read; nothing of them is in the other fields."""
    versions: Versions = Versions()
    """The newest resourceVersions seen of the hub (`Journal.note`)."""
