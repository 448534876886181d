"""What goes into the journal in one transaction, and what comes out of it at the start."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import Decision, Member, OnMember, OnPendingPatch, PendingPatch, Rollout, Step
from ibgu.core.recover import Versions

MemberKey = tuple[str, int, str]
"""Rollout's uid, step, cluster: `Member.key`."""


def about(decision: Decision, keys: Collection[MemberKey]) -> bool:
    """It tells about one of these members, or about the labels of its outcome."""
    if isinstance(decision, OnMember):
        return decision.member.key in keys
    if not isinstance(decision, OnPendingPatch) or decision.asked is None:
        return False
    pending = decision.pending
    return any((pending.rollout, pending.cluster) == (rollout, name) for rollout, _, name in keys)


class Changeset(Struct, frozen=True, kw_only=True):
    """What one turn of the loop decided."""

    decisions: tuple[Decision, ...]
    taken: tuple[Member, ...] = ()
    """Members, as they will be, that need a hold for their slot."""
    freed: tuple[Member, ...] = ()
    """Members whose hold ends; a slot or cluster freed here may be taken in the same turn."""
    at: datetime


class Loaded(Struct, frozen=True):
    """All that a controller needs to go on.

    Deleted rollouts with nothing left to do are left out. Those among them that cancel an older
    rollout that is still here come with all their steps, and with the members of the steps that
    begin with Abort or Rollback (R6.3).
    """

    rollouts: tuple[Rollout, ...]
    """Oldest first."""
    steps: tuple[Step, ...]
    """In order, within each rollout from 0."""
    members: tuple[Member, ...]
    """By step and position, each with its newest run."""
    pending_patches: tuple[PendingPatch, ...]
    foreign_runs: frozenset[str]
    """Those of the shown runs that this hub never had."""
    handled: frozenset[str]
    """uids of deleted rollouts that have nothing left to do, left out or not."""
    started: tuple[tuple[str, datetime], ...] = ()
    """Rollout's uid and time of each start of a step that may be paced, of the last minute that
    has any."""
    versions: Versions = Versions()
    """How far the hub was seen to get (`Journal.note`)."""
