"""Notifications: what is reported, to whom, in which form. The shell sends them."""

from ibgu.core.notify.alerts import REPEAT_AFTER, wanted
from ibgu.core.notify.fold import advance
from ibgu.core.notify.health_source import (
    HealthSource,
    InvalidSourceFile,
    parse_sources,
)
from ibgu.core.notify.receiver import Format, InvalidReceiverFile, Receiver, parse, url_problem
from ibgu.core.notify.request import NotificationRequest, request_of, request_of_alerts
from ibgu.core.notify.retry import DeliveryResponse, pause, redacted, retry_after
from ibgu.core.notify.rollout_event import READ, RolloutEvent
from ibgu.core.notify.sample import ALERT_LASTS, sample
from ibgu.core.notify.signing import InvalidSecret, headers, keys
from ibgu.core.notify.state import NotificationState
from ibgu.core.notify.timed import overdue

__all__ = [
    "ALERT_LASTS",
    "READ",
    "REPEAT_AFTER",
    "DeliveryResponse",
    "Format",
    "HealthSource",
    "InvalidReceiverFile",
    "InvalidSecret",
    "InvalidSourceFile",
    "NotificationRequest",
    "NotificationState",
    "Receiver",
    "RolloutEvent",
    "advance",
    "headers",
    "keys",
    "overdue",
    "parse",
    "parse_sources",
    "pause",
    "redacted",
    "request_of",
    "request_of_alerts",
    "retry_after",
    "sample",
    "url_problem",
    "wanted",
]
