"""One connection: answers, errors, pages, streams, credentials."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from msgspec import Struct

from ibgu.core.model.kinds import ManifestWork
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.decode import BadObject
from ibgu.hub.paths import work
from tests.hub.conftest import Fault, ScriptedHub, Until


async def test_an_object_comes_typed(hub: ScriptedHub, client: HubClient) -> None:
    await hub.put("stage")

    got = await client.get(work("spoke", "stage"), ManifestWork)

    assert got.metadata.name == "stage"
    assert client.requests == {("get", "2xx"): 1}


async def test_the_token_goes_out_and_no_answer_is_compressed(
    hub: ScriptedHub, client: HubClient
) -> None:
    await hub.put("stage")
    await client.get(work("spoke", "stage"), ManifestWork)

    headers = hub.headers[0]
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"].startswith("ibgu/")


async def test_an_error_says_what_the_server_said(hub: ScriptedHub, client: HubClient) -> None:
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "absent"), ManifestWork)

    error = caught.value
    assert (error.status, error.reason, error.not_found) == (404, "NotFound", True)
    assert not error.transient
    assert str(error) == f"GET {work('spoke', 'absent')}: 404 NotFound: no absent"


async def test_an_error_that_is_no_status_object_is_quoted(
    hub: ScriptedHub, client: HubClient
) -> None:
    class Plain(Fault):
        def answer(self) -> web.Response:
            return web.Response(status=502, text="upstream is away")

    hub.faults.append(Plain("get", status=502))
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "stage"), ManifestWork)

    assert caught.value.transient
    assert (caught.value.reason, caught.value.message) == ("Bad Gateway", "upstream is away")


@pytest.mark.parametrize(
    ("status", "message", "transient"),
    [
        (429, "slow down", True),
        (500, "etcd is away", True),
        (503, "", True),
        (500, ".spec.manifestConfigs[0].feedbackScrapeType: field not declared in schema", False),
        (409, "", False),
        (410, "", False),
        (403, "", False),
    ],
)
async def test_errors_are_classified_as_transient_or_final(
    hub: ScriptedHub,
    client: HubClient,
    fault: type[Fault],
    status: int,
    message: str,
    transient: bool,
) -> None:
    hub.faults.append(fault("get", status=status, message=message))
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "stage"), ManifestWork)

    assert caught.value.transient is transient


async def test_retry_after_is_read(hub: ScriptedHub, client: HubClient, fault: type[Fault]) -> None:
    hub.faults.append(fault("get", status=429, headers={"Retry-After": "7"}))
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "stage"), ManifestWork)

    assert caught.value.retry_after == 7


async def test_no_answer_in_time_is_an_error_without_status(
    hub: ScriptedHub, client: HubClient
) -> None:
    hub.write_seconds = 3600
    with pytest.raises(HubError) as caught:
        await client.request("POST", work("spoke", "x"), body={}, timeout=0.05)

    assert (caught.value.status, caught.value.reason) == (0, "Timeout")
    assert caught.value.transient
    assert client.requests == {("create", "none"): 1}


async def test_sent_bodies_are_counted_in_bytes(hub: ScriptedHub, client: HubClient) -> None:
    await hub.put("stage")
    await client.get(work("spoke", "stage"), ManifestWork)
    assert not client.sent

    for _ in range(2):
        await client.request("PATCH", work("spoke", "stage"), body=b'{"spec": {}}')
    assert client.sent == {("patch", "manifestworks"): 24}


@pytest.mark.parametrize("first", ["cancelled", "out of time"])
async def test_a_cancellation_at_the_timeout_stays_a_cancellation(
    hub: ScriptedHub, client: HubClient, until: Until, first: str
) -> None:
    """A leader's writes end with its lease, and so does the leader: one that took the
    cancellation for a timeout would go on for ever."""
    hub.write_seconds = 3600
    loop = asyncio.get_running_loop()
    before = loop.time()
    task = asyncio.create_task(client.request("POST", work("spoke", "x"), body={}, timeout=2.0))
    await until(lambda: bool(hub.requests))
    after = loop.time()
    loop.call_at(before + 1.9 if first == "cancelled" else after + 2.1, task.cancel)
    loop.call_soon(time.sleep, 2.2)  # so that both are due in one turn of the event loop

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_server_is_an_error_without_status(hub: ScriptedHub, client: HubClient) -> None:
    await hub.stop()
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "x"), ManifestWork)

    assert (caught.value.status, caught.value.reason) == (0, "ConnectionFailed")
    assert caught.value.transient


async def test_an_undecodable_answer_is_malformed_and_not_retried(
    hub: ScriptedHub, client: HubClient
) -> None:
    class Strict(Struct):
        metadata: int

    await hub.put("stage")
    with pytest.raises(HubError) as caught:
        await client.get(work("spoke", "stage"), Strict)

    assert caught.value.reason == "Malformed"
    assert not caught.value.transient


async def test_a_list_comes_in_pages_of_one_version(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    for number in range(5):
        await hub.put(f"work-{number}")

    pages = [page async for page in client.list_pages(collection, ManifestWork, limit=2)]

    names = [[item.metadata.name for item in items] for items, _ in pages]
    assert names == [["work-0", "work-1"], ["work-2", "work-3"], ["work-4"]]
    assert {version for _, version in pages} == {str(hub.version)}
    assert all("resourceVersion" not in query for _, query in hub.requests)


async def test_a_410_between_pages_is_gone(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    for number in range(3):
        await hub.put(f"work-{number}")
    pages = client.list_pages(collection, ManifestWork, limit=2)
    await anext(pages)
    await hub.put("later")
    hub.compact()

    with pytest.raises(HubError) as caught:
        await anext(pages)

    assert caught.value.gone


async def test_a_bad_item_costs_only_itself(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    await hub.put("good")
    await hub.put("bad", status="not an object")
    reported: list[BadObject] = []

    pages = [
        page async for page in client.list_pages(collection, ManifestWork, on_bad=reported.append)
    ]

    assert [item.metadata.name for item in pages[0][0]] == ["good"]
    assert [bad.metadata.name for bad in reported] == ["bad"]
    assert "spoke/bad is malformed" in str(reported[0])


async def test_a_bad_item_is_an_error_where_nobody_listens(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    await hub.put("bad", status="not an object")

    with pytest.raises(HubError) as caught:
        await anext(client.list_pages(collection, ManifestWork))

    assert caught.value.reason == "Malformed"


async def test_a_stream_yields_whole_lines_and_drops_the_half_one(
    hub: ScriptedHub, client: HubClient, collection: str, fault: type[Fault]
) -> None:
    await hub.put("one")
    await hub.put("two", spec={"text": "x" * 300_000})
    hub.bookmarks = False
    hub.faults.append(fault("watch", half=2))
    await hub.put("three")
    query = {"watch": "true", "resourceVersion": "10"}

    async with client.stream(collection, query=query, timeout=60) as lines:
        got = [json.loads(line)["object"]["metadata"]["name"] async for line in lines]

    assert got == ["one", "two"]


async def test_a_silent_stream_is_an_error(
    hub: ScriptedHub, client: HubClient, collection: str, fault: type[Fault]
) -> None:
    hub.faults.append(fault("watch", silent=0))
    query = {"watch": "true", "resourceVersion": "10"}

    with pytest.raises(HubError) as caught:
        async with client.stream(collection, query=query, timeout=0.05) as lines:
            await anext(lines)

    assert caught.value.reason == "Timeout"


async def test_a_stream_that_lasts_too_long_is_an_error(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    """However many messages it carries, and while its reader waits for something else."""
    await hub.put("one")
    query = {"watch": "true", "resourceVersion": "10"}

    with pytest.raises(HubError) as caught:
        async with client.stream(collection, query=query, timeout=60, total=0.2) as lines:
            await asyncio.wait_for(_drained(lines), 60)

    assert caught.value.reason == "Timeout"
    current = asyncio.current_task()
    assert current is not None
    assert not current.cancelling()


async def _drained(lines: AsyncIterator[bytes]) -> None:
    async for _ in lines:
        pass


async def test_errors_of_the_reader_of_a_stream_are_its_own(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    query = {"watch": "true", "resourceVersion": "10"}
    with pytest.raises(OSError, match="the reader's"):
        async with client.stream(collection, query=query, timeout=60):
            raise OSError("the reader's")


async def test_a_caller_speaks_with_its_own_token(hub: ScriptedHub, client: HubClient) -> None:
    await hub.put("stage")
    async with client.as_caller("alice-token") as caller:
        await caller.get(work("spoke", "stage"), ManifestWork)

    assert hub.headers[0]["Authorization"] == "Bearer alice-token"


async def test_many_requests_share_the_connection_pool(hub: ScriptedHub, client: HubClient) -> None:
    await hub.put("stage")
    await asyncio.gather(*(client.get(work("spoke", "stage"), ManifestWork) for _ in range(50)))

    assert client.requests["get", "2xx"] == 50


async def test_a_proxy_that_appears_later_is_not_looked_at(
    hub: ScriptedHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    await hub.put("stage")

    assert await client.get(work("spoke", "stage"), ManifestWork)
