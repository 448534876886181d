"""Reads one watch as a stream of typed events."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError

from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub.decode import (
    HasMetadata,
    ObjectIdentity,
    OnBad,
    bad_object,
    decode_one,
    decoder,
    malformed,
)
from ibgu.hub.errors import HubError, Status
from ibgu.hub.lenient import decode

T = TypeVar("T", bound=HasMetadata)
A = TypeVar("A")

UPSERTS = ("ADDED", "MODIFIED")
_VERSION = b'"resourceVersion":"'
INITIAL_END = "k8s.io/initial-events-end"


class Upsert(Struct, Generic[A], frozen=True, gc=False):
    """Upsert is an ADDED or MODIFIED event."""

    obj: A
    metadata: ObjectMeta


class Delete(Struct, frozen=True, gc=False):
    obj: HasMetadata
    metadata: ObjectMeta


class Bookmark(Struct, frozen=True, gc=False):
    metadata: ObjectMeta
    """Nothing but a resourceVersion and annotations."""
    initial_end: bool
    """The streaming list is complete with this bookmark."""


class UndecodedObject(Struct, frozen=True, gc=False):
    """UndecodedObject: an object exists in a version that does not decode; it was reported."""

    metadata: ObjectMeta


class Echo(Struct, frozen=True, gc=False):
    """Echo: an object exists in a version that the response to a write of ours has already
    brought."""

    metadata: ObjectMeta


Event = Upsert[Any] | Delete | Bookmark | UndecodedObject | Echo


class _Line(Struct, Generic[A], frozen=True, gc=False):
    type: str
    object: A


def read_event(path: str, line: bytes, type_: type[T], on_bad: OnBad) -> Event:
    """Reads an event. Raises HubError for an ERROR event (its code, e.g. 410) and for a line that
    is no event."""
    try:
        event = decode(decoder(_Line[type_]), line)  # type: ignore[valid-type]
    except ValidationError as error:
        return _read_slowly(path, line, type_, on_bad, error)
    except DecodeError as error:
        raise malformed(path, error) from error
    if event.type in UPSERTS:
        return Upsert(event.object, event.object.metadata)
    if event.type == "DELETED":
        return Delete(event.object, event.object.metadata)
    return _read_slowly(path, line, type_, on_bad, None)


def read_echo(line: bytes, answered: Callable[[str], tuple[str, str] | None]) -> Echo | None:
    """Returns the event if it tells nothing new: a quarter of all are about what we have written.

    `answered` returns whose (namespace, name) a resourceVersion is that a response has brought. The
    search looks only at the usual place, so that other events cost nothing more.
    """
    begin = line.find(_VERSION) + len(_VERSION)
    whose = answered(line[begin : line.find(b'"', begin)].decode(errors="replace"))
    if whose is None:
        return None
    with suppress(DecodeError):
        event = decode(decoder(_Line[ObjectIdentity]), line)
        metadata = event.object.metadata
        same = answered(metadata.resource_version) == whose == (metadata.namespace, metadata.name)
        if same and event.type in UPSERTS:
            return Echo(metadata)
    return None


def _read_slowly(
    path: str, line: bytes, type_: type[T], on_bad: OnBad, error: ValidationError | None
) -> Event:
    """Returns the event of a line that is neither a put nor a delete of a good object."""
    raw: _Line[Raw] = decode_one(path, line, _Line[Raw])
    if raw.type == "ERROR":
        raise decode_one(path, raw.object, Status).error(method="WATCH", path=path)
    if raw.type == "BOOKMARK":
        metadata = decode_one(path, raw.object, ObjectIdentity).metadata
        ends = metadata.annotations.get(INITIAL_END) == "true"
        return Bookmark(metadata, initial_end=ends)
    if error is None:
        raise HubError(200, "Malformed", f"unknown type of event {raw.type!r}", path=path)
    bad = bad_object(path, raw.object, error)
    on_bad(bad)
    if raw.type == "DELETED":
        return Delete(ObjectIdentity(bad.metadata), bad.metadata)
    return UndecodedObject(bad.metadata)
