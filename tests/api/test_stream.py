"""Events as they happen, over a real connection, woken by a real Postgres."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.concurrency import streams
from ibgu.api.http.connections import ServerLimits
from ibgu.api.http.server import DEFAULTS, bind, serve
from ibgu.api.stream import feed as feeds
from ibgu.api.stream import response
from ibgu.client import Client
from ibgu.core.model import Kind, OnRollout, Rollout
from ibgu.db import Journal
from ibgu.db.views import EventRow, Page
from ibgu.hub.authorization import access
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.api.fleet import fleet, rollout, seen, tell
from tests.db.records import rows
from tests.security.tokens import account_token

Follow = Callable[..., Any]
ROLLOUT = "rollouts/default/ran-r1/stream"


class Stream:
    """The messages that come over one connection, one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._chunks = answer.aiter_text()
        self._rest = ""

    async def message(self) -> str:
        """Raises StopAsyncIteration at the end."""
        while "\n\n" not in self._rest:
            self._rest += await anext(self._chunks)
        message, _, self._rest = self._rest.partition("\n\n")
        return message

    async def ids(self, count: int) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            message = await self.message()
            if message.startswith("id: "):
                found.append(int(message.partition("\n")[0][4:]))
        return found


@pytest.fixture
def follow(server: str, sandbox_hub: SandboxHub) -> Follow:
    """`async with follow("alice", "stream", after=3) as stream`, once it listens."""

    @asynccontextmanager
    async def follow(user: str, path: str, **query: Any) -> AsyncIterator[Stream]:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        headers |= query.pop("headers", {})
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
            client.stream(
                "GET", f"{server}/api/v1/{path}", params=query or None, headers=headers
            ) as answer,
        ):
            yield Stream(answer)

    return follow


async def changed(journal: Journal, found: Rollout) -> None:
    await tell(journal, OnRollout(Kind.PLAN_ACCEPTED, found, "the plan has grown"))


