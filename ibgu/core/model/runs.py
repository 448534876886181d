"""The runs that the journal keeps: a type for each state, with what is known in it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from msgspec import Struct

from ibgu.core.model.actions import ActionName
from ibgu.core.model.reasons import Cause

MAX_RUNS = 64
"""The runs of a member after which no other one continues its action, repeats one, or follows an
abort that was undone: somebody undoes each of them."""


class RunState(StrEnum):
    INTENDED = "intended"
    ARMING = "arming"
    ARMED = "armed"
    ACCEPTED = "accepted"
    ENDED = "ended"


class RunResult(StrEnum):
    SUCCEEDED = "succeeded"
    CONTINUED = "continued"
    """Success, after which its action goes on with another run."""
    FAILED = "failed"
    LIMIT = "limit"
    REFUSED = "refused"
    PREEMPTED = "preempted"
    TAKEN_OVER = "taken over"
    WITHDRAWN = "withdrawn"
    GONE = "gone"
    DELETED = "deleted"

    @property
    def success(self) -> bool:
        """Whether the cluster has done what the run asked it for."""
        return self in (RunResult.SUCCEEDED, RunResult.CONTINUED)


class RunBase(Struct, frozen=True, gc=False, kw_only=True, tag_field="state"):
    """One attempt of one action on one member, in any state.

    The properties say for every state what a column of the journal holds. A state in which the
    value is known has a field of that name instead.
    """

    id: str
    action: ActionName
    attempt: int
    intended_at: datetime

    @property
    def arming_at(self) -> datetime | None:
        return None

    @property
    def armed_at(self) -> datetime | None:
        return None

    @property
    def accepted_at(self) -> datetime | None:
        return None

    @property
    def ended_at(self) -> datetime | None:
        return None

    @property
    def result(self) -> RunResult | None:
        return None

    @property
    def cause(self) -> Cause | None:
        return None

    @property
    def message(self) -> str:
        return ""

    @property
    def disarmed(self) -> bool:
        """False from the arming intent until the hub shows the work disarmed."""
        return True

    @property
    def adopted(self) -> bool:
        """Whether TALM asked the cluster for the stage, which then carries no run id (R20.4)."""
        return False

    @property
    def armed_generation(self) -> int | None:
        """The generation of the stage work when it was first seen to carry the run: only an older
        one is from before (R31.1)."""
        return None

    @property
    def open(self) -> bool:
        return not isinstance(self, Ended)

    @property
    def on_hub(self) -> bool:
        """Whether the stage work has to be armed for the run."""
        return isinstance(self, Arming | Armed)


class Intended(RunBase, frozen=True, gc=False, kw_only=True, tag="intended"):
    """A run that is decided; its prerequisites (payload, annotation) are being written.

    No work was ever armed for it.
    """

    state: ClassVar[Literal[RunState.INTENDED]] = RunState.INTENDED


class Arming(RunBase, frozen=True, gc=False, kw_only=True, tag="arming"):
    """A run whose armed work may be on the hub; it has not been seen yet.

    The work counts as armed: the claim stays until it is seen disarmed.
    """

    state: ClassVar[Literal[RunState.ARMING]] = RunState.ARMING
    arming_at: datetime
    disarmed: bool = False


class Armed(RunBase, frozen=True, gc=False, kw_only=True, tag="armed"):
    """A run whose armed work the hub has."""

    state: ClassVar[Literal[RunState.ARMED]] = RunState.ARMED
    arming_at: datetime
    armed_at: datetime
    disarmed: bool = False
    armed_generation: int | None = None


class Accepted(RunBase, frozen=True, gc=False, kw_only=True, tag="accepted"):
    """A run that the cluster echoes: the stage is its own now, so the work is to be disarmed
    (R9.1); `disarmed` says whether it is.

    A run of ibgu's has all three times. One that TALM began (`adopted`) has none of them as long
    as it is unknown whether TALM's work has reached the cluster.
    """

    state: ClassVar[Literal[RunState.ACCEPTED]] = RunState.ACCEPTED
    arming_at: datetime | None = None
    armed_at: datetime | None = None
    accepted_at: datetime | None = None
    disarmed: bool = True
    adopted: bool = False
    armed_generation: int | None = None


class Ended(RunBase, frozen=True, gc=False, kw_only=True, tag="ended"):
    """A run that is over, whatever state it ended in: it has the times that it had reached.

    Only a run that is disarmed releases the claim. Only a withdrawn one can be reopened (R9.5).
    """

    state: ClassVar[Literal[RunState.ENDED]] = RunState.ENDED
    arming_at: datetime | None = None
    armed_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime
    result: RunResult
    cause: Cause | None = None
    message: str = ""
    """The cluster's own words at the end."""
    disarmed: bool = True
    adopted: bool = False
    armed_generation: int | None = None


OpenRun = Intended | Arming | Armed | Accepted
Run = OpenRun | Ended
