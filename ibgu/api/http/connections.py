"""Limits connections to the API's server: how many there may be, and how long each request may
take.

uvicorn has a deadline for idle connections alone: a head or body that arrives byte by byte, and an
answer that is not read, would be kept for ever.
"""

import asyncio
import resource
import socket
import struct
from enum import StrEnum
from typing import Any

import h11
from msgspec import Struct
from uvicorn.protocols.http.h11_impl import H11Protocol

from ibgu import telemetry

RESERVED_FILES = 200
"""File descriptors that are reserved for journal, hub and files."""
TAKEN_BYTES = 32 * 1024
"""Bytes that a client must take within `Limits.take_seconds`, or else all that is queued."""
_NO_LINGER = struct.pack("ii", 1, 0)
ABORT = "abort"
"""Key in a request's state: a function that ends its connection at once, whatever is queued."""


class ConnectionWait(StrEnum):
    """ConnectionWait names what a connection waits for from its client, as metrics do."""

    FOR_HEAD = "slow-head"
    FOR_BODY = "slow-body"
    FOR_REST = "slow-rest"
    """The rest of a body whose request is answered already; it is discarded."""
    FOR_NEXT = "idle"
    FOR_TAKING = "slow-reader"
    """The client to read its answer: the kernel takes no more for it."""


class ServerLimits(Struct, frozen=True):
    connections: int = 1000
    """At a time."""
    head_seconds: float = 10.0
    """The time from the connection, or a request's first byte, to the end of its head."""
    body_seconds: float = 30.0
    rest_seconds: float = 2.0
    idle_seconds: int = 120
    """The time from an answer to the next request: longer than what a proxy in front keeps (Go's:
    90)."""
    take_seconds: float = 10.0
    """A client that takes less than TAKEN_BYTES in so long, and not all that is queued, is
    disconnected."""

    def seconds(self, waits: ConnectionWait) -> float:
        return {
            ConnectionWait.FOR_HEAD: self.head_seconds,
            ConnectionWait.FOR_BODY: self.body_seconds,
            ConnectionWait.FOR_REST: self.rest_seconds,
            ConnectionWait.FOR_NEXT: self.idle_seconds,
            ConnectionWait.FOR_TAKING: self.take_seconds,
        }[waits]


class ConnectionLimit:
    """ConnectionLimit holds the open connections of one server, at most as many as its limits and
    open files allow.

    Beyond that one that waits for its client is cut: of the address that has most of them, the one
    that has waited longest. So a health probe is answered, however many others only hold
    connections. A connection whose answer is in progress is never cut for another one.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self._most = min(limits.connections, _most_by_open_files())
        self._open: set[Connection] = set()
        self._waiting: dict[str, dict[Connection, None]] = {}
        """Connections that wait for their clients, by address, longest first."""

    def add(self, connection: "Connection") -> None:
        self._open.add(connection)
        telemetry.API_OPEN.labels("connections").inc()
        if len(self._open) > self._most:
            # Removed at once: the event loop reports its end only after others have been added.
            longest = self._longest_waiting() or connection
            self.remove(longest)
            longest.cut("connections")

    def remove(self, connection: "Connection") -> None:
        if connection in self._open:
            self._open.remove(connection)
            telemetry.API_OPEN.labels("connections").dec()
        self.set_waiting(connection, waiting=False)

    def set_waiting(self, connection: "Connection", *, waiting: bool) -> None:
        same = self._waiting.setdefault(connection.address, {})
        same.pop(connection, None)
        if waiting and connection in self._open:
            same[connection] = None
        if not same:
            del self._waiting[connection.address]

    def _longest_waiting(self) -> "Connection | None":
        if not self._waiting:
            return None
        most: dict[Connection, None] = max(self._waiting.values(), key=len)
        return next(iter(most))


def _most_by_open_files() -> float:
    """Returns how many connections the limit of open files allows."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else max(1, soft - RESERVED_FILES)


class Connection(H11Protocol):
    """Connection is uvicorn's, with a deadline for whatever it waits for."""

    transport: asyncio.Transport

    def __init__(self, limit: ConnectionLimit, **given: Any) -> None:
        super().__init__(**given)
        self._limit = limit
        self._waits: ConnectionWait | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._queued: int | None = None
        """Bytes queued for the client when the deadline began; None if there are none."""

    @property
    def address(self) -> str:
        """The client's address, without its port."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Every queued byte has a deadline: a closing connection waits until all are taken.
        transport.set_write_buffer_limits(high=0)
        self.app_state = {**self.app_state, ABORT: self._reset}
        self._limit.add(self)
        self._watch_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.remove(self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._queued = self.transport.get_write_buffer_size()
        self._watch_deadline()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._queued = None
        self._watch_deadline()

    def cut(self, why: str) -> None:
        telemetry.API_REFUSED.labels(why).inc()
        if self._queued is None:
            self.transport.abort()
        else:
            self._reset()

    def _reset(self) -> None:
        """Ends the connection at once: the kernel, too, drops what the client has not taken."""
        found = self.transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def _watch_deadline(self) -> None:
        """Starts a deadline if the connection waits for something new."""
        waits = self._waiting()
        if waits is self._waits:
            return
        self._begin(waits)

    def _begin(self, waits: ConnectionWait | None) -> None:
        self._waits = waits
        self._limit.set_waiting(self, waiting=waits is not None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if waits is not None:
            seconds = self._limit.limits.seconds(waits)
            self._deadline = self.loop.call_later(seconds, self._late, waits)

    def _waiting(self) -> ConnectionWait | None:
        """Returns what the connection waits for; None while it answers."""
        if self._queued is not None:
            return ConnectionWait.FOR_TAKING
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            return (
                ConnectionWait.FOR_REST if self.cycle.response_complete else ConnectionWait.FOR_BODY
            )
        if theirs is not h11.IDLE:
            return None
        begun = self.cycle is None or self.conn.trailing_data[0]
        return ConnectionWait.FOR_HEAD if begun else ConnectionWait.FOR_NEXT

    def _late(self, waits: ConnectionWait) -> None:
        if waits is ConnectionWait.FOR_NEXT:
            self.transport.close()
        elif waits is ConnectionWait.FOR_TAKING and self._has_taken():
            self._begin(waits)
        else:
            self.cut(waits)

    def _has_taken(self) -> bool:
        """Returns whether the client has taken enough to continue; updates what is queued."""
        before, self._queued = self._queued or 0, self.transport.get_write_buffer_size()
        return before - self._queued >= TAKEN_BYTES
