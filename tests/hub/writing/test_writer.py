"""The writer: order, newest body, fairness, one result for each write."""

import asyncio
import json
import random
from collections import Counter

import pytest

from ibgu.hub.client import HubClient
from ibgu.hub.writing.writer import WriteLimits, Writer, WriteResult
from tests.hub.conftest import Fault, ScriptedHub, Until, error_of
from tests.hub.writing.writers import QUICK, Results, StartWriter, patch, results, write

__all__ = ["results", "write"]


async def test_a_write_is_made_and_its_answer_comes_back(
    hub: ScriptedHub, write: StartWriter, results: Results
) -> None:
    await hub.put("a")
    async with write() as writer:
        writer.submit(patch("a", "hello"))
        assert writer.pending(("work", "spoke", "a"))
        await writer.drained()

    assert not writer.pending(("work", "spoke", "a"))
    (result,) = results
    assert result.error is None
    assert result.body is not None
    assert json.loads(result.body)["spec"] == {"text": "hello"}
    assert (result.write.token, result.superseded) == ("hello", False)


async def test_only_the_newest_queued_body_is_sent(
    hub: ScriptedHub, write: StartWriter, results: Results, until: Until
) -> None:
    await hub.put("a")
    hub.write_seconds = 0.02
    async with write() as writer:
        writer.submit(patch("a", "1"))
        await until(lambda: hub.writing)
        for text in "234":
            writer.submit(patch("a", text))
        await writer.drained()

    assert [json.loads(body)["spec"]["text"] for body in hub.bodies] == ["1", "4"]
    outcome = {token: result.superseded for token, result in results.by_token().items()}
    assert outcome == {"1": False, "2": True, "3": True, "4": False}


async def test_one_object_has_one_write_in_flight_and_many_objects_many(
    hub: ScriptedHub, write: StartWriter, until: Until
) -> None:
    hub.write_seconds = 0.2
    for name in "abcdef":
        await hub.put(name)
    async with write(WriteLimits(concurrency=3, rate=1e6)) as writer:
        for name in "abcdef":
            writer.submit(patch(name))
            writer.submit(patch(name))
        assert writer.depth == 6
        await writer.drained()

    assert hub.most_writing == 3


async def test_rollouts_take_turns(hub: ScriptedHub, write: StartWriter, results: Results) -> None:
    async with write(WriteLimits(concurrency=1, rate=1e6)) as writer:
        for number in range(10):
            writer.submit(patch(f"big-{number}", owner="big"))
        for number in range(2):
            writer.submit(patch(f"small-{number}", owner="small"))
        await writer.drained()

    owners = [result.write.owner for result in results]
    assert owners[:4] == ["big", "small", "big", "small"]
    assert owners[4:] == ["big"] * 8


async def test_a_conflict_is_reported_and_never_repeated(
    hub: ScriptedHub, write: StartWriter, results: Results
) -> None:
    await hub.put("a")
    async with write() as writer:
        writer.submit(patch("a", "x", version="3"))
        await writer.drained()

    assert error_of(results[0]).conflict
    assert hub.verbs() == ["patch"]


async def test_a_refusal_is_reported_with_the_servers_words(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    hub.faults.append(fault("patch", status=422, reason="Invalid", message="spec.x: bad value"))
    async with write() as writer:
        writer.submit(patch("a"))
        await writer.drained()

    assert "422 Invalid: spec.x: bad value" in str(results[0].error)
    assert hub.verbs() == ["patch"]


async def test_the_rate_is_kept(hub: ScriptedHub, write: StartWriter) -> None:
    for number in range(30):
        await hub.put(f"w{number}")
    async with write(WriteLimits(rate=100, burst=10)) as writer:
        began = asyncio.get_running_loop().time()
        for number in range(30):
            writer.submit(patch(f"w{number}"))
        await writer.drained()

    assert asyncio.get_running_loop().time() - began >= 0.19


async def test_done_may_submit_again(hub: ScriptedHub, write: StartWriter) -> None:
    await hub.put("a")
    texts: list[str] = []

    def done(result: WriteResult) -> None:
        texts.append(result.write.token)
        if len(texts) < 3:
            writer.submit(patch("a", f"{len(texts)}"))

    async with write(done=done) as writer:
        writer.submit(patch("a", "0"))
        await writer.drained()

    assert texts == ["0", "1", "2"]


async def test_an_error_in_done_ends_the_writer(hub: ScriptedHub, client: HubClient) -> None:
    def done(result: WriteResult) -> None:
        raise LookupError("the controller's own")

    writer = Writer(client, done=done, limits=QUICK)
    writer.submit(patch("a"))
    with pytest.raises(ExceptionGroup) as caught:
        await writer.run()

    assert caught.group_contains(LookupError)


@pytest.mark.parametrize("seed", range(5))
async def test_every_write_has_exactly_one_result_and_the_last_one_wins(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], seed: int
) -> None:
    rng = random.Random(seed)
    for name in "abcd":
        await hub.put(name)
    last: dict[str, str] = {}
    async with write(WriteLimits(concurrency=2, rate=1e6, backoff=QUICK.backoff)) as writer:
        for number in range(200):
            name = rng.choice("abcd")
            last[name] = str(number)
            writer.submit(patch(name, str(number), owner=rng.choice(["r1", "r2"])))
            if rng.random() < 0.1:
                status = rng.choice([429, 500, 503])
                hub.faults.append(fault("patch", status=status, after_effect=rng.random() < 0.5))
            if rng.random() < 0.3:
                await asyncio.sleep(0.002)
        await writer.drained()

    assert Counter(result.write.token for result in results) == {str(n): 1 for n in range(200)}
    assert {name: hub.objects["spoke", name]["spec"]["text"] for name in "abcd"} == last
