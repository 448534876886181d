"""Connections: who asks has some seconds for it, who only holds one keeps nobody out."""

import asyncio
import resource
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from ibgu.api.http.connections import ABORT, RESERVED_FILES, ConnectionLimit, ServerLimits
from ibgu.api.http.server import SOCKET_BYTES, bind, serve

HEAD = b"POST /big HTTP/1.1\r\nHost: ibgu\r\n"
LONG = 8 * 2**20
Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/big` answers at length, `/some/N` with N bytes, `/never` not at all. `/read` reads its body
    first, `/abort` cuts itself off."""
    request = Request(scope, receive, send)
    if scope["path"] == "/never":
        while (await receive())["type"] != "http.disconnect":
            pass
    if scope["path"] == "/abort":
        scope["state"][ABORT]()
    if scope["path"] == "/read":
        await request.body()
    words = "x" * LONG if scope["path"] == "/big" else "ok"
    if scope["path"].startswith("/some/"):
        words = "x" * int(scope["path"].removeprefix("/some/"))
    await PlainTextResponse(words)(scope, receive, send)


@asynccontextmanager
async def serving(limits: ServerLimits) -> AsyncIterator[tuple[str, Open]]:
    listener = bind("127.0.0.1:0")
    host, port = listener.getsockname()[:2]
    task = asyncio.create_task(serve(_app, listener, limits=limits))

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(host, port)

    try:
        yield f"http://{host}:{port}", connect
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cut(why: str) -> float:
    return REGISTRY.get_sample_value("ibgu_api_refused_total", {"why": why}) or 0.0


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - nobody tells a test of a counter
        await asyncio.sleep(0.02)


async def _ended(reader: asyncio.StreamReader) -> bytes:
    """Returns what came until the server ended the connection."""
    taken = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(2**16):
            taken += chunk
    return taken


@pytest.mark.parametrize("begun", [b"", b"GET / HTT", HEAD])
async def test_a_head_has_a_deadline(begun: bytes) -> None:
    before = cut("slow-head")
    async with serving(ServerLimits(head_seconds=0.2)) as (_, connect):
        reader, writer = await connect()
        writer.write(begun)
        assert await _ended(reader) == b""
        writer.close()
    assert cut("slow-head") == before + 1


async def test_the_head_of_a_later_request_has_a_deadline_too() -> None:
    async with serving(ServerLimits(head_seconds=0.2)) as (_, connect):
        reader, writer = await connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: ibgu\r\n\r\nGET / HTT")
        assert (await _ended(reader)).endswith(b"ok")
        writer.close()


async def test_a_byte_now_and_then_does_not_put_it_off() -> None:
    async with serving(ServerLimits(head_seconds=0.3)) as (_, connect):
        reader, writer = await connect()
        ended = asyncio.create_task(_ended(reader))
        while not ended.done():
            with suppress(ConnectionError):
                writer.write(b"G")
                await writer.drain()
            await asyncio.sleep(0.05)
        assert ended.result() == b""
        writer.close()


async def test_a_body_has_a_deadline() -> None:
    before = cut("slow-body")
    async with serving(ServerLimits(body_seconds=0.2)) as (_, connect):
        reader, writer = await connect()
        writer.write(b"POST /read HTTP/1.1\r\nHost: ibgu\r\nContent-Length: 10\r\n\r\n12345")
        assert await _ended(reader) == b""
        writer.close()
    assert cut("slow-body") == before + 1


async def test_an_unfinished_body_is_cut_after_the_answer() -> None:
    before = cut("slow-rest")
    async with serving(ServerLimits(rest_seconds=0.2)) as (_, connect):
        reader, writer = await connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: ibgu\r\nContent-Length: 10\r\n\r\n12345")
        assert (await _ended(reader)).endswith(b"ok")
        writer.close()
    assert cut("slow-rest") == before + 1


async def test_a_body_that_ends_after_the_answer_keeps_the_connection() -> None:
    """And an idle connection ends in peace."""
    async with serving(ServerLimits(idle_seconds=1)) as (_, connect):
        reader, writer = await connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: ibgu\r\nContent-Length: 10\r\n\r\n12345")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(b"67890GET / HTTP/1.1\r\nHost: ibgu\r\n\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        assert await _ended(reader) == b""
        writer.close()


async def test_an_answer_that_nobody_takes_is_dropped() -> None:
    before = cut("slow-reader")
    async with serving(ServerLimits(take_seconds=0.2)) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n")
        await until(lambda: cut("slow-reader") > before)
        assert len(await _ended(reader)) < LONG
        writer.close()


async def test_a_slow_but_steady_reader_gets_the_whole_answer() -> None:
    async with serving(ServerLimits(take_seconds=1.0)) as (_, connect):
        reader, writer = await connect()
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        taken = 0
        while chunk := await reader.read(2**18):
            taken += len(chunk)
            await asyncio.sleep(0.01)
        assert taken > LONG
        writer.close()


async def test_an_application_may_abort() -> None:
    async with serving(ServerLimits()) as (_, connect):
        reader, writer = await connect()
        writer.write(b"GET /abort HTTP/1.1\r\nHost: ibgu\r\n\r\n")
        assert await _ended(reader) == b""
        writer.close()


async def test_a_request_is_served_among_idle_connections() -> None:
    """A kubelet's probe too: else such a flood would end the pod."""
    before = cut("connections")
    async with serving(ServerLimits(connections=10, head_seconds=3600)) as (url, connect):
        held = [await connect() for _ in range(30)]
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            assert (await client.get(url)).text == "ok"
        assert cut("connections") >= before + 20
        for reader, writer in held[:20]:
            assert await _ended(reader) == b""
            writer.close()
        for _, writer in held[20:]:
            writer.close()


async def test_a_connection_with_a_pending_answer_is_not_cut() -> None:
    async with serving(ServerLimits(connections=2)) as (_, connect):
        answered = [await connect() for _ in range(2)]
        for _, writer in answered:
            writer.write(b"GET /never HTTP/1.1\r\nHost: ibgu\r\n\r\n")
        late, writer = await connect()
        assert await _ended(late) == b""
        writer.close()
        for reader, writer in answered:
            assert not reader.at_eof()
            writer.close()


def _deaf(url: str) -> socket.socket:
    """A client that takes next to nothing."""
    parts = urlsplit(url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.connect((parts.hostname, parts.port))
    made.setblocking(False)
    return made


def _has_something(client: socket.socket) -> bool:
    """Whether there is anything to read, be it the connection's end."""
    return bool(select.select([client], [], [], 0)[0])


def _pipelined(*paths: str) -> bytes:
    """The last one closes the connection."""
    asked = [f"GET {path} HTTP/1.1\r\nHost: ibgu\r\n" for path in paths]
    return ("\r\n".join(asked) + "Connection: close\r\n\r\n").encode()


LENGTHS = range(0, 512 * 1024, 8 * 1024)
"""Lengths of answers: with one of them a little is left that the kernel does not take."""


def is_open() -> float:
    return REGISTRY.get_sample_value("ibgu_api_open", {"what": "connections"}) or 0.0


@pytest.mark.parametrize("last", ["Connection: close\r\n", ""])
async def test_the_rest_of_an_answer_that_nobody_takes_is_dropped(last: str) -> None:
    """However little it is, and whether or not the server closes behind it."""
    async with serving(ServerLimits(take_seconds=0.2, idle_seconds=1)) as (url, _):
        with ExitStack() as held:
            for length in LENGTHS:
                client = held.enter_context(closing(_deaf(url)))
                client.send(f"GET /some/{length} HTTP/1.1\r\nHost: ibgu\r\n{last}\r\n".encode())
                await until(partial(_has_something, client))
            await until(lambda: is_open() == 0)


async def test_a_request_is_served_among_clients_that_read_nothing() -> None:
    """They were no longer waited for, and kept their places for ever: the kubelet's probe too."""
    limits = ServerLimits(connections=20, take_seconds=3600, idle_seconds=3600)
    async with (
        serving(limits) as (url, _),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        with ExitStack() as held:
            for number, length in enumerate(LENGTHS):
                deaf = held.enter_context(closing(_deaf(url)))
                deaf.send(_pipelined(*["/some/50000"] * 20, f"/some/{length}"))
                if number > 20:
                    answer = await client.get(url, headers={"Connection": "close"})
                    assert answer.text == "ok"


async def test_the_kernel_holds_little_for_a_client() -> None:
    """The server's buffers, which count as the pod's memory, would grow to megabytes for each."""
    async with serving(ServerLimits(take_seconds=3600)) as (url, _):
        with closing(_deaf(url)) as client:
            client.send(_pipelined("/big"))
            await until(partial(_has_something, client))
            assert _queued_in_kernel(client) < 2 * SOCKET_BYTES


def _queued_in_kernel(client: socket.socket) -> int:
    """Returns the bytes that a server on this machine has sent, and the client's kernel not got."""
    here, there = client.getsockname(), client.getpeername()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if int(local[-4:], 16) == there[1] and int(remote[-4:], 16) == here[1]:
            return int(queues.partition(":")[0], 16)
    raise AssertionError("there is no such connection")


def test_the_limit_of_open_files_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def limit(files: int) -> int | float:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
        return ConnectionLimit(ServerLimits(connections=1000))._most

    assert limit(1024) == 1024 - RESERVED_FILES
    assert limit(100) == 1
    assert limit(2**20) == limit(resource.RLIM_INFINITY) == 1000
