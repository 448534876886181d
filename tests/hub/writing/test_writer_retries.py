"""The writer when the hub refuses, throttles, or its answer is lost."""

import asyncio

import pytest

from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.writing.writer import WriteLimits
from tests.hub.conftest import Fault, ScriptedHub, Until, error_of
from tests.hub.writing.writers import QUICK, Results, StartWriter, create, patch, results, write

__all__ = ["results", "write"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_transient_errors_are_retried(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], status: int
) -> None:
    await hub.put("a")
    hub.faults.extend(fault("patch", status=status) for _ in range(3))
    async with write() as writer:
        writer.submit(patch("a", "x"))
        await writer.drained()

    assert results[0].error is None
    assert hub.verbs() == ["patch"] * 4
    assert writer.retries == 3


async def test_a_server_error_that_never_heals_is_reported_at_once(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    hub.faults.append(fault("patch", status=500, message="field not declared in schema"))
    async with write() as writer:
        writer.submit(patch("a"))
        await writer.drained()

    assert error_of(results[0]).status == 500
    assert hub.verbs() == ["patch"]


async def test_after_so_many_tries_the_error_is_reported(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    hub.faults.extend(fault("patch", status=503) for _ in range(9))
    limits = WriteLimits(rate=1e6, attempts=3, backoff=QUICK.backoff)
    async with write(limits) as writer:
        writer.submit(patch("a"))
        await writer.drained()

    assert error_of(results[0]).status == 503
    assert hub.verbs() == ["patch"] * 3


async def test_throttling_holds_everything_as_long_as_the_server_says(
    hub: ScriptedHub, write: StartWriter, fault: type[Fault]
) -> None:
    await hub.put("a")
    await hub.put("b")
    hub.faults.append(fault("patch", status=429, headers={"Retry-After": "1"}))
    async with write(WriteLimits(concurrency=1, rate=1e6)) as writer:
        began = asyncio.get_running_loop().time()
        writer.submit(patch("a"))
        writer.submit(patch("b"))
        await writer.drained()

    assert asyncio.get_running_loop().time() - began >= 1
    assert hub.verbs() == ["patch"] * 3


async def test_an_object_that_is_refused_for_long_holds_nobody_else(
    hub: ScriptedHub, write: StartWriter, fault: type[Fault], until: Until
) -> None:
    """Each one has its own growing pause; only the server's own is everybody's."""
    await hub.put("a")
    await hub.put("b")
    hub.faults.append(fault("patch", status=429, headers={"Retry-After": "1"}))
    pause = Backoff(first=3600, longest=3600)
    async with write(WriteLimits(concurrency=1, rate=1e6, backoff=pause)) as writer:
        writer.submit(patch("a"))
        writer.submit(patch("b", "x"))
        await until(lambda: hub.objects["spoke", "b"].get("spec"))
        assert writer.pending(patch("a").key)


async def test_a_create_with_a_lost_answer_ends_as_already_existing(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    hub.faults.append(fault("post", status=500, after_effect=True))
    async with write() as writer:
        writer.submit(create("a"))
        await writer.drained()

    assert error_of(results[0]).already_exists
    assert ("spoke", "a") in hub.objects


async def test_a_patch_with_a_lost_answer_ends_as_a_conflict(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    version = (await hub.put("a"))["metadata"]["resourceVersion"]
    hub.faults.append(fault("patch", status=503, after_effect=True))
    async with write() as writer:
        writer.submit(patch("a", "x", version=version))
        await writer.drained()

    assert error_of(results[0]).conflict
    assert hub.objects["spoke", "a"]["spec"] == {"text": "x"}


async def test_a_newer_body_takes_the_place_of_one_that_waits_for_a_retry(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    await hub.put("a")
    hub.faults.append(fault("patch", status=503))
    limits = WriteLimits(rate=1e6, backoff=Backoff(first=0.05))
    async with write(limits) as writer:
        writer.submit(patch("a", "old"))
        await until(lambda: writer.retries)
        writer.submit(patch("a", "new"))
        await writer.drained()

    assert hub.objects["spoke", "a"]["spec"] == {"text": "new"}
    assert results.by_token()["old"].superseded
    assert hub.verbs() == ["patch"] * 2


async def test_a_write_that_failed_while_a_newer_one_came_is_superseded(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    await hub.put("a")
    hub.write_seconds = 0.02
    hub.faults.append(fault("patch", status=503, after_effect=True))
    async with write() as writer:
        writer.submit(patch("a", "old"))
        await until(lambda: hub.writing)
        writer.submit(patch("a", "new"))
        await writer.drained()

    old = results.by_token()["old"]
    assert (old.superseded, error_of(old).status) == (True, 503)
    assert results.by_token()["new"].error is None
