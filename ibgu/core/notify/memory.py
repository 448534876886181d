"""What has to be remembered between two events. It is kept beside the receiver's cursor."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from ibgu.core.harmless import one_line
from ibgu.core.model import RolloutState

FAILURES_LAST = timedelta(hours=24)
"""A failure is news for so long; after that it is history."""
NAMED = 5
"""How many clusters a group of failures names."""


class Hold(Struct, frozen=True):
    """Nothing new starts."""

    reason: str
    message: str
    who: str
    since: datetime


class Group(Struct, frozen=True, kw_only=True):
    """Clusters of a step that failed in the same way."""

    step: int
    action: str
    failure: str
    """Name of the known failure, else the cause."""
    words: str
    """Of the cluster that was the first."""
    remedy: str = ""
    count: int
    clusters: tuple[str, ...]
    """The first ones."""
    first: datetime
    last: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        return (self.step, self.action, self.failure)


class Track(Struct, frozen=True, kw_only=True):
    """One rollout, as far as its events have told."""

    namespace: str
    name: str
    step: int | None = None
    """The newest one, from 0."""
    running: bool = False
    """The step is."""
    actions: tuple[str, ...] = ()
    total: int = 0
    outcomes: dict[str, int] = {}
    """Of the newest step's members."""
    groups: tuple[Group, ...] = ()
    """Failures of all steps that nobody has begun to clean up yet."""
    hold: Hold | None = None
    step_hold: Hold | None = None
    moved: datetime | None = None
    moved_seq: int = 0
    stalled: datetime | None = None
    """Told at that time; None: it has not stalled."""
    state: str = ""
    """As a rule a `RolloutState`."""
    failed: int = 0
    """Clusters that are failed in the whole rollout, once it is complete."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def over(self) -> bool:
        """Nothing of it has to be remembered any more."""
        if self.state == RolloutState.DELETED:
            return not self.running
        return self.state == RolloutState.COMPLETE and not (self.groups or self.hold)


class Alert(Struct, frozen=True):
    """As an Alertmanager has been told of it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    since: datetime
    link: str = ""

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.labels.items()))


class Memory(Struct, frozen=True):
    tracks: dict[str, Track] = {}
    """By the rollout's uid."""
    firing: tuple[Alert, ...] = ()
    """Of a receiver that takes alerts."""

    def tracking(self, uid: str, track: Track | None) -> "Memory":
        """With that rollout, or without it."""
        others = {key: each for key, each in self.tracks.items() if key != uid}
        return Memory(others if track is None else {**others, uid: track}, self.firing)


def hold_in(data: dict[str, Any], at: datetime, before: Hold | None) -> Hold | None:
    """An event of a rollout or a step tells its hold, if there is one."""
    if "hold" not in data:
        return None
    reason, message = str(data["hold"]), one_line(str(data.get("hold_message", "")))
    since = before.since if before and before.reason == reason else at
    return Hold(reason, message, str(data.get("hold_who", "")), since)
