"""The message of `ibgu notify test`: a failure that says it is a test."""

from datetime import datetime, timedelta

from ibgu.core.model.topics import Topic
from ibgu.core.notify.alerts import wanted
from ibgu.core.notify.message import Message, message_id
from ibgu.core.notify.messages import failed
from ibgu.core.notify.receiver import Format, Receiver
from ibgu.core.notify.request import NotificationRequest, request_of, request_of_alerts
from ibgu.core.notify.state import FailureGroup, NotificationState, TrackedEvents

ALERT_LASTS = timedelta(minutes=5)
"""The time after which the sample's alert resolves itself: long enough to be grouped and sent."""


def sample(receiver: Receiver, hub: str, now: datetime) -> NotificationRequest:
    """Returns the sample in the receiver's format."""
    group = FailureGroup(
        step=0,
        action="Prep",
        failure="Test",
        words="this is a test of ibgu's notifications",
        remedy="nothing is to be done",
        count=1,
        clusters=("test-cluster",),
        first=now,
        last=now,
    )
    track = TrackedEvents(
        namespace="ibgu-test", name="test", step=0, actions=("Prep",), total=1, groups=(group,)
    )
    if receiver.format is Format.ALERTMANAGER:
        open_to_all = Receiver(name=receiver.name, format=receiver.format, link=receiver.link)
        alerts = wanted(NotificationState({"test": track}), open_to_all, hub, now)
        return request_of_alerts(alerts, (), now, ALERT_LASTS)
    message = Message(
        id=f"test-{message_id(0, Topic.CLUSTERS_FAILED, now)}",
        seq=0,
        topic=Topic.CLUSTERS_FAILED,
        at=now,
        rollout="test",
        text=failed(group),
        groups=(group,),
        track=track,
    )
    return request_of(message, receiver, hub)
