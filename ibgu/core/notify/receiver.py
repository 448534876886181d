"""Reads the receivers from one YAML file; errors name the field."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from ibgu.core.model.topics import Topic
from ibgu.core.notify.message import Message
from ibgu.core.notify.state import TrackedEvents

_PATH = re.compile(r"^(.*) - at `\$\.?(.*)`$")
_LOCAL = ("127.0.0.1", "::1", "localhost")
Words = Annotated[str, Meta(min_length=1)]


class Format(StrEnum):
    CLOUDEVENTS = "cloudevents"
    ALERTMANAGER = "alertmanager"


class Receiver(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A receiver. The value of `…File` is in the file of that name."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    format: Format
    url: str = ""
    url_file: str = ""
    secret_file: str = ""
    """The key that signs requests."""
    token_file: str = ""
    """A token that is sent as `Authorization: Bearer`."""
    ca_file: str = ""
    namespaces: tuple[Words, ...] = ("*",)
    kinds: tuple[Topic, ...] = tuple(Topic)
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10
    stalled_minutes: Annotated[int, Meta(ge=5, le=100_000)] = 90
    link: str = ""
    """The address of a page about a rollout, with {namespace} and {name}."""

    @property
    def patience(self) -> timedelta:
        return timedelta(minutes=self.stalled_minutes)

    def wants(self, message: Message) -> bool:
        return message.topic in self.kinds and self.covers(message.track.namespace)

    def link_to(self, track: TrackedEvents) -> str:
        return self.link.replace("{namespace}", track.namespace).replace("{name}", track.name)

    def covers(self, namespace: str) -> bool:
        return any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)


class ReceiverFile(Struct, frozen=True, forbid_unknown_fields=True):
    receivers: tuple[Receiver, ...]


class InvalidReceiverFile(ValueError):
    """An error that names the field and what is wrong with it."""


def parse(document: Any) -> tuple[Receiver, ...]:
    """Returns the receivers from the YAML file's content. Raises InvalidReceiverFile."""
    try:
        receivers = msgspec.convert(document, ReceiverFile).receivers
    except msgspec.ValidationError as error:
        enums = {"format": Format, "kinds": Topic}
        raise InvalidReceiverFile(with_field(str(error), enums)) from error
    for index, receiver in enumerate(receivers):
        if receiver.name in [other.name for other in receivers[:index]]:
            raise InvalidReceiverFile(f"receivers[{index}].name: {receiver.name!r} is there twice")
        if wrong := _problem(receiver):
            raise InvalidReceiverFile(f"receivers[{index}].{wrong}")
    return receivers


def url_problem(url: str, *, token: bool) -> str | None:
    """Returns what is wrong with an address, without quoting it: it may be a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "can't be read as an address"
    if parts.scheme not in ("http", "https") or not host:
        return "is no address that begins with https:// or http://"
    if parts.username or parts.password:
        return "must not contain a user or a password: use tokenFile"
    if token and parts.scheme == "http" and host not in _LOCAL:
        return "begins with http://: a token is sent over https:// only"
    return None


def with_field(error: str, enums: Mapping[str, type[StrEnum]]) -> str:
    """Returns msgspec's message with the field in front, and what there is of these fields."""
    found = _PATH.match(error)
    words, field = (found[1], found[2]) if found else (error, "")
    for name, values in enums.items():
        if "enum" in words and name in field:
            words += f"; there are {', '.join(values)}"
    return f"{field or 'the file'}: {words}"


def _problem(receiver: Receiver) -> str | None:
    if bool(receiver.url) == bool(receiver.url_file):
        return "url: either url or urlFile is needed"
    if receiver.url and (wrong := url_problem(receiver.url, token=bool(receiver.token_file))):
        return f"url: {wrong}"
    return None
