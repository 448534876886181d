"""A process that follows: `python -m tests.benchmarks.api.listener` reads a Watch.

It prints a line once all clients hear, and Heard once all of them have heard the last event, or
have waited too long.
"""

import asyncio
import re
import socket
import sys
from datetime import UTC, datetime
from functools import partial

import msgspec
from msgspec import Struct

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_AT = re.compile(rb'"at":"([^"]+)"')
_SMALLEST = 4096
READY = b"ready\n"


class Watch(Struct, frozen=True):
    host: str
    port: int
    path: str
    token: str
    clients: int
    slow: int
    """Clients beside those, that take nothing."""
    first: int
    """Number of the first event that each of them is to hear."""
    last: int
    every: int
    """One of so many clients measures."""
    patience: float
    """Seconds."""


class ReceivedEvents(Struct):
    milliseconds: list[float]
    """The time from the commit to a client that measures."""
    behind: int
    """Clients that have not heard the last event."""
    wrong: int
    """Clients that have heard an event twice, or one before its turn: a gap."""
    bytes: int


class Client(asyncio.Protocol):
    def __init__(self, watch: Watch, heard: ReceivedEvents, measures: bool) -> None:
        self._watch = watch
        self._heard = heard
        self._measures = measures
        self._tail = b""
        """The line that has come in part."""
        self._next = watch.first
        self.wrong = False
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(_request(self._watch))

    def data_received(self, data: bytes) -> None:
        now = datetime.now(UTC)
        self._heard.bytes += len(data)
        if not self.begun.done() and (b"\n\n" in data or b"still here" in data):
            self.begun.set_result(None)
        if self._measures:
            for told in _AT.findall(data):
                at = datetime.fromisoformat(told.decode())
                self._heard.milliseconds.append((now - at).total_seconds() * 1000)
        lines, newline, self._tail = (self._tail + data).rpartition(b"\n")
        self._hear([int(found) for found in _ID.findall(lines + newline)])

    def _hear(self, ids: list[int]) -> None:
        """Each follows the one before: all have been heard, once, when the last one has."""
        expected = range(self._next, self._next + len(ids))
        self.wrong |= ids != list(expected)
        self._next = expected.stop
        if ids and ids[-1] >= self._watch.last and not self.done.done():
            self.done.set_result(None)


def _same(client: Client) -> Client:
    return client


def _request(watch: Watch) -> bytes:
    head = f"GET {watch.path} HTTP/1.1\r\nHost: {watch.host}\r\n"
    return f"{head}Authorization: Bearer {watch.token}\r\n\r\n".encode()


async def follow(watch: Watch) -> ReceivedEvents:
    heard = ReceivedEvents([], 0, 0, 0)
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(watch.clients):
        client = Client(watch, heard, number % watch.every == 0)
        await loop.create_connection(partial(_same, client), watch.host, watch.port)
        clients.append(client)
        # A user may not ask more often than so many times a second.
        await asyncio.sleep(0.011)
    slow = [await _slow(watch) for _ in range(watch.slow)]
    await asyncio.gather(*(client.begun for client in clients))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    await asyncio.wait([client.done for client in clients], timeout=watch.patience)
    heard.behind = sum(not client.done.done() for client in clients)
    heard.wrong = sum(client.wrong for client in clients)
    for each in slow:
        each.close()
    return heard


async def _slow(watch: Watch) -> socket.socket:
    """Returns a connection that asks, and then takes nothing."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST)
    one.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(one, (watch.host, watch.port))
    await loop.sock_sendall(one, _request(watch))
    return one


def main() -> None:
    watch = msgspec.json.decode(sys.stdin.buffer.readline(), type=Watch)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(follow(watch))))


if __name__ == "__main__":
    main()
