"""Writes that are queued can be given up; those on their way can't."""

from ibgu.hub.client import HubClient
from ibgu.hub.paths import works
from ibgu.hub.writing.writer import Write, Writer, WriteResult

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
