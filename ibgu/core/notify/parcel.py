"""A request to a receiver."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.notify import alerts
from ibgu.core.notify.cloudevents import CONTENT_TYPE, cloudevent
from ibgu.core.notify.memory import Alert
from ibgu.core.notify.message import Message
from ibgu.core.notify.receiver import Receiver


class Parcel(Struct, frozen=True):
    id: str
    """The same whenever the parcel is sent again."""
    content_type: str
    body: bytes
    at: datetime
    """When the reported event happened."""
    path: str = ""
    """A path below the receiver's address."""


def parcel(message: Message, receiver: Receiver, hub: str) -> Parcel:
    body = cloudevent(message, hub, receiver.link_to(message.track))
    return Parcel(message.id, CONTENT_TYPE, body, message.at)


def parcel_of_alerts(wanted: tuple[Alert, ...], before: tuple[Alert, ...], now: datetime) -> Parcel:
    content = alerts.body(wanted, before, now)
    name = f"alerts-{now.timestamp():.3f}"
    return Parcel(name, "application/json", content, now, alerts.PATH)
