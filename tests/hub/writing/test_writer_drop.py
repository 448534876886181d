"""Writes that are queued can be given up; those on their way can't."""

from msgspec.structs import replace

from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.paths import works
from ibgu.hub.writing.writer import Write, WriteLimits, Writer, WriteResult
from tests.hub.conftest import Fault, ScriptedHub, Until, error_of
from tests.hub.writing.writers import Results, StartWriter, patch, results, write

__all__ = ["results", "write"]

KEY = ("work", "spoke", "a")
CREATE = Write(KEY, "POST", works("spoke"), b"{}", token="run-1")


async def test_a_queued_write_is_dropped_and_reported(client: HubClient) -> None:
    results: list[WriteResult] = []
    writer = Writer(client, done=results.append)
    writer.submit(CREATE)
    assert writer.queued(KEY) == CREATE
    writer.drop(KEY)
    assert (writer.pending(KEY), writer.queued(KEY)) == (False, None)
    assert results == [WriteResult(CREATE, superseded=True)]


async def test_dropping_nothing_says_nothing(client: HubClient) -> None:
    results: list[WriteResult] = []
    writer = Writer(client, done=results.append)
    writer.drop(KEY)
    assert results == []


async def test_a_write_of_no_rollout_is_not_dropped_with_the_rest(client: HubClient) -> None:
    results: list[WriteResult] = []
    writer = Writer(client, done=results.append)
    owned = replace(CREATE, key=("work", "spoke", "b"), owner="r1")
    writer.submit(CREATE)
    writer.submit(owned)
    writer.drop_owned()
    assert (writer.queued(KEY), writer.queued(owned.key)) == (CREATE, None)
    assert results == [WriteResult(owned, superseded=True)]


async def test_a_retry_that_is_dropped_keeps_the_error_of_its_first_attempt(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    """The hub may have done it."""
    await hub.put("a")
    hub.faults.append(fault("patch", status=503))
    slow = WriteLimits(rate=1e6, backoff=Backoff(first=60.0, longest=60.0))
    async with write(slow) as writer:
        writer.submit(patch("a"))
        await until(lambda: writer.retries == 1)
        writer.drop(KEY)
    assert results[0].superseded
    assert error_of(results[0]).status == 503
