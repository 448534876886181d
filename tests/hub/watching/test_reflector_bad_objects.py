"""One bad object, or a line that is none, never ends the reflector."""

import pytest

from tests.hub.conftest import Fault, ScriptedHub, Until
from tests.hub.watching.reflectors import Reflect, both_lists, on_hub, reflect

__all__ = ["both_lists", "reflect"]


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


async def test_an_object_with_invalid_labels_is_still_named(
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
