"""The small parts: paths, backoff, turns, rate, cache, deadlines, error bodies."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.bucket import TokenBucket
from ibgu.flowcontrol.deadline import Deadline
from ibgu.flowcontrol.fair import FairQueue
from ibgu.flowcontrol.ttl import TtlCache
from ibgu.hub import paths
from ibgu.hub.errors import HubError, read_error


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name of a Kubernetes object"):
        paths.config_map("default", name)


def test_a_name_cannot_leave_its_place() -> None:
    path = paths.config_map("default", "x/../../secrets/y?watch=1#")
    assert path == "/api/v1/namespaces/default/configmaps/x%2F..%2F..%2Fsecrets%2Fy%3Fwatch%3D1%23"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (paths.ibgus(), "/apis/lcm.openshift.io/v1alpha1/imagebasedgroupupgrades"),
        (
            paths.ibgu_status("default", "ran"),
            "/apis/lcm.openshift.io/v1alpha1/namespaces/default/imagebasedgroupupgrades/ran/status",
        ),
        (
            paths.managed_cluster("site-1"),
            "/apis/cluster.open-cluster-management.io/v1/managedclusters/site-1",
        ),
        (
            paths.work("site-1", "w"),
            "/apis/work.open-cluster-management.io/v1/namespaces/site-1/manifestworks/w",
        ),
        (paths.cgus(), "/apis/ran.openshift.io/v1alpha1/clustergroupupgrades"),
        (
            paths.lease("ns", "l"),
            "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l",
        ),
        (paths.events("ns"), "/apis/events.k8s.io/v1/namespaces/ns/events"),
        (paths.secret("ns", "s"), "/api/v1/namespaces/ns/secrets/s"),
        (paths.namespace("kube-system"), "/api/v1/namespaces/kube-system"),
        (paths.deployment("ns", "d"), "/apis/apps/v1/namespaces/ns/deployments/d"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (paths.ibgu_status("default", "ran"), "imagebasedgroupupgrades/status"),
        (paths.works(), "manifestworks"),
        (paths.works("site-1"), "manifestworks"),
        (paths.work("namespaces", "w"), "manifestworks"),
        (paths.managed_cluster("namespaces"), "managedclusters"),
        (paths.TOKEN_REVIEWS, "tokenreviews"),
        (paths.secret("ns", "s"), "secrets"),
        (paths.pod_log("ns", "p"), "pods/log"),
        (paths.namespace("kube-system"), "namespaces"),
        ("/api/v1/namespaces", "namespaces"),
        (paths.VERSION, ""),
        (paths.OPENAPI, ""),
    ],
)
def test_what_a_path_leads_to(path: str, expected: str) -> None:
    assert paths.resource(path) == expected


def test_backoff_grows_to_its_limit_and_never_stands_in_step() -> None:
    backoff, rng = Backoff(first=1, longest=8), random.Random(0)
    delays = [backoff.delay(failures, rng) for failures in range(1, 200)]

    assert all(0.5 <= delays[0] <= 1 and 4 <= delay <= 8 for delay in delays[3:])
    assert len(set(delays)) == len(delays)


def test_owners_take_turns_and_keep_their_own_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.push(item[0], item)

    assert [queue.pop() for _ in range(7)] == ["a1", "b1", "c1", "a2", "c2", "a3", None]


def test_an_empty_queue_has_nobody() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.push("a", 1)
    queue.clear()
    assert queue.pop() is None


async def test_after_a_burst_the_rate_holds() -> None:
    loop = asyncio.get_running_loop()
    bucket, began = TokenBucket(rate=100, burst=5), loop.time()
    for _ in range(10):
        await bucket.take()
    assert loop.time() - began >= 0.045


async def test_a_held_bucket_gives_nothing_also_to_those_who_wait() -> None:
    loop = asyncio.get_running_loop()
    bucket, began = TokenBucket(rate=1000, burst=1), loop.time()
    bucket.hold(0.05)
    await asyncio.gather(bucket.take(), bucket.take())
    assert loop.time() - began >= 0.05


def test_a_deadline_moves_and_ends() -> None:
    now = 10.0
    deadline = Deadline(lambda: now)

    def expired() -> bool:
        return deadline.expired

    assert expired()
    assert deadline.remaining() == 0
    deadline.move(12.5)
    assert not expired()
    assert deadline.remaining() == 2.5
    deadline.end()
    assert expired()


async def test_one_question_is_asked_once_and_again_when_it_is_old() -> None:
    now = 0.0
    asked: list[float] = []

    async def ask() -> int:
        asked.append(now)
        await asyncio.sleep(0)
        return len(asked)

    cache: TtlCache[str, int] = TtlCache(10, lambda: now)
    assert await asyncio.gather(*(cache.get("k", ask) for _ in range(3))) == [1, 1, 1]
    now = 9.9
    assert await cache.get("k", ask) == 1
    now = 10.0
    assert await cache.get("k", ask) == 2


async def test_an_error_is_not_kept_and_a_cancelled_caller_takes_nothing_away() -> None:
    calls: list[int] = []

    async def ask() -> str:
        calls.append(1)
        await asyncio.sleep(0.01)
        if len(calls) == 1:
            raise HubError(503, "Unavailable", "away")
        return "answer"

    cache: TtlCache[str, str] = TtlCache(10, lambda: 0.0)
    with pytest.raises(HubError):
        await cache.get("k", ask)
    impatient = asyncio.create_task(cache.get("k", ask))
    patient = asyncio.create_task(cache.get("k", ask))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "answer"
    assert len(calls) == 2


async def test_a_full_cache_forgets_the_oldest() -> None:
    asked: list[str] = []

    def ask(key: str) -> Callable[[], Coroutine[Any, Any, str]]:
        async def answer() -> str:
            asked.append(key)
            return key

        return answer

    cache: TtlCache[str, str] = TtlCache(10, lambda: 0.0, capacity=2)
    for key in ("a", "b", "c", "b", "a"):
        await cache.get(key, ask(key))
    assert asked == ["a", "b", "c", "a"]


def test_the_retry_seconds_of_a_status_body_are_read() -> None:
    body = b'{"code":429,"reason":"TooManyRequests","details":{"retryAfterSeconds":3}}'
    error = read_error(429, "Too Many", body, None, method="GET", path="/x")
    assert (error.retry_after, error.reason) == (3, "TooManyRequests")
    assert read_error(429, "Too Many", body, "5", method="GET", path="/x").retry_after == 5
    late = read_error(503, "", b"", "Wed, 21 Oct 2026 07:28:00 GMT", method="GET", path="/x")
    assert (late.retry_after, late.message) == (None, "no details")
