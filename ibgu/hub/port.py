"""Declares what every part of ibgu needs of a connection to a hub, real or simulated."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Protocol, TypeVar

from ibgu.hub.decode import HasMetadata, OnBad, decode_one, decode_page

NO_QUERY: Mapping[str, str] = MappingProxyType({})

A = TypeVar("A")
T = TypeVar("T", bound=HasMetadata)


class Hub(Protocol):
    """Hub is implemented by `client.HubClient` for an API server, and by `ibgu.sim.hub` in memory.

    `requests` counts what was sent, by Kubernetes verb and status class ("2xx", ..., "none" for no
    response), `sent` the bytes of the bodies that were sent, by verb and `paths.resource`.
    """

    requests: Counter[tuple[str, str]]
    sent: Counter[tuple[str, str]]

    @property
    def url(self) -> str: ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NO_QUERY,
        body: object | bytes | None = None,
        content_type: str = "application/json",
        timeout: float = 30.0,  # noqa: ASYNC109
        verb: str = "",
    ) -> bytes:
        """Sends a request and returns the body of the response.

        `timeout` in seconds bounds everything, the wait for a free connection included. Raises
        HubError for every status that is no success, and with status 0 if no response came: the
        request may or may not have taken effect then. `verb` only names it for `requests`.
        """
        ...

    def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        timeout: float,
        total: float | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Yields the complete lines of a watch; a line that the end of the stream cut off is
        dropped.

        `timeout`: seconds in which nothing at all arrives before the stream counts as dead;
        `total`: seconds for the whole stream. Both raise HubError with status 0.
        """
        ...

    async def get(self, path: str, type_: type[A], *, query: Mapping[str, str] = NO_QUERY) -> A:
        return decode_one(path, await self.request("GET", path, query=query), type_)

    async def list_pages(
        self,
        path: str,
        item: type[T],
        *,
        selector: str = "",
        fields: str = "",
        limit: int = 500,
        on_bad: OnBad | None = None,
    ) -> AsyncIterator[tuple[list[T], str]]:
        """Yields pages of one consistent read, each with the resourceVersion of the whole list.

        A 410 between two pages (`HubError.gone`) means: begin again. Without `on_bad` an item that
        does not decode raises HubError; with it, it is reported and left out.
        """
        query = {"limit": str(limit)}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        while True:
            data = await self.request("GET", path, query=query, verb="list")
            page = decode_page(path, data, item, on_bad)
            yield page.items or [], page.metadata.resource_version
            if not page.metadata.next:
                return
            query["continue"] = page.metadata.next
