"""The follower of the API's benchmark notices what it did not hear, and what it heard twice."""

import pytest

from tests.benchmarks.api.listener import Client, ReceivedEvents, Watch

WATCH = Watch("127.0.0.1", 1, "/", "", clients=1, slow=0, first=7, last=10, every=1, patience=0.0)


def told(*ids: int) -> bytes:
    """Returns events as the API sends them, each in a chunk of its own."""
    events = [f'id: {number}\ndata: {{"at":"2026-11-21T08:00:00Z"}}\n\n' for number in ids]
    return "".join(f"{len(event):x}\r\n{event}\r\n" for event in events).encode()


@pytest.mark.parametrize(
    ("ids", "done", "wrong"),
    [
        pytest.param((7, 8, 9, 10), True, False, id="each once"),
        pytest.param((7, 8, 9), False, False, id="not the last one yet"),
        pytest.param((7, 9, 10), True, True, id="a gap"),
        pytest.param((8, 9, 10), True, True, id="not the first one"),
        pytest.param((7, 8, 8, 9, 10), True, True, id="one twice"),
    ],
)
@pytest.mark.parametrize("size", [1, 11, 10_000])
async def test_a_follower_detects_gaps_and_repeated_events(
    ids: tuple[int, ...], done: bool, wrong: bool, size: int
) -> None:
    """However the bytes arrive."""
    client = Client(WATCH, ReceivedEvents([], 0, 0, 0), measures=False)
    data = told(*ids)
    for first in range(0, len(data), size):
        client.data_received(data[first : first + size])
    assert (client.done.done(), client.wrong) == (done, wrong)
