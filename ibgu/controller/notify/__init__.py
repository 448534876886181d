"""Sends notifications by tasks and connections of its own: nothing waits for them."""

from ibgu.controller.notify.config import read_file, receivers_of
from ibgu.controller.notify.secrets import SecretUnavailable
from ibgu.controller.notify.sending import Sender, sender
from ibgu.controller.notify.service import Notifier, notifying

__all__ = [
    "Notifier",
    "SecretUnavailable",
    "Sender",
    "notifying",
    "read_file",
    "receivers_of",
    "sender",
]
