"""Conditions that no event shows: a rollout that has stalled, and failures that are no longer
news."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.model.topics import Topic
from ibgu.core.notify import messages as words
from ibgu.core.notify.message import Message, message_id
from ibgu.core.notify.state import FAILURES_LAST, NotificationState, TrackedEvents

KEPT = timedelta(hours=24)
"""The patience with a step that policies keep: a window that opens every night is no stall, and an
approval that nobody gives is one."""


def overdue(
    memory: NotificationState, now: datetime, patience: timedelta
) -> tuple[NotificationState, tuple[Message, ...]]:
    """Returns the memory, and messages on rollouts that have stalled; call it after all events."""
    messages = []
    for uid, track in memory.tracks.items():
        if track.groups and not (track.running or _fresh(track, now)):
            track = replace(track, groups=())
            memory = memory.tracking(uid, None if track.over else track)
        if track.moved is not None and _stalls(track, track.moved, now, patience):
            messages.append(_stalled(uid, track, track.moved, now))
            memory = memory.tracking(uid, replace(track, stalled=now))
    return memory, tuple(messages)


def _fresh(track: TrackedEvents, now: datetime) -> bool:
    """Whether a failure of the rollout is still news."""
    return any(now - group.last < FAILURES_LAST for group in track.groups)


def _stalls(track: TrackedEvents, moved: datetime, now: datetime, patience: timedelta) -> bool:
    waits = track.hold is not None or track.step_hold is not None
    over = track.stalled is not None or track.deleted
    patience = max(patience, KEPT) if track.clock_stopped else patience
    return track.running and not (waits or over) and now - moved >= patience


def _stalled(uid: str, track: TrackedEvents, moved: datetime, now: datetime) -> Message:
    """Returns the message, numbered by the last event before the stall, so that it stays the same
    one."""
    return Message(
        id=message_id(track.moved_seq, Topic.ROLLOUT_STALLED, moved),
        seq=track.moved_seq,
        topic=Topic.ROLLOUT_STALLED,
        at=now,
        rollout=uid,
        text=words.stalled(track, moved, now),
        track=track,
    )
