"""The request that carries a message to a receiver."""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.notify import alerts
from ibgu.core.notify.cloudevents import CONTENT_TYPE, cloudevent
from ibgu.core.notify.message import Message
from ibgu.core.notify.receiver import Receiver
from ibgu.core.notify.state import Alert


class NotificationRequest(Struct, frozen=True):
    id: str
    """The same whenever the request is sent again."""
    content_type: str
    body: bytes
    at: datetime
    """When the reported event happened."""
    path: str = ""
    """A path below the receiver's address."""


def request_of(message: Message, receiver: Receiver, hub: str) -> NotificationRequest:
    body = cloudevent(message, hub, receiver.link_to(message.track))
    return NotificationRequest(message.id, CONTENT_TYPE, body, message.at)


def request_of_alerts(
    wanted: tuple[Alert, ...],
    before: tuple[Alert, ...],
    now: datetime,
    lasts: timedelta = alerts.LASTS,
) -> NotificationRequest:
    content = alerts.body(wanted, before, now, lasts)
    name = f"alerts-{now.timestamp():.3f}"
    return NotificationRequest(name, "application/json", content, now, alerts.PATH)
