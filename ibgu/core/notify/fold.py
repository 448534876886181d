"""Folds events into messages: the same ones whenever the same events are read again."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.drivers import declared, traits
from ibgu.core.engine.driver import FailureTexts
from ibgu.core.model import Kind, Outcome, StepState
from ibgu.core.model.members import completed_late
from ibgu.core.model.topics import Topic
from ibgu.core.notify import messages as words
from ibgu.core.notify.failures import counted, milestone, without
from ibgu.core.notify.mentions import unmentioned
from ibgu.core.notify.message import Message, message_id
from ibgu.core.notify.rollout_event import (
    MEMBER_KINDS,
    PROGRESS_KINDS,
    READ,
    ROLLOUT_KINDS,
    STEP_KINDS,
    RolloutEvent,
)
from ibgu.core.notify.state import NotificationState, TrackedEvents, approvals_in, hold_in
from ibgu.core.text.harmless import one_line

_OF_ROLLOUT = {
    Kind.ROLLOUT_STARTED: Topic.ROLLOUT_STARTED,
    Kind.ROLLOUT_HELD: Topic.ROLLOUT_HELD,
    Kind.ROLLOUT_COMPLETED: Topic.ROLLOUT_COMPLETED,
    Kind.ROLLOUT_DELETED: Topic.ROLLOUT_DELETED,
    Kind.BREAK_GLASS: Topic.ROLLOUT_BREAK_GLASS,
}
_OF_STEP = {
    Kind.STEP_STARTED: Topic.STEP_STARTED,
    Kind.STEP_FINISHED: Topic.STEP_FINISHED,
    Kind.FOLLOW_UP: Topic.STEP_FOLLOW_UP,
}

_CLOCK_GOES = frozenset({Kind.CLOCK_STARTED, Kind.STEP_STARTED, Kind.STEP_FINISHED})

FoldResult = tuple[TrackedEvents, Topic | None]


def advance(
    texts: FailureTexts, memory: NotificationState, fact: RolloutEvent
) -> tuple[NotificationState, tuple[Message, ...]]:
    """Returns the memory after the event, and the messages that it causes, in order."""
    if fact.kind not in READ:
        return memory, ()
    kind = Kind(fact.kind)
    before = known = memory.tracks.get(fact.rollout)
    if before is None:
        if fact.cluster is not None or kind is Kind.STEP_FINISHED:
            return memory, ()  # a late event of a rollout that is over
        before = TrackedEvents(namespace=fact.namespace, name=fact.name)
    after, topic = _fold(texts, before, fact, kind)
    messages = []
    if after.stalled is not None and _moves(before, after, kind):
        messages.append(_message(Topic.ROLLOUT_MOVING, before, fact))
        after = replace(after, stalled=None)
    if _moves(before, after, kind):
        moved = max(_moves_until(fact), after.moved or fact.at)
        after = replace(after, moved=moved, moved_seq=fact.seq)
    if topic is not None:
        messages.append(_message(topic, after, fact))
    # A further rollout may be made long after the end of this one.
    over = after.over or (known is None and kind is Kind.FOLLOW_UP)
    return memory.tracking(fact.rollout, None if over else after), tuple(messages)


def _fold(texts: FailureTexts, track: TrackedEvents, fact: RolloutEvent, kind: Kind) -> FoldResult:
    if fact.cluster is not None:
        return _member(texts, track, fact, kind) if kind in MEMBER_KINDS else (track, None)
    if fact.step is not None:
        return _step(track, fact, kind) if kind in STEP_KINDS else (track, None)
    return _rollout(track, fact, kind) if kind in ROLLOUT_KINDS else (track, None)


def _moves(before: TrackedEvents, after: TrackedEvents, kind: Kind) -> bool:
    """Whether the event shows progress. A held rollout does not stall: the time counts from its
    release."""
    held = before.hold or before.step_hold
    return kind in PROGRESS_KINDS or (held is not None and not (after.hold or after.step_hold))


def _moves_until(fact: RolloutEvent) -> datetime:
    """Returns until when the rollout has not stalled: a cluster that soaks shows nothing new before
    its time is over."""
    until = fact.data.get("until")
    return max(fact.at, datetime.fromisoformat(until)) if isinstance(until, str) else fact.at


def _rollout(track: TrackedEvents, fact: RolloutEvent, kind: Kind) -> FoldResult:
    hold = hold_in(fact.data, fact.at, track.hold)
    topic = _OF_ROLLOUT.get(kind)
    if topic is None and track.hold is not None and hold is None:
        topic = Topic.ROLLOUT_RELEASED
    state = str(fact.data.get("state", track.state))
    after = replace(track, hold=hold, state=state)
    if kind is Kind.APPROVAL_ASKED:
        after = replace(after, approvals=approvals_in(fact.data, fact.at, track.approvals))
        topic = _of_approvals(track, after) or topic
    return replace(after, groups=(), approvals=()) if after.deleted else after, topic


def _of_approvals(before: TrackedEvents, after: TrackedEvents) -> Topic | None:
    """Returns the topic of an event about approvals; None: only who has approved has changed."""
    known, needed = ({each.key for each in track.approvals} for track in (before, after))
    if needed - known:
        return Topic.STEP_APPROVAL_NEEDED
    return Topic.STEP_APPROVAL_SETTLED if known - needed else None


def _step(track: TrackedEvents, fact: RolloutEvent, kind: Kind) -> FoldResult:
    topic = _OF_STEP.get(kind)
    if kind is Kind.FOLLOW_UP:
        # It may be about an older step.
        return track, topic
    hold = hold_in(fact.data, fact.at, track.step_hold)
    if kind is Kind.STEP_HELD:
        topic = words.step_topic(hold)
    elif topic is None and track.step_hold is not None and hold is None:
        topic = Topic.STEP_RELEASED
    actions = tuple(fact.data.get("actions", ()))
    cleans_up = kind is Kind.STEP_STARTED and any(map(_leads_back, actions[:1]))
    after = replace(
        track,
        step=fact.step,
        running=fact.data.get("state") == StepState.RUNNING,
        actions=actions,
        total=fact.data.get("total", 0),
        outcomes=track.outcomes if fact.step == track.step else {},
        groups=() if cleans_up else track.groups,
        step_hold=hold,
        clock_stopped=kind is Kind.CLOCK_STOPPED
        or (track.clock_stopped and kind not in _CLOCK_GOES),
    )
    return after, topic


def _leads_back(action: str) -> bool:
    """Whether a person cleans up the failures before with a step that begins so."""
    return declared(action) and traits(action).leads_back


def _member(
    texts: FailureTexts, track: TrackedEvents, fact: RolloutEvent, kind: Kind
) -> FoldResult:
    outcome = fact.data.get("outcome")
    if kind is Kind.COMPLETED_LATE:
        return _completed_late(track, fact), None
    if outcome is None or fact.step != track.step:
        return track, None
    outcomes = {**track.outcomes, outcome: track.outcomes.get(outcome, 0) + 1}
    track = replace(track, outcomes=outcomes)
    if outcome != Outcome.FAILED:
        return track, None
    groups = counted(texts, track.groups, fact)
    notified = kind is Kind.FINISHED and milestone(groups[-1].count)
    return replace(track, groups=groups), Topic.CLUSTERS_FAILED if notified else None


def _completed_late(track: TrackedEvents, fact: RolloutEvent) -> TrackedEvents:
    """Returns the rollout with a success instead of the failure, unless the member stays failed."""
    if not completed_late(fact.data.get("outcome"), fact.data.get("late", "")):
        return track
    outcomes = track.outcomes
    if fact.step == track.step and outcomes.get(Outcome.FAILED, 0):
        succeeded = outcomes.get(Outcome.SUCCEEDED, 0) + 1
        failed = outcomes[Outcome.FAILED] - 1
        outcomes = {**outcomes, Outcome.SUCCEEDED: succeeded, Outcome.FAILED: failed}
        outcomes = {outcome: number for outcome, number in outcomes.items() if number}
    return replace(track, outcomes=outcomes, groups=without(track.groups, fact))


def _message(topic: Topic, track: TrackedEvents, fact: RolloutEvent) -> Message:
    return Message(
        id=message_id(fact.seq, topic, fact.at),
        seq=fact.seq,
        topic=topic,
        at=fact.at,
        rollout=fact.rollout,
        text=unmentioned(one_line(words.sentence(topic, track, fact))),
        actor=one_line(fact.actor),
        hold=words.hold_of(topic, track),
        groups=words.groups_of(topic, track),
        track=track,
    )
