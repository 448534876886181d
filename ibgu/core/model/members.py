"""The members that the journal keeps: a type for each state, with what is known in it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model.actions import ActionName
from ibgu.core.model.reasons import Cause, Reason
from ibgu.core.model.runs import Ended, Run


class MemberState(StrEnum):
    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    FINISHED = "finished"


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class CompletedAction(Struct, frozen=True, gc=False):
    action: ActionName
    at: datetime
    note: str = ""
    """Empty, "was already ..." or "completed late, after ..."."""
    made_at: datetime | None = None
    """Since when there is what a Job has made, such as a backup; None: since `at`."""
    unlabelled: bool = False
    """Whether ibgu has written no label for it: it was completed late, and our failed label was not
    there any more (R15.2)."""
    skipped: bool = False
    """Whether the cluster was not asked for it: it was already where the action brings it."""

    @property
    def counts_as_made(self) -> bool:
        """Whether a Job is known to have made something; one that was not needed has not."""
        return self.made_at is not None and not self.note


class Probe(Struct, frozen=True, gc=False):
    """A question to the cluster (R8.2); in memory only, a restart asks again."""

    id: str
    asked_at: datetime


class MemberBase(Struct, frozen=True, gc=False, kw_only=True, tag_field="state"):
    """A cluster that belongs to a step, in any state.

    Invariant, until the member finishes: `action_index` is the number of `completed` actions.

    The properties say for every state what a column of the journal holds. A state in which the
    value is known has a field of that name instead.
    """

    rollout: str
    step: int
    cluster: str
    uid: str
    """The ManagedCluster's uid."""
    position: int
    """Place in the step's order (R4.1), from 0."""
    reason: Reason
    """Why the member has not finished; of a finished one, the last reason that it had."""
    action_index: int = 0
    """Which of the step's actions is current, or next."""
    completed: tuple[CompletedAction, ...] = ()
    attempts: int = 0
    started_at: datetime | None = None
    warning: str = ""
    """What the cluster warned of when it completed an action of this step."""
    accepted_warning: str = ""
    """The warning that a person has accepted, so that the cluster may go on."""
    rollback_until: datetime | None = None
    """When the cluster's way back ends, as long as it has one that this member has opened."""
    paused_since: datetime | None = None
    """Since when parts of the cluster may be paused for this member's action (R48)."""
    resuming: bool = False
    """Whether they are to be resumed now, whatever the plan says."""

    @property
    def key(self) -> tuple[str, int, str]:
        return (self.rollout, self.step, self.cluster)

    @property
    def under_way(self) -> bool:
        """Whether the cluster has carried out an action of the step, or since it has its slot a
        part of one; to skip one that was not needed is none."""
        return self.part_at is not None or not all(done.skipped for done in self.completed)

    @property
    def finished(self) -> bool:
        return isinstance(self, Finished)

    @property
    def probe(self) -> Probe | None:
        return None

    @property
    def slot(self) -> int | None:
        return None

    @property
    def limit(self) -> datetime | None:
        return None

    @property
    def part_at(self) -> datetime | None:
        return None

    @property
    def ended_at(self) -> datetime | None:
        return None

    @property
    def outcome(self) -> Outcome | None:
        return None

    @property
    def cause(self) -> Cause | None:
        return None

    @property
    def message(self) -> str:
        return ""

    @property
    def failed_action(self) -> ActionName | None:
        return None

    @property
    def late(self) -> str:
        return ""

    @property
    def watched(self) -> bool:
        return False


class Waiting(MemberBase, frozen=True, gc=False, kw_only=True, tag="waiting"):
    """A member that has no slot, and no claim on its cluster.

    It has not started, or its run was withdrawn, or it has left its slot between two actions.
    Invariant: its run is disarmed.
    """

    state: ClassVar[Literal[MemberState.WAITING]] = MemberState.WAITING
    run: Ended | None = None
    """The newest run; if it was withdrawn, the cluster may take it after all (R9.5)."""
    probe: Probe | None = None
    """The newest probe, if one is valid."""


class InFlight(MemberBase, frozen=True, gc=False, kw_only=True, tag="in flight"):
    """A member that has a slot, and with it the claim on its cluster: one row of `claims` (R6.1,
    R29.4).

    Invariants: no other member of the step has its slot, no other member at all the claim on its
    cluster, and it keeps the slot as long as it is in flight.

    Its run is open, or has ended and is not disarmed yet, or has succeeded with actions still to
    come, or with another run of its own.
    """

    state: ClassVar[Literal[MemberState.IN_FLIGHT]] = MemberState.IN_FLIGHT
    run: Run
    """The newest run of this member in this step."""
    slot: int
    """Counts from 1, up to the step's `max_concurrency`."""
    limit: datetime
    """When the member's whole sequence in this step must have ended (R11.2)."""
    probe: Probe | None = None
    """The probe that let it start, which the stage work still shows."""
    part_at: datetime | None = None
    """Since when there is what the part before the current action has made, such as a backup, or
    when a run began that the action continues; None: neither is since the member has its slot."""


class Finished(MemberBase, frozen=True, gc=False, kw_only=True, tag="finished"):
    """A member that has ended in this step: it has no slot and no claim, and does not start again.

    Invariant: its run, if it has one, is disarmed.

    Only a late completion changes its outcome as people see it.
    """

    state: ClassVar[Literal[MemberState.FINISHED]] = MemberState.FINISHED
    run: Ended | None = None
    limit: datetime | None = None
    """The limit that it had in flight, which the stage work still shows."""
    ended_at: datetime
    outcome: Outcome
    cause: Cause | None = None
    message: str = ""
    failed_action: ActionName | None = None
    late: str = ""
    """The late completion, after the member had ended ("completed late, after 47 min")."""
    watched: bool = False
    """Whether the member ended without success after it was armed, and may complete late
    (R15.1)."""


Unfinished = Waiting | InFlight
Member = Unfinished | Finished


def has_acted(member: Member) -> bool:
    """Returns whether the rollout has acted on the cluster in this step: it had a slot, or an
    action that it was asked for has completed."""
    return member.started_at is not None or any(not done.skipped for done in member.completed)


def completed_late(outcome: str | None, late: str) -> bool:
    """Whether a failed member has completed its action since (R15): its cluster is where it was to
    be."""
    return outcome == Outcome.FAILED and late != ""


def as_displayed(member: Member) -> Member:
    """Returns the member as every surface shows it: one that completed late has succeeded. Its run
    shows how it failed."""
    if not completed_late(member.outcome, member.late):
        return member
    return replace(member, outcome=Outcome.SUCCEEDED, cause=None, failed_action=None, message="")
