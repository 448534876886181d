"""Connections end, whatever bytes a stranger sends, and whether or not the answer is taken."""

import asyncio
import random
import socket
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
import uvloop

from ibgu.api.http.connections import ServerLimits
from tests.api.test_connections import is_open, serving, until

QUICK = ServerLimits(
    head_seconds=0.2, body_seconds=0.2, rest_seconds=0.2, idle_seconds=1, take_seconds=0.2
)
_HEAD = b" HTTP/1.1\r\nHost: ibgu\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
PARTS = {
    "request": b"GET /" + _HEAD + b"\r\n",
    "long answer": b"GET /some/60000" + _HEAD + b"\r\n",
    "longest answer": b"GET /big" + _HEAD + b"\r\n",
    "of HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "closing": b"GET /some/60000" + _HEAD + b"Connection: close\r\n\r\n",
    "HEAD": b"HEAD /big" + _HEAD + b"\r\n",
    "CONNECT": b"CONNECT ibgu:443" + _HEAD + b"\r\n",
    "upgrade to h2c": b"GET /" + _HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "upgrade to WebSocket": b"GET /" + _HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "body": b"POST /read" + _HEAD + b"Content-Length: 5\r\n\r\n12345",
    "half a body": b"POST /read" + _HEAD + b"Content-Length: 50\r\n\r\n12345",
    "half a body that nobody reads": b"POST /" + _HEAD + b"Content-Length: 50\r\n\r\n12345",
    "continue": b"POST /read" + _HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "continue that nobody reads": b"POST /"
    + _HEAD
    + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "chunks": b"POST /read" + _HEAD + _CHUNKED + b"\r\n5\r\n12345\r\n0\r\n\r\n",
    "chunks without an end": b"POST /read" + _HEAD + _CHUNKED + b"\r\n" + b"1\r\nx\r\n" * 99,
    "a chunk of nonsense": b"POST /read" + _HEAD + _CHUNKED + b"\r\nnonsense\r\n",
    "nonsense behind an answer": b"POST /big" + _HEAD + _CHUNKED + b"\r\nnonsense\r\n",
    "half a chunk": b"POST /" + _HEAD + _CHUNKED + b"\r\nffff\r\n12345",
    "trailers": b"POST /read" + _HEAD + _CHUNKED + b"\r\n0\r\n" + b"A: b\r\n" * 999,
    "both lengths": b"POST /read" + _HEAD + _CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /" + _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a length below zero": b"POST /" + _HEAD + b"Content-Length: -5\r\n\r\n",
    "headers without an end": b"GET /" + _HEAD + b"A: b\r\n" * 9999,
    "a header without an end": b"GET /" + _HEAD + b"A: " + b"b" * 99_999,
    "empty lines": b"\r\n" * 999,
    "nulls": b"\0" * 999,
    "half a head": b"GET / HTT",
    "nothing": b"",
}


def _client(url: str) -> socket.socket:
    """Takes next to nothing."""
    parts = urlsplit(url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.connect((parts.hostname, parts.port))
    return made


async def _sent(client: socket.socket, data: bytes) -> None:
    """Sends as much as the server takes."""
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    try:
        async with asyncio.timeout(5):
            await loop.sock_sendall(client, data)
    except (TimeoutError, ConnectionError):
        return


async def _all_end(sent: list[bytes], *, half_closed: bool) -> None:
    async with serving(QUICK) as (url, _):
        with ExitStack() as held:
            clients = [held.enter_context(closing(_client(url))) for _ in sent]
            await until(lambda: is_open() > 0)
            await asyncio.gather(*map(_sent, clients, sent))
            for client in clients:
                if half_closed:
                    try:
                        client.shutdown(socket.SHUT_WR)
                    except OSError:  # it has ended already
                        continue
            await until(lambda: is_open() == 0)


@pytest.mark.parametrize("half_closed", [False, True])
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_no_state_lasts(loop: object, half_closed: bool) -> None:
    """Each part alone, twice, and before and behind requests that are answered at length."""
    long = PARTS["long answer"] * 12
    sent = [data for part in PARTS.values() for data in (part, part * 2, long + part, part + long)]
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(_all_end(sent, half_closed=half_closed))


def test_no_sequence_of_them_lasts() -> None:
    """The seed is fixed: a sequence that once lasts does so again."""
    chosen = random.Random(53)
    names = list(PARTS)
    sent = [
        b"".join(PARTS[name] for name in chosen.choices(names, k=chosen.randint(2, 9)))
        for _ in range(300)
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_all_end(sent, half_closed=False))
