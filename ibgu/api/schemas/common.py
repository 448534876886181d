"""Parts that several bodies share. Their words are those of the journal and the IBGU's status."""

from datetime import datetime

from pydantic import Field

from ibgu.api.schemas.base import Body
from ibgu.core.model import Action, Cause, ReasonKind, RunResult, RunState, Who


class OverdueBody(Body):
    """A reason that lasts longer than usual."""

    since: datetime = Field(description="When it had lasted as long as usual.")
    usual: float = Field(description="Seconds; where it was measured, p95 of this hub's clusters.")
    check: str = Field(description="What a person has to check now.")


class ReasonBody(Body):
    kind: ReasonKind
    since: datetime
    until: datetime | None = Field(description="When it ends by itself, where that is known.")
    who: Who = Field(description="Who must act for it to end; a person, too, once it is overdue.")
    message: str
    overdue: OverdueBody | None = Field(description="Null: it has not lasted unusually long.")


class StalledBody(Body):
    """An action in flight that takes longer than usual."""

    since: datetime = Field(description="When it had taken as long as usual.")
    usual: float = Field(
        description="Seconds in which 95 of 100 clusters of this hub have done the action (p95)."
    )


class CountsBody(Body):
    """Clusters of a whole rollout, as in the IBGU's `status.summary`, or members of one step.

    total = waiting + running + succeeded + failed + skipped + cancelled.
    """

    total: int
    waiting: int
    running: int = Field(description="In flight: each of them has a slot.")
    succeeded: int
    failed: int
    skipped: int
    cancelled: int = Field(
        description="Taken over by another rollout, or let go of because this one was deleted."
    )


class RunBody(Body):
    """One attempt of one action on one member."""

    id: str
    action: Action
    attempt: int
    state: RunState
    intended_at: datetime
    arming_at: datetime | None
    armed_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None
    result: RunResult | None
    cause: Cause | None
    message: str = Field(description="The cluster's own words at the end.")


class CompletedActionBody(Body):
    action: Action
    at: datetime
    note: str = Field(description='Empty, "was already …" or "completed late, after …".')
