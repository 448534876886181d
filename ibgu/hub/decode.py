"""Decodes the API server's bytes into typed objects, so that one bad object costs only itself."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import DecodeError, Raw, Struct, ValidationError, field
from msgspec.json import Decoder

from ibgu.core.model.kinds import ObjectMeta, WireStruct
from ibgu.hub.errors import HubError
from ibgu.hub.lenient import decode


class HasMetadata(Protocol):
    @property
    def metadata(self) -> ObjectMeta: ...


class ObjectIdentity(WireStruct, frozen=True, gc=False, rename="camel"):
    """ObjectIdentity holds what can be read of an object that does not decode: its identity."""

    metadata: ObjectMeta = ObjectMeta()


class BadObject(Struct, frozen=True):
    """BadObject is an object that does not decode; `path` is the collection that it came from."""

    path: str
    metadata: ObjectMeta
    problem: str

    def __str__(self) -> str:
        name = "/".join(filter(None, (self.metadata.namespace, self.metadata.name))) or "unnamed"
        return (
            f"{self.path}: object {name} is malformed and was skipped ({self.problem}); "
            "correct it on the hub, then it is read again"
        )


OnBad = Callable[[BadObject], None]


def left_out(bad: BadObject) -> None:
    """Leaves out an object of a list, where a watch of the same kind reports it."""


A = TypeVar("A")
T = TypeVar("T", bound=HasMetadata)


class ListMeta(Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    next: str = field(default="", name="continue")


class ListPage(Struct, Generic[A]):
    """ListPage is one response to a LIST; Go sometimes writes an empty slice as null."""

    metadata: ListMeta = ListMeta()
    items: list[A] | None = None


_decoders: dict[Any, Decoder[Any]] = {}


def decoder(type_: Any) -> Decoder[Any]:
    """Returns the type's only decoder: building one costs as much as decoding hundreds of
    objects."""
    if type_ not in _decoders:
        _decoders[type_] = Decoder(type_)
    return _decoders[type_]


def decode_one(path: str, data: bytes | Raw, type_: type[A]) -> A:
    """Decodes one object. Raises HubError with reason Malformed, which is not transient."""
    try:
        decoded: A = decode(decoder(type_), data)
    except DecodeError as error:
        raise malformed(path, error) from error
    return decoded


def decode_answer(data: bytes | Raw, type_: type[A]) -> A | None:
    """Returns the object in the response to a write; None if it does not decode.

    It does not decode in the watch either then, and is reported there.
    """
    try:
        decoded: A = decode(decoder(type_), data)
    except DecodeError:
        return None
    return decoded


def decode_page(path: str, data: bytes, item: type[T], on_bad: OnBad | None) -> ListPage[T]:
    """Returns all items; with `on_bad`, only the good ones. Raises HubError, reason Malformed."""
    try:
        page: ListPage[T] = decode(decoder(ListPage[item]), data)  # type: ignore[valid-type]
    except ValidationError as error:
        if on_bad is None:
            raise malformed(path, error) from error
        return _good_items(path, data, item, on_bad)
    except DecodeError as error:
        raise malformed(path, error) from error
    return page


def _good_items(path: str, data: bytes, item: type[T], on_bad: OnBad) -> ListPage[T]:
    page: ListPage[Raw] = decode_one(path, data, ListPage[Raw])
    good: list[T] = []
    for raw in page.items or ():
        try:
            good.append(decode(decoder(item), raw))
        except ValidationError as error:
            on_bad(bad_object(path, raw, error))
    return ListPage(metadata=page.metadata, items=good)


class _Name(Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Named(Struct):
    metadata: _Name


def bad_object(path: str, raw: Raw | bytes, error: DecodeError) -> BadObject:
    try:
        named: _Name = decode(decoder(_Named), raw).metadata
    except DecodeError:
        named = _Name()
    metadata = ObjectMeta(**msgspec.structs.asdict(named))
    return BadObject(path=path, metadata=metadata, problem=str(error))


def malformed(path: str, error: DecodeError) -> HubError:
    return HubError(200, "Malformed", f"the answer can't be read: {error}", path=path)