async def test_events_come_as_they_happen_and_again_from_a_number(
    follow: Follow, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the next look at the journal: Postgres has told."""
    monkeypatch.setattr(feeds, "POLL_SECONDS", 3600.0)
    found = await fleet(journal)
    async with follow("bob", ROLLOUT) as stream, follow("bob", ROLLOUT, after=2) as older:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert await stream.message() == ": still here"
        assert await older.ids(3) == [3, 4, 5]
        await changed(journal, found)
        assert await stream.ids(1) == await older.ids(1) == [6]
        await changed(journal, found)
        message = await stream.message()
        assert message.startswith('id: 7\nevent: event\ndata: {"seq":7,"at":')
    headers = {"Last-Event-ID": "6"}
    async with follow("bob", ROLLOUT, after=1, headers=headers) as again:
        assert await again.ids(1) == [7]


async def test_each_hears_only_what_may_be_read(follow: Follow, journal: Journal) -> None:
    mine, edge = rollout("r1"), rollout("r2", namespace="edge")
    await seen(journal, mine, edge)
    async with (
        follow("alice", "stream", after=0) as everything,
        follow("bob", "stream", after=0) as some,
        follow("bob", ROLLOUT, after=0) as one,
    ):
        await changed(journal, edge)
        await changed(journal, mine)
        assert await everything.ids(4) == [1, 2, 3, 4]
        assert await some.ids(2) == await one.ids(2) == [1, 4]
    async with follow("bob", "rollouts/edge/ran-r2/stream") as refused:
        assert refused.answer.status_code == 403
    async with follow("bob", ROLLOUT, after=-1) as wrong:
        assert wrong.answer.status_code == 422


async def test_the_past_is_read_only_of_namespaces_that_may_be_read(
    follow: Follow, journal: Journal, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller without rights costs as much as nothing, whatever history there is."""
    monkeypatch.setattr(feeds, "SPAN", 3)
    mine, edge = rollout("r1"), rollout("r2", namespace="edge")
    await seen(journal, mine, edge)
    for _ in range(8):
        await changed(journal, edge)
    await changed(journal, mine)
    feed = app.state.feed
    read: list[EventRow] = []
    events_after = feed.reads.events_after

    async def reading(after: int, **options: Any) -> Page[EventRow]:
        found: Page[EventRow] = await events_after(after, **options)
        read.extend(found.items)
        return found

    monkeypatch.setattr(feed.reads, "events_after", reading)
    async with follow("bob", "stream", after=0) as stream:
        assert await stream.ids(2) == [1, 11]
    assert [each.seq for each in read] == [1, 11]
    read.clear()
    async with follow("carol", "stream", after=0) as stream:
        assert await stream.message() == ": still here"
    assert read == []


async def test_an_event_without_a_notification_is_found_by_polling(
    follow: Follow, journal: Journal, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "POLL_SECONDS", 0.05)
    found = rollout()
    await seen(journal, found)
    async with follow("alice", "stream", after=0) as stream:
        assert await stream.ids(1) == [1]
        app.state.feed._woken = asyncio.Event()  # that Postgres does not know
        await changed(journal, found)
        assert await stream.ids(1) == [2]


async def test_a_lost_connection_to_postgres_is_replaced(
    follow: Follow, journal: Journal, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "POLL_SECONDS", 3600.0)
    found = rollout()
    await seen(journal, found)
    async with follow("alice", "stream", after=0) as stream:
        assert await stream.ids(1) == [1]
        await changed(journal, found)
        assert await stream.ids(1) == [2]
        assert await rows(
            engine,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()",
        ) == [(True,)]
        await changed(journal, found)
        assert await stream.ids(1) == [3]


async def test_many_events_are_read_page_by_page(
    follow: Follow, journal: Journal, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late client reads from the journal what is gone from memory."""
    monkeypatch.setattr(feeds, "PAGE", 2)
    app.state.feed._capacity = 2
    found = rollout()
    await seen(journal, found)
    async with follow("alice", "stream", after=0) as first:
        assert await first.ids(1) == [1]
        for _ in range(6):
            await changed(journal, found)
            await first.message()
        async with follow("alice", ROLLOUT, after=0) as late:
            assert await late.ids(7) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_client_that_reads_nothing_is_cut_and_delays_no_other(
    follow: Follow,
    journal: Journal,
    app: FastAPI,
    sandbox_hub: SandboxHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server cuts the connection; what was queued for it goes with it."""
    monkeypatch.setattr(response, "HEARTBEAT", b": " + b"x" * 2**23 + b"\n\n")
    found = rollout()
    await seen(journal, found)
    token = sandbox_hub.token("alice")
    asked = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    async with (
        serving(app, ServerLimits(take_seconds=2.0)) as url,
        follow("alice", "stream", after=0) as stream,
    ):
        host, port = url.removeprefix("http://").split(":")
        slow = socket.create_connection((host, int(port)))
        slow.sendall(asked.encode())
        await _followed(app.state.feed, by=2)
        assert await stream.ids(1) == [1]
        await changed(journal, found)
        assert await stream.ids(1) == [2]
        await _followed(app.state.feed, by=1)
    taken = await asyncio.to_thread(_drained, slow)
    assert b"HTTP/1.1 200" in taken[:100]
    assert not taken.endswith(b"0\r\n\r\n"), "it was cut, not ended"


@pytest.mark.parametrize("behind", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_client_that_ends_its_side_keeps_no_place(
    app: FastAPI, sandbox_hub: SandboxHub, monkeypatch: pytest.MonkeyPatch, behind: bytes
) -> None:
    """Behind a further request the server reads nothing: it learns of the end as it sends."""
    monkeypatch.setattr(response, "HEARTBEAT_SECONDS", 0.05)
    token = sandbox_hub.token("alice")
    asked = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    async with serving(app, ServerLimits()) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(asked.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await _followed(app.state.feed, by=1)
        writer.write(behind)
        if behind:
            await writer.drain()
            writer.transport.abort()
        else:
            writer.write_eof()
        await _followed(app.state.feed, by=0)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _followed(feed: feeds.Feed, *, by: int) -> None:
    for _ in range(3000):
        if feed._followers == by:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{feed._followers} follow, not {by}")


def _drained(connection: socket.socket) -> bytes:
    with connection:
        taken = b""
        with suppress(ConnectionError):
            while chunk := connection.recv(2**20):
                taken += chunk
    return taken


async def test_a_stream_ends_with_the_right_to_it(
    follow: Follow, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not there is anything to tell."""
    monkeypatch.setattr(response, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(response, "HEARTBEAT_SECONDS", 3600.0)

    async def nobody(_self: Access, _token: str) -> None:
        return None

    await seen(journal, rollout())
    async with follow("alice", "stream", after=0) as stream, follow("alice", ROLLOUT) as other:
        assert await stream.ids(1) == [1]
        await other.message()
        monkeypatch.setattr(Access, "user", nobody)
        for each in (stream, other):
            with pytest.raises(StopAsyncIteration):
                await each.ids(10)


def test_a_revoked_token_lives_for_less_than_a_minute() -> None:
    """An answer that is as old as it may be is what a stream goes on with until it asks again."""
    seconds_to_ask = 5.0
    assert access.CACHE_SECONDS + response.RENEW_SECONDS + seconds_to_ask <= 60.0


async def test_a_stream_ends_with_its_token(
    context: Context,
    hub_client: HubClient,
    sandbox_hub: SandboxHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token of a real account that is deleted meanwhile; nothing else happens."""
    monkeypatch.setattr(response, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(response, "HEARTBEAT_SECONDS", 3600.0)
    app = create_app(replace(context, access=Access(hub_client, ttl=0.1)))
    hub = sandbox_hub
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts"
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "listener"}}
    async with (
        await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin,
        serving(app) as url,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        uid = json.loads(await admin.request("POST", path, body=body))["metadata"]["uid"]
        token = account_token(hub, "listener", uid, age=timedelta(0), life=timedelta(hours=1))
        headers = {"Authorization": f"Bearer {token}"}
        async with client.stream("GET", f"{url}/api/v1/stream", headers=headers) as answer:
            stream = Stream(answer)
            assert await stream.message() == ": still here"
            await admin.request("DELETE", f"{path}/listener")
            with pytest.raises(StopAsyncIteration):
                await stream.message()


@asynccontextmanager
async def serving(app: FastAPI, limits: ServerLimits = DEFAULTS) -> AsyncIterator[str]:
    listener = bind("127.0.0.1:0")
    task = asyncio.create_task(serve(app, listener, limits=limits))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_streams_are_limited_for_a_user_and_for_all(
    context: Context, sandbox_hub: SandboxHub, journal: Journal
) -> None:
    await seen(journal, rollout())
    app = create_app(replace(context, streams=streams(of_all=3, of_user=2)))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(app))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))

        async def follow(user: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
            return await stack.enter_async_context(
                client.stream("GET", f"{url}/api/v1/stream", headers=headers)
            )

        first = await follow("alice")
        assert (first.status_code, (await follow("alice")).status_code) == (200, 200)
        mine = await follow("alice")
        assert mine.status_code == 429
        assert (await follow("bob")).status_code == 200
        everybody = await follow("bob")
        assert everybody.status_code == 503
        for refused, words in ((mine, "alice already has 2 streams"), (everybody, "has 3 streams")):
            await refused.aread()
            assert refused.headers["content-type"] == "application/problem+json"
            assert int(refused.headers["retry-after"]) == 30
            assert words in refused.json()["detail"]
        await first.aclose()
        while (again := await follow("alice")).status_code != 200:
            await again.aread()


async def test_a_server_that_ends_waits_for_no_stream(
    app: FastAPI, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    """And nobody reads the journal any more once nobody follows."""
    await seen(journal, rollout())
    listener = bind("127.0.0.1:0")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve(app, listener))
    token = sandbox_hub.token("alice")
    async with (
        httpx.AsyncClient(
            trust_env=False, timeout=60, headers={"Authorization": f"Bearer {token}"}
        ) as client,
        client.stream("GET", f"{url}/api/v1/stream") as answer,
    ):
        stream = Stream(answer)
        await stream.message()
        reading = app.state.feed._reading
        serving.cancel()
        with pytest.raises(StopAsyncIteration):
            await stream.message()
    with suppress(asyncio.CancelledError):
        await serving
    assert reading.cancelled()


async def test_the_client_follows(server: str, journal: Journal, sandbox_hub: SandboxHub) -> None:
    await fleet(journal)
    client = Client(server, sandbox_hub.token("alice"))

    def two(events: Any) -> list[tuple[int, str]]:
        with_end = iter(events)
        return [(event.seq, event.kind) for event in (next(with_end), next(with_end))]

    one = await asyncio.to_thread(two, client.stream("default", "ran-r1", after=3))
    everything = await asyncio.to_thread(two, client.stream_all(after=3))
    assert one == everything == [(4, "RunIntended"), (5, "RunArmed")]


async def test_a_stream_without_visible_events_still_sends_heartbeats(
    follow: Follow, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busy the namespaces are that they may not read."""
    monkeypatch.setattr(response, "HEARTBEAT_SECONDS", 0.3)
    edge = rollout("r2", namespace="edge")
    await seen(journal, rollout("r1"), edge)
    async with follow("bob", "stream") as stream:
        assert await stream.message() == ": still here"
        told = asyncio.create_task(stream.message())
        while not told.done():
            await changed(journal, edge)
            await asyncio.sleep(0.02)
        assert told.result() == ": still here"


async def test_events_of_other_rollouts_do_not_reach_the_stream(
    follow: Follow, journal: Journal
) -> None:
    mine, edge = rollout("r1"), rollout("r2", namespace="edge")
    await seen(journal, mine, edge)
    async with follow("bob", ROLLOUT) as stream, follow("alice", "stream") as everything:
        assert await stream.message() == await everything.message() == ": still here"
        await changed(journal, edge)
        assert await everything.ids(1) == [3]
        await changed(journal, mine)
        assert (await stream.message()).startswith("id: 4")


async def test_a_mistake_of_the_reader_ends_no_stream(
    follow: Follow, journal: Journal, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "POLL_SECONDS", 0.05)
    found = rollout()
    await seen(journal, found)
    async with follow("alice", "stream", after=0) as stream:
        assert await stream.ids(1) == [1]
        reads = app.state.feed.reads
        events_after, failed = reads.events_after, asyncio.Event()

        async def wrong(*_: Any, **__: Any) -> None:
            monkeypatch.setattr(reads, "events_after", events_after)
            failed.set()
            raise ValueError("an event that nobody can read")

        monkeypatch.setattr(reads, "events_after", wrong)
        await failed.wait()
        await changed(journal, found)
        assert await stream.ids(1) == [2]
