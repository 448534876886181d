"""The sentences of notifications."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.core.engine.gates import GATE_REASONS, Alarm
from ibgu.core.model.topics import Topic
from ibgu.core.notify.rollout_event import RolloutEvent
from ibgu.core.notify.state import FailureGroup, Hold, TrackedEvents
from ibgu.core.text.counted import counted

GROUPS = 20
"""The most groups of failures in one message."""
_ALARMS = {str(kind): each.alarm for kind, each in GATE_REASONS.items() if each.alarm is not None}
_STEP_HELD = {
    Topic.STEP_HELD: "nothing new starts in",
    **{alarm.topic: alarm.words for alarm in _ALARMS.values()},
}
"""The topics of a step's holds, with what is said before the step."""


def alarm_of(hold: Hold | None) -> Alarm | None:
    """Returns what the hold's gate declares, if the hold is more serious than others."""
    return _ALARMS.get(hold.reason) if hold is not None else None


def step_topic(hold: Hold | None) -> Topic:
    alarm = alarm_of(hold)
    return alarm.topic if alarm is not None else Topic.STEP_HELD


def step_held(topic: Topic, step: str) -> str:
    return f"{_STEP_HELD[topic]} {step}"


def sentence(topic: Topic, track: TrackedEvents, fact: RolloutEvent) -> str:
    match topic:
        case Topic.ROLLOUT_HELD:
            return f"nothing new starts: {fact.why}"
        case Topic.ROLLOUT_RELEASED | Topic.STEP_RELEASED:
            return f"goes on: {fact.why}"
        case Topic.ROLLOUT_MOVING:
            return f"{_step(track)} moves again"
        case Topic.CLUSTERS_FAILED:
            return failed(track.groups[-1])
        case _ if topic in _STEP_HELD:
            return f"{step_held(topic, _step(track))}: {fact.why}"
        case _:
            return fact.why


def failed(group: FailureGroup) -> str:
    said = f"step {group.step + 1}: {counted(group.count, 'cluster')} failed in {group.action}"
    if not group.words:
        return f"{said}: {group.failure}"
    of = f"for example {group.words_of}: " if group.differ and group.words_of else ""
    return f"{said} ({group.failure}): {of}{group.words}"


def stalled(track: TrackedEvents, moved: datetime, now: datetime) -> str:
    minutes = int((now - moved).total_seconds() // 60)
    done = sum(track.outcomes.values())
    return (
        f"{_step(track)} has not moved for {minutes} min: "
        f"{done} of {counted(track.total, 'cluster')} finished; see `ibgu status`"
    )


def hold_of(topic: Topic, track: TrackedEvents) -> Hold | None:
    if topic is Topic.ROLLOUT_HELD:
        return track.hold
    return track.step_hold if topic in _STEP_HELD else None


def groups_of(topic: Topic, track: TrackedEvents) -> tuple[FailureGroup, ...]:
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


def _largest(groups: Iterable[FailureGroup]) -> tuple[FailureGroup, ...]:
    return tuple(sorted(groups, key=lambda group: -group.count))[:GROUPS]


def _step(track: TrackedEvents) -> str:
    number = 0 if track.step is None else track.step + 1
    actions = f" ({', '.join(track.actions)})" if track.actions else ""
    return f"step {number}{actions}"
