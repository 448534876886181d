"""The reflector against one fault at a time."""

import asyncio

import pytest
from msgspec.structs import replace

from ibgu.core.model.kinds import ManifestWork
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store
from tests.hub.conftest import Fault, ScriptedHub, Until
from tests.hub.watching.reflectors import QUICK, Cut, Reflect, both_lists, on_hub, reflect

__all__ = ["both_lists", "reflect"]


@pytest.mark.usefixtures("both_lists")
async def test_the_store_follows_the_hub(hub: ScriptedHub, reflect: Reflect, until: Until) -> None:
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
async def test_a_timed_list_finds_missed_changes_and_stays_in_sync(
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


async def test_the_reflector_is_not_in_sync_while_the_hub_is_away(
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

    reflector = Reflector(client, WatchedKind(collection, ManifestWork, whole), Broken())
    with pytest.raises(OSError, match="the sink's own"):
        await reflector.run()


@pytest.mark.usefixtures("both_lists")
async def test_only_what_is_kept_reaches_the_sink(
    hub: ScriptedHub, client: HubClient, collection: str, until: Until
) -> None:
    """Lists and watches bring it under the versions that the hub has."""

    def keep(work: ManifestWork) -> ObjectIdentity:
        return ObjectIdentity(replace(work.metadata, uid="kept"))

    await hub.put("a")
    store: Store[ObjectIdentity] = Store()
    reflector = Reflector(
        client,
        WatchedKind(collection, ManifestWork, keep),
        store,
        streaming=hub.streaming_lists,
    )
    task = asyncio.create_task(reflector.run())
    await reflector.synced.wait()
    await hub.put("a")
    await hub.put("b")
    await until(lambda: store.seen == hub.version)
    task.cancel()
    await asyncio.wait({task})
    assert {found.metadata.uid for found in store} == {"kept"}
    found = {found.metadata.name: found.metadata.resource_version for found in store}
    assert found == on_hub(hub)


async def test_only_what_the_selector_selects_is_asked_for(
    hub: ScriptedHub, reflect: Reflect
) -> None:
    async with reflect(selector="app=ibgu", streaming=False) as running:
        await running.reflector.synced.wait()

    assert hub.requests[0][1]["labelSelector"] == "app=ibgu"
