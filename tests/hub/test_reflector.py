"""The reflector against one fault at a time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypedDict, Unpack

import pytest

from ibgu.core.kinds import ManifestWork
from ibgu.hub.backoff import Backoff
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.decode import BadObject
from ibgu.hub.reflector import Reflector, Timing
from ibgu.hub.store import Store
from tests.hub.conftest import Fault, ScriptedHub, Until

QUICK = Timing(backoff=Backoff(first=0.001, longest=0.01))


class Options(TypedDict, total=False):
    timing: Timing
    selector: str
    streaming: bool


class Cut(TypedDict, total=False):
    cut: int
    half: int


class Running:
    """A reflector at work, its store and what it complained of."""

    def __init__(self, client: HubClient, collection: str, **options: Unpack[Options]) -> None:
        options.setdefault("timing", QUICK)
        self.store: Store[ManifestWork] = Store()
        self.bad: list[BadObject] = []
        self.errors: list[HubError] = []
        self.reflector = Reflector(
            client,
            collection,
            ManifestWork,
            self.store,
            on_bad=self.bad.append,
            on_error=self.errors.append,
            rng=random.Random(1),
            **options,
        )

    def versions(self) -> dict[str, str]:
        return {obj.metadata.name: obj.metadata.resource_version for obj in self.store}


def on_hub(hub: ScriptedHub) -> dict[str, str]:
    return {name: obj["metadata"]["resourceVersion"] for (_, name), obj in hub.objects.items()}


class Reflect(Protocol):
    def __call__(self, **options: Unpack[Options]) -> AbstractAsyncContextManager[Running]: ...


@pytest.fixture
def reflect(client: HubClient, collection: str) -> Reflect:
    @asynccontextmanager
    async def start(**options: Unpack[Options]) -> AsyncIterator[Running]:
        running = Running(client, collection, **options)
        task = asyncio.create_task(running.reflector.run())
        try:
            yield running
        finally:
            task.cancel()
            await asyncio.wait({task})

    return start


@pytest.fixture(params=["streaming list", "pages"])
def both_lists(hub: ScriptedHub, request: pytest.FixtureRequest) -> str:
    hub.streaming_lists = request.param == "streaming list"
    return str(request.param)


@pytest.mark.usefixtures("both_lists")
async def test_it_follows_the_hub(hub: ScriptedHub, reflect: Reflect, until: Until) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()
        assert running.versions() == on_hub(hub)

        await hub.put("a")
        await hub.put("b")
        await hub.remove("a")
        await until(lambda: running.store.seen == hub.version)

    assert running.versions() == on_hub(hub)
    assert running.errors == []


async def test_a_streaming_list_needs_no_list(hub: ScriptedHub, reflect: Reflect) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()

    assert hub.verbs() == ["watch"]


async def test_a_server_without_streaming_lists_is_asked_for_pages(
    hub: ScriptedHub, reflect: Reflect
) -> None:
    hub.streaming_lists = False
    for number in range(5):
        await hub.put(f"work-{number}")
    timing = Timing(page=2)
    async with reflect(timing=timing) as running:
        await running.reflector.synced.wait()

    assert hub.verbs()[:4] == ["watch", "list", "list", "list"]
    assert running.versions() == on_hub(hub)
    assert running.errors == []


async def test_where_streaming_is_known_to_be_missing_it_is_not_tried(
    hub: ScriptedHub, reflect: Reflect
) -> None:
    async with reflect(streaming=False) as running:
        await running.reflector.synced.wait()

    assert hub.verbs()[0] == "list"


async def test_a_410_in_mid_list_begins_the_list_again(
    hub: ScriptedHub, reflect: Reflect, fault: type[Fault]
) -> None:
    hub.streaming_lists = False
    for number in range(4):
        await hub.put(f"work-{number}")
    hub.hooks["list"] = lambda: hub.faults.append(fault("list", status=410, reason="Expired"))
    async with reflect(timing=Timing(page=2, backoff=QUICK.backoff)) as running:
        await running.reflector.synced.wait()

    assert running.versions() == on_hub(hub)
    assert [error.gone for error in running.errors] == [True]


@pytest.mark.usefixtures("both_lists")
async def test_a_410_event_lists_again_and_finds_what_was_deleted(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()
        hub.hooks["watch"] = lambda: hub.unseen(put="c", remove="a")
        await hub.drop_connections()
        await until(lambda: "c" in running.versions())

    assert running.versions() == on_hub(hub)
    assert any(error.gone for error in running.errors)


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (410, "Gone", "too old resource version"),
        (500, "InternalError", "etcd is away"),
        (503, "ServiceUnavailable", "starting"),
        (504, "Timeout", "Too large resource version: 99, current: 11"),
        (404, "NotFound", "the server could not find the requested resource"),
        (403, "Forbidden", "may not watch"),
    ],
)
async def test_a_refused_watch_is_a_gap(
    hub: ScriptedHub,
    reflect: Reflect,
    until: Until,
    fault: type[Fault],
    status: int,
    reason: str,
    message: str,
) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()
        hub.faults.append(fault("watch", status=status, reason=reason, message=message))
        hub.hooks["watch"] = lambda: hub.unseen(put="c", remove="a")
        await hub.drop_connections()
        await until(lambda: "c" in running.versions() and running.reflector.in_sync)

    assert running.versions() == on_hub(hub)
    assert running.errors[-1].status == status


async def test_a_throttled_watch_goes_on_where_it_was(
    hub: ScriptedHub, reflect: Reflect, until: Until, fault: type[Fault]
) -> None:
    await hub.put("a")
    async with reflect(streaming=False) as running:
        await until(lambda: hub.watching)
        hub.faults.append(fault("watch", status=429))
        await hub.drop_connections()
        await hub.put("b")
        await until(lambda: "b" in running.versions())

    assert hub.verbs().count("list") == 1
    assert running.versions() == on_hub(hub)


@pytest.mark.parametrize("cut", [{"cut": 1}, {"half": 1}])
async def test_a_cut_watch_goes_on_where_it_was(
    hub: ScriptedHub, reflect: Reflect, until: Until, fault: type[Fault], cut: Cut
) -> None:
    hub.bookmarks = False
    async with reflect(streaming=False) as running:
        await until(lambda: hub.watching)
        hub.faults.append(fault("watch", **cut))
        await hub.drop_connections()
        for name in "abc":
            await hub.put(name)
        await until(lambda: len(running.store) == 3)

    assert running.versions() == on_hub(hub)
    assert hub.verbs().count("list") == 1


@pytest.mark.usefixtures("both_lists")
async def test_a_silent_watch_is_noticed(
    hub: ScriptedHub, reflect: Reflect, until: Until, fault: type[Fault]
) -> None:
    hub.bookmarks = False
    timing = Timing(silence=0.05, backoff=QUICK.backoff)
    hub.faults.append(fault("watch", silent=0))
    async with reflect(timing=timing, streaming=hub.streaming_lists) as running:
        await until(lambda: "watch" in hub.verbs())
        await hub.put("a")
        await until(lambda: "a" in running.versions())

    assert running.errors[0].reason == "Timeout"


async def test_a_streaming_list_without_end_is_given_up_for_pages(
    hub: ScriptedHub, reflect: Reflect, fault: type[Fault]
) -> None:
    await hub.put("a")
    hub.faults.append(fault("watch", cut=1))
    async with reflect() as running:
        await running.reflector.synced.wait()

    assert hub.verbs()[:2] == ["watch", "list"]
    assert running.errors[0].reason == "ListCut"


async def test_a_streaming_list_that_takes_for_ever_is_given_up_for_pages(
    hub: ScriptedHub, reflect: Reflect
) -> None:
    await hub.put("a")
    async with reflect(timing=Timing(initial=-1.0, backoff=QUICK.backoff)) as running:
        await running.reflector.synced.wait()

    assert hub.verbs()[:2] == ["watch", "list"]


@pytest.mark.usefixtures("both_lists")
async def test_a_malformed_object_is_reported_once_and_skipped(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    await hub.put("a")
    await hub.put("bad", status="nonsense")
    async with reflect() as running:
        await running.reflector.synced.wait()
        await hub.put("b")
        await until(lambda: "b" in running.versions())
        hub.hooks["watch"] = lambda: hub.unseen(put="c", remove="a")
        await hub.drop_connections()
        await until(lambda: "c" in running.versions())

    assert set(running.versions()) == {"b", "c"}
    assert [bad.metadata.name for bad in running.bad] == ["bad"]


@pytest.mark.usefixtures("both_lists")
async def test_an_object_that_becomes_malformed_keeps_its_last_good_version(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    good = await hub.put("a")
    await hub.put("x")
    async with reflect() as running:
        await running.reflector.synced.wait()
        await hub.put("a", status="nonsense")
        await until(lambda: running.bad)
        hub.hooks["watch"] = lambda: hub.unseen(put="c", remove="x")
        await hub.drop_connections()
        await until(lambda: "c" in running.versions())
        assert running.versions()["a"] == good["metadata"]["resourceVersion"]

        await hub.put("a")
        await until(lambda: running.versions() == on_hub(hub))

    assert len(running.bad) == 1


async def test_a_malformed_object_can_be_deleted(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()
        await hub.put("a", status="nonsense")
        await hub.remove("a")
        await until(lambda: running.store.seen == hub.version)

    assert running.versions() == {}


async def test_an_object_whose_labels_are_nonsense_is_still_named(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    async with reflect() as running:
        await running.reflector.synced.wait()
        await hub.put("bad", metadata={"labels": {"site": 7}})
        await until(lambda: running.bad)

    assert "spoke/bad" in str(running.bad[0])


@pytest.mark.parametrize(
    "line",
    [
        b"<html>proxy error</html>\n",
        b'{"type":"SURPRISE","object":{"metadata":{}}}\n',
        b'{"type":"ADDED"}\n',
    ],
)
async def test_a_line_that_is_no_event_is_a_gap(
    hub: ScriptedHub, reflect: Reflect, until: Until, fault: type[Fault], line: bytes
) -> None:
    await hub.put("a")
    async with reflect() as running:
        await running.reflector.synced.wait()
        hub.faults.append(fault("watch", line=line))
        hub.hooks["watch"] = lambda: hub.unseen(put="c", remove="a")
        await hub.drop_connections()
        await until(lambda: "c" in running.versions())

    assert running.versions() == on_hub(hub)


async def test_an_error_event_is_a_gap(
    hub: ScriptedHub, reflect: Reflect, until: Until, fault: type[Fault]
) -> None:
    hub.bookmarks = False
    line = b'{"type":"ERROR","object":{"code":500,"reason":"InternalError","message":"x"}}\n'
    async with reflect(streaming=False) as running:
        await until(lambda: hub.watching)
        hub.faults.append(fault("watch", line=line))
        await hub.drop_connections()
        await hub.put("a")
        await until(lambda: "a" in running.versions())

    assert hub.verbs().count("list") == 2
    assert running.errors[-1].status == 500


async def test_a_restored_hub_is_believed(hub: ScriptedHub, reflect: Reflect, until: Until) -> None:
    await hub.put("a")
    backup, version = dict(hub.objects), hub.version
    await hub.put("a")
    await hub.put("b")
    async with reflect(timing=Timing(silence=0.05, backoff=QUICK.backoff)) as running:
        await running.reflector.synced.wait()
        await hub.restore(backup, version)
        await until(lambda: running.versions() == on_hub(hub))
        await hub.put("c")
        await until(lambda: running.versions() == on_hub(hub))

    assert running.errors[-1].reason == "Timeout"


@pytest.mark.usefixtures("both_lists")
async def test_a_timed_list_heals_what_no_watch_told_and_stays_in_sync(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    await hub.put("a")
    timing = Timing(relist=0.0)
    async with reflect(timing=timing) as running:
        await until(lambda: hub.watching and running.reflector.in_sync)
        hub.unseen(put="c", remove="a")
        await until(lambda: "c" in running.versions() or not running.reflector.in_sync)

    assert running.versions() == on_hub(hub)
    assert running.errors == []


async def test_it_is_not_in_sync_while_the_hub_is_away(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    async with reflect() as running:
        await running.reflector.synced.wait()
        assert running.reflector.in_sync
        heard = running.reflector.last_heard
        await hub.stop()
        await until(lambda: not running.reflector.in_sync)

    assert running.errors
    assert running.reflector.last_heard >= heard


async def test_an_error_of_the_sink_ends_it(
    hub: ScriptedHub, client: HubClient, collection: str
) -> None:
    class Broken(Store[ManifestWork]):
        def replace(self, *_: object, **__: object) -> None:
            raise OSError("the sink's own")

    reflector = Reflector(client, collection, ManifestWork, Broken())
    with pytest.raises(OSError, match="the sink's own"):
        await reflector.run()


async def test_only_what_the_selector_selects_is_asked_for(
    hub: ScriptedHub, reflect: Reflect
) -> None:
    async with reflect(selector="app=ibgu", streaming=False) as running:
        await running.reflector.synced.wait()

    assert hub.requests[0][1]["labelSelector"] == "app=ibgu"
