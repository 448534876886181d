"""The sentences of notifications."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.core.notify.fact import Fact
from ibgu.core.notify.memory import FailureGroup, Hold, Track
from ibgu.core.notify.topics import Topic

GROUPS = 20
"""The most groups of failures in one message."""


def sentence(topic: Topic, track: Track, fact: Fact) -> str:
    match topic:
        case Topic.ROLLOUT_HELD:
            return f"nothing new starts: {fact.why}"
        case Topic.ROLLOUT_RELEASED | Topic.STEP_RELEASED:
            return f"goes on: {fact.why}"
        case Topic.ROLLOUT_MOVING:
            return f"{_step(track)} moves again"
        case Topic.STEP_HELD:
            return f"nothing new starts in {_step(track)}: {fact.why}"
        case Topic.STEP_CIRCUIT_BREAKER:
            return f"the circuit breaker holds {_step(track)}: {fact.why}"
        case Topic.CLUSTERS_FAILED:
            return failed(track.groups[-1])
        case _:
            return fact.why


def failed(group: FailureGroup) -> str:
    said = f"step {group.step + 1}: {clusters(group.count)} failed in {group.action}"
    return f"{said} ({group.failure}): {group.words}" if group.words else f"{said}: {group.failure}"


def stalled(track: Track, moved: datetime, now: datetime) -> str:
    minutes = int((now - moved).total_seconds() // 60)
    done = sum(track.outcomes.values())
    return (
        f"{_step(track)} has not moved for {minutes} min: "
        f"{done} of {clusters(track.total)} finished; see `ibgu status`"
    )


def hold_of(topic: Topic, track: Track) -> Hold | None:
    if topic is Topic.ROLLOUT_HELD:
        return track.hold
    return track.step_hold if topic in (Topic.STEP_HELD, Topic.STEP_CIRCUIT_BREAKER) else None


def groups_of(topic: Topic, track: Track) -> tuple[FailureGroup, ...]:
    """Returns the failures that belong in the message, the largest group first."""
    match topic:
        case Topic.CLUSTERS_FAILED:
            return track.groups[-1:]
        case Topic.STEP_FINISHED:
            return _largest(group for group in track.groups if group.step == track.step)
        case Topic.ROLLOUT_COMPLETED:
            return _largest(track.groups)
        case _:
            return ()


def clusters(count: int) -> str:
    return f"{count} cluster" if count == 1 else f"{count} clusters"


def _largest(groups: Iterable[FailureGroup]) -> tuple[FailureGroup, ...]:
    return tuple(sorted(groups, key=lambda group: -group.count))[:GROUPS]


def _step(track: Track) -> str:
    number = 0 if track.step is None else track.step + 1
    actions = f" ({', '.join(track.actions)})" if track.actions else ""
    return f"step {number}{actions}"
