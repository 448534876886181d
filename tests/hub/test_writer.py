"""The writer: order, newest body, fairness, retries, fencing."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from ibgu.hub.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.deadline import Deadline
from ibgu.hub.paths import MERGE_PATCH, work, works
from ibgu.hub.writer import Limits, Write, Writer, WriteResult
from tests.hub.conftest import Fault, Json, ScriptedHub, Until, error_of

QUICK = Limits(rate=1e6, backoff=Backoff(first=0.001, longest=0.01))


def patch(name: str, text: str = "", *, version: str | None = None, owner: str = "r1") -> Write:
    body: Json = {"spec": {"text": text}}
    if version is not None:
        body["metadata"] = {"resourceVersion": version}
    return Write(
        key=("work", "spoke", name),
        method="PATCH",
        path=work("spoke", name),
        body=json.dumps(body).encode(),
        content_type=MERGE_PATCH,
        owner=owner,
        token=text,
    )


def create(name: str) -> Write:
    body = {"metadata": {"name": name, "namespace": "spoke"}}
    return Write(("work", "spoke", name), "POST", works("spoke"), json.dumps(body).encode())


Done = Callable[[WriteResult], None]


class Results(list[WriteResult]):
    def by_token(self) -> dict[str, WriteResult]:
        return {result.write.token: result for result in self}


@pytest.fixture
def results() -> Results:
    return Results()


class StartWriter(Protocol):
    def __call__(
        self, limits: Limits = ..., done: Done = ...
    ) -> AbstractAsyncContextManager[Writer]: ...


@pytest.fixture
def write(client: HubClient, results: Results) -> StartWriter:
    @asynccontextmanager
    async def start(limits: Limits = QUICK, done: Done = results.append) -> AsyncIterator[Writer]:
        writer = Writer(client, done=done, limits=limits, rng=random.Random(1))
        task = asyncio.create_task(writer.run())
        try:
            yield writer
        finally:
            task.cancel()
            await asyncio.wait({task})

    return start


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
    hub.write_seconds = 0.01
    for name in "abcdef":
        await hub.put(name)
    async with write(Limits(concurrency=3, rate=1e6)) as writer:
        for name in "abcdef":
            writer.submit(patch(name))
            writer.submit(patch(name))
        assert writer.depth == 6
        await writer.drained()

    assert hub.most_writing == 3


async def test_rollouts_take_turns(hub: ScriptedHub, write: StartWriter, results: Results) -> None:
    async with write(Limits(concurrency=1, rate=1e6)) as writer:
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


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_heal_is_tried_again(
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
    limits = Limits(rate=1e6, attempts=3, backoff=QUICK.backoff)
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
    async with write(Limits(concurrency=1, rate=1e6)) as writer:
        began = asyncio.get_running_loop().time()
        writer.submit(patch("a"))
        writer.submit(patch("b"))
        await writer.drained()

    assert asyncio.get_running_loop().time() - began >= 1
    assert hub.verbs() == ["patch"] * 3


async def test_a_create_whose_answer_was_lost_ends_as_a_conflict(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault]
) -> None:
    hub.faults.append(fault("post", status=500, after_effect=True))
    async with write() as writer:
        writer.submit(create("a"))
        await writer.drained()

    assert error_of(results[0]).already_exists
    assert ("spoke", "a") in hub.objects


async def test_a_patch_whose_answer_was_lost_ends_as_a_conflict(
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
    limits = Limits(rate=1e6, backoff=Backoff(first=0.05))
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


async def test_a_paused_writer_drops_what_is_queued_and_lets_go_what_is_sent(
    hub: ScriptedHub, write: StartWriter, results: Results, until: Until
) -> None:
    for name in "ab":
        await hub.put(name)
    hub.write_seconds = 0.02
    async with write(Limits(concurrency=1, rate=1e6)) as writer:
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


async def test_what_waits_for_a_retry_is_dropped_by_a_pause(
    hub: ScriptedHub, write: StartWriter, results: Results, fault: type[Fault], until: Until
) -> None:
    hub.faults.append(fault("patch", status=503))
    async with write(Limits(rate=1e6, backoff=Backoff(first=3600, longest=3600))) as writer:
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
    deadline.move(clock() + 0.05)
    async with write() as writer:
        writer.resume(deadline)
        writer.submit(patch("a", "x"))
        await writer.drained()

    assert error_of(results[0]).reason == "Timeout"
    assert results[0].superseded


async def test_the_rate_is_kept(hub: ScriptedHub, write: StartWriter) -> None:
    for number in range(30):
        await hub.put(f"w{number}")
    async with write(Limits(rate=100, burst=10)) as writer:
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
    async with write(Limits(concurrency=2, rate=1e6, backoff=QUICK.backoff)) as writer:
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
