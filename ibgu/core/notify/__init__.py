"""Notifications: what is reported, to whom, in which form. The shell sends them."""

from ibgu.core.notify.alerts import REPEAT_AFTER, wanted
from ibgu.core.notify.fact import READ, Fact
from ibgu.core.notify.fold import advance
from ibgu.core.notify.memory import Memory
from ibgu.core.notify.receiver import BadFile, Format, Receiver, parse, url_problem
from ibgu.core.notify.request import NotificationRequest, request_of, request_of_alerts
from ibgu.core.notify.retry import Answer, pause, redacted, retry_after
from ibgu.core.notify.sample import sample
from ibgu.core.notify.signing import BadSecret, headers, keys
from ibgu.core.notify.timed import overdue

__all__ = [
    "READ",
    "REPEAT_AFTER",
    "Answer",
    "BadFile",
    "BadSecret",
    "Fact",
    "Format",
    "Memory",
    "NotificationRequest",
    "Receiver",
    "advance",
    "headers",
    "keys",
    "overdue",
    "parse",
    "pause",
    "redacted",
    "request_of",
    "request_of_alerts",
    "retry_after",
    "sample",
    "url_problem",
    "wanted",
]
