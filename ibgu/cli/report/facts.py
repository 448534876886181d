"""Declares what a report is made from: answers of the REST API, and counts of their pages."""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.cli.report.totals import FailureKey, MemberTotals
from ibgu.client.responses import (
    ActivityEntryResponse,
    FailureGroupResponse,
    RolloutResponse,
    StepResponse,
    TimelineResponse,
)
from ibgu.core.model import Kind


class RolloutFacts(Struct, frozen=True):
    """RolloutFacts is one rollout: its answers, and the counts of its members."""

    hub: str
    now: datetime
    """The database's clock, when the rollout was read."""
    rollout: RolloutResponse
    steps: tuple[StepResponse, ...]
    timelines: tuple[TimelineResponse, ...]
    """The timelines of the steps that have begun."""
    failures: tuple[FailureGroupResponse, ...]
    activity: tuple[ActivityEntryResponse, ...]
    """The newest entries, newest first."""
    totals: MemberTotals

    @property
    def full_name(self) -> str:
        return f"{self.rollout.namespace}/{self.rollout.name}"

    @property
    def whole_activity(self) -> bool:
        """Returns whether the activity goes back to when ibgu saw the rollout first."""
        return any(entry.kind == Kind.ROLLOUT_SEEN for entry in self.activity)

    @property
    def over(self) -> bool:
        return self.ended is not None

    @property
    def ended(self) -> datetime | None:
        return self.rollout.completed_at or self.rollout.deleted_at

    @property
    def took(self) -> timedelta | None:
        """Returns the time from the start to the end, or until now; None: it has not started."""
        if self.rollout.started_at is None:
            return None
        return max(timedelta(), (self.ended or self.now) - self.rollout.started_at)


class RolloutReport(Struct, frozen=True):
    found: RolloutFacts
    against: RolloutFacts | None = None


def group_key(group: FailureGroupResponse) -> FailureKey:
    return (
        group.step,
        group.action or "",
        group.outcome,
        group.cause or "",
        group.failure or "",
    )
