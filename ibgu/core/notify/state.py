"""The state that notifications keep between two events, beside the receiver's cursor."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ibgu.core.model import RolloutState
from ibgu.core.model.grants import AskedApproval
from ibgu.core.text.harmless import one_line

FAILURES_LAST = timedelta(hours=24)
"""The time for which a failure is news."""
NAMED = 5
"""The most clusters that a group of failures names."""


class Hold(Struct, frozen=True):
    """A hold: nothing new starts."""

    reason: str
    message: str
    who: str
    since: datetime


class NeededApproval(AskedApproval, frozen=True, kw_only=True):
    """An approval for which clusters of a step wait, with when they began to."""

    since: datetime


class FailureGroup(Struct, frozen=True, kw_only=True):
    """Clusters of a step that failed in the same way."""

    step: int
    action: str
    failure: str
    """The known failure's name, else the cause."""
    words: str
    """The message of the cluster that failed first."""
    words_of: str = ""
    """That cluster."""
    differ: bool = False
    """Whether another cluster of the group has failed with other words."""
    remedy: str = ""
    count: int
    clusters: tuple[str, ...]
    """The names of the first clusters."""
    first: datetime
    last: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        return (self.step, self.action, self.failure)


class TrackedEvents(Struct, frozen=True, kw_only=True):
    """One rollout, as far as its events have shown it."""

    namespace: str
    name: str
    step: int | None = None
    """The newest step, from 0."""
    running: bool = False
    """Whether the step is running."""
    actions: tuple[str, ...] = ()
    total: int = 0
    outcomes: dict[str, int] = {}
    """Members of the newest step by outcome."""
    groups: tuple[FailureGroup, ...] = ()
    """Failures of all steps whose clean-up has not begun."""
    hold: Hold | None = None
    step_hold: Hold | None = None
    approvals: tuple[NeededApproval, ...] = ()
    """Those that nobody has given yet."""
    clock_stopped: bool = False
    """Whether the clock of the step stands still: only policies or a person keep it."""
    moved: datetime | None = None
    moved_seq: int = 0
    stalled: datetime | None = None
    """When the stall was reported; None: the rollout has not stalled."""
    state: str = ""
    """Usually a `RolloutState`."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def deleted(self) -> bool:
        return self.state == RolloutState.DELETED

    @property
    def over(self) -> bool:
        """Whether the rollout can be forgotten."""
        if self.deleted:
            return not self.running
        return self.state == RolloutState.COMPLETE and not (self.groups or self.hold)


class Alert(Struct, frozen=True):
    """An alert as it was sent to an Alertmanager."""

    labels: dict[str, str]
    annotations: dict[str, str]
    since: datetime
    link: str = ""

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.labels.items()))


class NotificationState(Struct, frozen=True):
    tracks: dict[str, TrackedEvents] = {}
    """Keyed by the rollout's uid."""
    firing: tuple[Alert, ...] = ()
    """The alerts that fire, for a receiver of alerts."""

    def tracking(self, uid: str, track: TrackedEvents | None) -> "NotificationState":
        """Returns the memory with that rollout, or without it if `track` is None."""
        others = {key: each for key, each in self.tracks.items() if key != uid}
        return NotificationState(others if track is None else {**others, uid: track}, self.firing)


def hold_in(data: dict[str, Any], at: datetime, before: Hold | None) -> Hold | None:
    """Returns the hold that an event of a rollout or a step shows; None: there is none."""
    if "hold" not in data:
        return None
    reason, message = str(data["hold"]), one_line(str(data.get("hold_message", "")))
    since = before.since if before and before.reason == reason else at
    return Hold(reason, message, str(data.get("hold_who", "")), since)


def approvals_in(
    data: dict[str, Any], at: datetime, before: Iterable[NeededApproval]
) -> tuple[NeededApproval, ...]:
    """Returns the approvals that an event of a rollout says are needed."""
    since = {each.key: each.since for each in before}
    asked = msgspec.convert(data.get("asked", ()), tuple[AskedApproval, ...])
    return tuple(
        NeededApproval(
            each.step, each.gate, each.before, one_line(each.message), since=since.get(each.key, at)
        )
        for each in asked
    )
