"""A wire that notes what the client asks for, and answers nothing."""

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from ibgu.client import Client
from ibgu.client.wire import Wire


class Asked(Exception):
    """Ends a call once it is known what it asks for."""


class Request(NamedTuple):
    method: str
    path: str
    answer: Any
    """The struct: of the whole answer, of a page's items, or of a message of a stream."""
    query: frozenset[str]


class Recording(Wire):
    def __init__(self) -> None:
        super().__init__("http://127.0.0.1", "token")
        self.request: Request | None = None

    def get(self, answer: Any, *path: str, **query: object) -> NoReturn:
        self._note("GET", path, answer, query)

    def post(self, answer: Any, *path: str, body: object = None, **query: object) -> NoReturn:
        self._note("POST", path, answer, query)

    def pages(self, item: Any, *path: str, **query: object) -> Iterator[Any]:
        self._note("GET", path, item, query)

    def lines(self, *path: str, **query: object) -> Iterator[str]:
        self._note("GET", path, None, query)

    def _note(self, method: str, path: tuple[str, ...], answer: Any, query: Any) -> NoReturn:
        self.request = Request(method, "/".join(("/api/v1", *path)), answer, frozenset(query))
        raise Asked


def requests() -> Iterator[Request]:
    """One a method of the client, whose parameters are given as "{name}"."""
    client, wire = Client("http://127.0.0.1", "token"), Recording()
    client._wire = wire
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_"):
            wire.request = None
            yield _requested(name, method, client, wire)


def _requested(name: str, method: Any, client: Client, wire: Recording) -> Request:
    given = {
        each.name: f"{{{each.name}}}"
        for each in inspect.signature(method).parameters.values()
        if each.name != "self" and each.default is inspect.Parameter.empty
    }
    try:
        for _ in getattr(client, name)(**given):
            break
    except Asked:
        pass
    assert wire.request is not None, f"Client.{name} asks for nothing"
    return wire.request
