"""Alerts for Alertmanager's API v2: repeated while they fire, and once more when they are over."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model.topics import Topic
from ibgu.core.notify import messages as words
from ibgu.core.notify.failures import most_serious
from ibgu.core.notify.mentions import unmentioned
from ibgu.core.notify.receiver import Receiver
from ibgu.core.notify.state import (
    FAILURES_LAST,
    Alert,
    FailureGroup,
    Hold,
    NeededApproval,
    NotificationState,
    TrackedEvents,
)
from ibgu.core.text.counted import counted

PATH = "/api/v2/alerts"
REPEAT_AFTER = timedelta(minutes=1)
"""The time between repeats: a restarted Alertmanager has forgotten its alerts."""
LASTS = timedelta(minutes=15)
"""The time after which an alert resolves itself if ibgu is gone."""


DESCRIBED = 3
"""The most groups of failures that an alert describes."""


def wanted(
    memory: NotificationState, receiver: Receiver, hub: str, now: datetime
) -> tuple[Alert, ...]:
    """Returns the alerts that fire now, as far as the receiver wants them."""
    return tuple(
        alert
        for track in memory.tracks.values()
        if receiver.covers(track.namespace)
        for topic, alert in _alerts(track, _subject(track, receiver, hub), now)
        if topic in receiver.kinds
    )


def body(
    wanted: Sequence[Alert],
    before: Sequence[Alert],
    now: datetime,
    lasts: timedelta = LASTS,
) -> bytes:
    """Returns the body with everything that fires, and with what fired `before` and no longer
    does."""
    keys = {alert.key for alert in wanted}
    over = [alert for alert in before if alert.key not in keys]
    posted = [_posted(alert, now + lasts) for alert in wanted]
    posted += [_posted(alert, max(now, alert.since)) for alert in over]
    return msgspec.json.encode(posted)


class _Subject(Struct, frozen=True):
    hub: str
    namespace: str
    name: str
    link: str


def _subject(track: TrackedEvents, receiver: Receiver, hub: str) -> _Subject:
    return _Subject(hub, track.namespace, track.name, receiver.link_to(track))


def _posted(alert: Alert, ends: datetime) -> dict[str, object]:
    posted: dict[str, object] = {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": alert.since,
        "endsAt": ends,
    }
    return {**posted, "generatorURL": alert.link} if alert.link else posted


def _alerts(
    track: TrackedEvents, subject: _Subject, now: datetime
) -> Iterator[tuple[Topic, Alert]]:
    if track.hold:
        yield Topic.ROLLOUT_HELD, _held(track.hold, subject, "nothing new starts")
    if track.step_hold:
        topic = words.step_topic(track.step_hold)
        yield topic, _held(track.step_hold, subject, words.step_held(topic, "a step"))
    for approval in track.approvals:
        yield Topic.STEP_APPROVAL_NEEDED, _approval(approval, subject)
    if track.stalled and track.moved:
        text = words.stalled(track, track.moved, track.stalled)
        yield (
            Topic.ROLLOUT_STALLED,
            _alert("IbguRolloutStandsStill", subject, text, "", track.stalled),
        )
    recent = [group for group in track.groups if now - group.last < FAILURES_LAST]
    if recent:
        yield Topic.CLUSTERS_FAILED, _failed(most_serious(recent), subject)


def _held(hold: Hold, subject: _Subject, what: str) -> Alert:
    by_person = "warning" if hold.who == "person" else "info"
    severity = "critical" if words.alarm_of(hold) is not None else by_person
    alert = _alert("IbguRolloutHeld", subject, what, hold.message, hold.since, severity)
    return replace(alert, labels={**alert.labels, "reason": hold.reason})


def _approval(needed: NeededApproval, subject: _Subject) -> Alert:
    text = f"clusters of step {needed.step + 1} wait for approval by {needed.gate}"
    alert = _alert("IbguApprovalNeeded", subject, text, needed.message, needed.since)
    of_its_own = {"gate": needed.gate, "before": needed.before, "step": str(needed.step + 1)}
    return replace(alert, labels=alert.labels | of_its_own)


def _failed(groups: Sequence[FailureGroup], subject: _Subject) -> Alert:
    """Returns one alert for the rollout: its labels must not change while the numbers do."""
    count = sum(group.count for group in groups)
    more = "; ".join(map(_failure, groups[:DESCRIBED]))
    if len(groups) > DESCRIBED:
        more += f"; and {counted(len(groups) - DESCRIBED, 'other failure')}, see `ibgu status`"
    since = min(group.first for group in groups)
    return _alert("IbguClustersFailed", subject, f"{counted(count, 'cluster')} failed", more, since)


def _failure(group: FailureGroup) -> str:
    said = words.failed(group)
    return f"{said} → {group.remedy}" if group.remedy else said


def _alert(
    name: str, subject: _Subject, text: str, more: str, since: datetime, severity: str = "warning"
) -> Alert:
    labels = {
        "alertname": name,
        "severity": severity,
        "hub": subject.hub,
        "namespace": subject.namespace,
        "rollout": subject.name,
    }
    summary = f"{subject.namespace}/{subject.name}: {text}"
    annotations = {"summary": unmentioned(summary), "description": unmentioned(more or text)}
    return Alert(labels, annotations, since, subject.link)
