"""Sends notifications by tasks and connections of its own: nothing waits for them."""

from ibgu.controller.notify.config import read_file, receivers_of, yaml_of
from ibgu.controller.notify.secrets import Secrets, SecretUnavailable, secrets_of
from ibgu.controller.notify.sending import Sender, http_session, sender
from ibgu.controller.notify.service import Notifier, notifying

__all__ = [
    "Notifier",
    "SecretUnavailable",
    "Secrets",
    "Sender",
    "http_session",
    "notifying",
    "read_file",
    "receivers_of",
    "secrets_of",
    "sender",
    "yaml_of",
]
