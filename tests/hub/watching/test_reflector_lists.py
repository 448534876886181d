"""The reflector's lists: streamed, in pages, and cut off."""

from ibgu.hub.watching.reflector import Timing
from tests.hub.conftest import Fault, ScriptedHub, Until
from tests.hub.watching.reflectors import QUICK, Reflect, both_lists, on_hub, reflect

__all__ = ["both_lists", "reflect"]


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


async def test_streaming_is_not_tried_where_it_is_not_served(
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


async def test_a_timed_list_that_takes_too_long_is_a_gap(
    hub: ScriptedHub, reflect: Reflect, until: Until
) -> None:
    """The store shows how things were before the list, and grows ever older."""
    await hub.put("a")
    timing = Timing(relist=0.0, silence=1.5, backoff=QUICK.backoff)
    async with reflect(timing=timing, streaming=False) as running:
        await running.reflector.synced.wait()
        hub.lists_open.clear()
        await hub.put("b")
        await until(lambda: not running.reflector.in_sync)
        assert running.reflector.gaps == 1
        hub.lists_open.set()
        await until(lambda: running.reflector.in_sync)

    assert running.versions() == on_hub(hub)
    assert running.errors == []
