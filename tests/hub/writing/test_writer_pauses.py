"""The writer writes nothing after its deadline, and nothing old after a pause."""

import asyncio

from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.writing.writer import WriteLimits
from tests.hub.conftest import Fault, ScriptedHub, Until, error_of
from tests.hub.writing.writers import Results, StartWriter, patch, results, write

__all__ = ["results", "write"]


async def test_a_paused_writer_drops_what_is_queued_and_lets_go_what_is_sent(
    hub: ScriptedHub, write: StartWriter, results: Results, until: Until
) -> None:
    for name in "ab":
        await hub.put(name)
    hub.write_seconds = 0.02
    async with write(WriteLimits(concurrency=1, rate=1e6)) as writer:
        writer.submit(patch("a", "sent"))
        writer.submit(patch("b", "queued"))
        await until(lambda: hub.writing)
        writer.submit(patch("a", "next"))
        writer.pause()
        writer.submit(patch("b", "late"))
        await writer.drained()

        assert {t: r.superseded for t, r in results.by_token().items()} == {
            "sent": False,
            "queued": True,
            "next": True,
            "late": True,
        }
        assert len(hub.bodies) == 1

        writer.resume()
        writer.submit(patch("b", "again"))
        await writer.drained()
    assert results.by_token()["again"].error is None


async def test_a_pause_drops_writes_that_wait_for_a_retry(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    hub.faults.append(fault("patch", status=503))
    async with write(WriteLimits(rate=1e6, backoff=Backoff(first=3600, longest=3600))) as writer:
        writer.submit(patch("a", "x"))
        await until(lambda: writer.retries)
        writer.pause()
        await writer.drained()

    assert results[0].superseded


async def test_a_failed_write_is_not_tried_again_after_a_pause(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    hub.write_seconds = 0.02
    hub.faults.append(fault("patch", status=503, after_effect=True))
    async with write() as writer:
        writer.submit(patch("a", "x"))
        await until(lambda: hub.writing)
        writer.pause()
        await writer.drained()

    assert (results[0].superseded, error_of(results[0]).status) == (True, 503)
    assert hub.verbs() == ["patch"]


async def test_nothing_is_sent_after_the_deadline(
    hub: ScriptedHub, write: StartWriter, results: Results
) -> None:
    deadline = Deadline(asyncio.get_running_loop().time)
    async with write() as writer:
        writer.resume(deadline)
        writer.submit(patch("a", "x"))
        writer.submit(patch("b", "y"))
        await writer.drained()

    assert all(result.superseded for result in results)
    assert hub.requests == []


async def test_a_request_may_not_outlive_the_deadline(
    hub: ScriptedHub, write: StartWriter, results: Results
) -> None:
    hub.write_seconds = 3600
    clock = asyncio.get_running_loop().time
    deadline = Deadline(clock)
    deadline.move(clock() + 2)
    async with write() as writer:
        writer.resume(deadline)
        writer.submit(patch("a", "x"))
        await writer.drained()

    assert error_of(results[0]).reason == "Timeout"
    assert results[0].superseded
