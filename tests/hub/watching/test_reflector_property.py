"""A property of the reflector: when the faults stop, the store is what the hub has."""

import asyncio
import random
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibgu.core.model.kinds import ManifestWork
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Key, Store
from tests.hub.conftest import Fault, ScriptedHub, Until

NAMES = st.sampled_from("abcde")
VERBS = st.sampled_from(["list", "watch"])
STEP = st.one_of(
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("write"), NAMES),
    st.tuples(st.just("compact")),
    st.tuples(st.just("drop")),
    st.tuples(st.just("wait")),
    st.tuples(st.just("restore")),
    st.tuples(st.just("status"), VERBS, st.sampled_from([410, 429, 500, 503, 504])),
    st.tuples(st.sampled_from(["cut", "half", "silent"]), st.integers(0, 3)),
    st.tuples(st.just("line")),
)


@given(
    steps=st.lists(STEP, max_size=25),
    streaming=st.booleans(),
    bookmarks=st.booleans(),
    seed=st.integers(0, 2**16),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_in_the_end_the_store_is_the_hub(
    make_hub: type[ScriptedHub],
    fault: type[Fault],
    collection: str,
    until: Until,
    steps: list[tuple[Any, ...]],
    streaming: bool,
    bookmarks: bool,
    seed: int,
) -> None:
    asyncio.run(_play(make_hub(), fault, collection, until, steps, streaming, bookmarks, seed))


async def _play(
    hub: ScriptedHub,
    fault: type[Fault],
    collection: str,
    until: Until,
    steps: list[tuple[Any, ...]],
    streaming: bool,
    bookmarks: bool,
    seed: int,
) -> None:
    hub.streaming_lists, hub.bookmarks = streaming, bookmarks
    store: Store[ManifestWork] = Store()
    timing = Timing(page=2, silence=0.03, backoff=Backoff(first=0.0005, longest=0.003))
    await hub.start()
    async with await HubClient.with_token(hub.url, "t", None) as client:
        reflector = Reflector(
            client,
            WatchedKind(collection, ManifestWork, whole),
            store,
            timing=timing,
            rng=random.Random(seed),
        )
        task = asyncio.create_task(reflector.run())

        async def caught_up() -> None:
            hub.faults.clear()
            await until(lambda: _content(store) == _truth(hub) and reflector.in_sync)

        for kind, *args in steps:
            if kind == "restore":
                # Unnoticed if the hub overtook the old version at once: only a timed list heals it.
                await caught_up()
                await hub.restore(hub.objects, _latest(hub))
                await caught_up()
            else:
                await _take(hub, fault, store, kind, *args)
        await caught_up()
        assert not task.done()
        task.cancel()
        await asyncio.wait({task})
    await hub.stop()


async def _take(
    hub: ScriptedHub, fault: type[Fault], store: Store[ManifestWork], kind: str, *args: Any
) -> None:
    match kind:
        case "put":
            await hub.put(*args)
        case "remove":
            await hub.remove(*args)
        case "write":
            # As our own write: the answer reaches the store maybe before, maybe after the watch.
            obj = await hub.put(*args)
            await asyncio.sleep(0)
            store.put_newer(msgspec.convert({"metadata": obj["metadata"]}, ManifestWork))
        case "compact":
            hub.compact()
        case "drop":
            await hub.drop_connections()
        case "wait":
            await asyncio.sleep(0.004)
        case "status":
            verb, status = args
            hub.faults.append(fault(verb, status=status, reason="Scripted"))
        case "line":
            hub.faults.append(fault("watch", line=b"gibberish\n"))
        case _:
            hub.faults.append(fault("watch", **{kind: args[0]}))


def _content(store: Store[ManifestWork]) -> dict[Key, tuple[str, str]]:
    return {
        (o.metadata.namespace, o.metadata.name): (o.metadata.uid, o.metadata.resource_version)
        for o in store
    }


def _truth(hub: ScriptedHub) -> dict[Key, tuple[str, str]]:
    return {
        key: (o["metadata"]["uid"], o["metadata"]["resourceVersion"])
        for key, o in hub.objects.items()
    }


def _latest(hub: ScriptedHub) -> int:
    return max((int(o["metadata"]["resourceVersion"]) for o in hub.objects.values()), default=5)
