"""Finds, in the activity of a rollout, how long it or a step was held, and by what."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.client.responses import ActivityEntryResponse
from ibgu.core.model import Kind

_HELD = (Kind.ROLLOUT_HELD, Kind.STEP_HELD)
_RELEASED = (Kind.ROLLOUT_RELEASED, Kind.STEP_RELEASED, Kind.STEP_FINISHED)
_OVER = (Kind.ROLLOUT_COMPLETED, Kind.ROLLOUT_DELETED)


class RecordedHold(Struct, frozen=True):
    """RecordedHold is one span in which nothing new started in a rollout or in one of its steps."""

    step: int | None
    """None: in the rollout as a whole."""
    kind: str
    """The kind of its reason; the title of the entry, where the event names none."""
    message: str
    since: datetime
    until: datetime | None
    """None: it lasts."""
    ended_by: str = ""

    def lasted(self, now: datetime) -> timedelta:
        return (self.until or now) - self.since


def holds(activity: Iterable[ActivityEntryResponse]) -> list[RecordedHold]:
    """Returns the holds, oldest first; `activity` comes with the newest first."""
    return sorted(_pairs(activity), key=lambda hold: hold.since)


def _pairs(activity: Iterable[ActivityEntryResponse]) -> Iterator[RecordedHold]:
    since: dict[int | None, ActivityEntryResponse] = {}
    for entry in sorted(activity, key=lambda entry: entry.seq):
        ended = list(since) if entry.kind in _OVER else [entry.step]
        if entry.kind in (*_HELD, *_RELEASED, *_OVER):
            yield from (_hold(since.pop(step), entry) for step in ended if step in since)
        if entry.kind in _HELD:
            since[entry.step] = entry
    yield from (_hold(entry, None) for entry in since.values())


def _hold(began: ActivityEntryResponse, ended: ActivityEntryResponse | None) -> RecordedHold:
    return RecordedHold(
        began.step,
        began.hold or began.title,
        began.text,
        began.at,
        ended.at if ended else None,
        actor(ended) if ended else "",
    )


def actor(entry: ActivityEntryResponse) -> str:
    """Returns who asked for a change, as far as the hub tells; empty: ibgu itself."""
    if entry.who and entry.via:
        return f"{entry.who} ({entry.via})"
    return entry.who or entry.via or ""
