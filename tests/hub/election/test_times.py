"""The times of a lease follow the hub's response times, and never let two lead."""

import asyncio
from math import ceil
from typing import Any

import pytest
from msgspec import json

from ibgu.hub.client import HubClient
from ibgu.hub.election import times
from ibgu.hub.election.times import MEMORY, AdaptiveTimes, LeaseTimes
from ibgu.hub.errors import TRANSPORT, HubError
from ibgu.hub.paths import lease
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.hub.conftest import ScriptedHub, Until
from tests.hub.election.test_lease import KEY, QUICK, Leader, elector, running, spec
from tests.simulation.loop import play

DEFAULT = LeaseTimes()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def adaptive(longest: float = 15.0) -> tuple[AdaptiveTimes, Clock]:
    clock = Clock()
    return AdaptiveTimes(DEFAULT, longest, clock), clock


@pytest.mark.parametrize(
    ("slowest", "duration", "deadline"),
    [(0.01, 4.0, 3.0), (0.75, 4.0, 3.0), (1.5, 8.0, 6.0), (2.5, 13.33, 10.0), (60.0, 15.0, 11.25)],
)
def test_the_lease_leaves_time_for_four_of_the_slowest_responses(
    slowest: float, duration: float, deadline: float
) -> None:
    lease, _ = adaptive()
    lease.observe(slowest)
    assert lease.current.duration == pytest.approx(duration, abs=0.01)
    assert lease.current.renew_deadline == pytest.approx(deadline, abs=0.01)
    assert lease.current.retry == DEFAULT.retry


def test_the_slowest_response_counts_for_ten_minutes() -> None:
    lease, clock = adaptive()
    lease.observe(1.5)
    clock.now += MEMORY - 1
    lease.observe(0.01)
    assert lease.current.duration == 8.0
    clock.now += 1
    lease.observe(0.9)
    assert lease.current.duration == pytest.approx(4.8)
    clock.now += MEMORY
    lease.observe(0.01)
    assert lease.current == DEFAULT


@pytest.mark.parametrize("longest", [0.0, 3.0, 4.0])
def test_a_fixed_lease_stays_as_it_is(longest: float) -> None:
    lease, _ = adaptive(longest)
    lease.observe(60.0)
    assert lease.current == DEFAULT


@pytest.fixture
def sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second is slow to a lease that even a slow machine never loses."""
    monkeypatch.setattr(times, "HEADROOM", 1000.0)


class LateResponses(HubClient):
    """The hub writes at once, and responds late."""

    seconds = 0.0

    async def request(self, method: str, path: str, **options: Any) -> bytes:
        response = await super().request(method, path, **options)
        await asyncio.sleep(self.seconds)
        return response


@pytest.mark.usefixtures("sensitive")
async def test_a_leader_continues_no_longer_than_its_last_renewal_says(
    hub: ScriptedHub, until: Until
) -> None:
    """The late response makes the times grow; it belongs to a renewal with the shorter ones."""
    seen: list[tuple[float, int]] = []
    async with await LateResponses.with_token(hub.url, "t", None) as client:
        one = elector(client, times=QUICK, longest=120.0)
        async with running(one, lead := Leader()):
            await lead.began.wait()
            client.seconds = 0.1

            def grown() -> bool:
                said = int(spec(hub)["leaseDurationSeconds"])
                seen.append((one.deadline.remaining(), said))
                # A busy machine lets them grow a little before.
                return said > 100

            await until(grown)
            assert spec(hub)["leaseDurationSeconds"] == ceil(one.times.duration)
            assert one.times.renew_deadline == pytest.approx(one.times.duration * 2 / 3)
    assert seen
    assert all(left <= said * 2 / 3 for left, said in seen)
    assert lead.times == 1


class SlowHub(MemoryClient):
    """Every response takes its time."""

    seconds = 0.0

    async def request(self, method: str, path: str, **options: Any) -> bytes:
        left = options["timeout"]
        await asyncio.sleep(min(self.seconds, left))
        if self.seconds > left:
            raise HubError(TRANSPORT, "Timeout", "late", method=method, path=path)
        return await super().request(method, path, **options)


async def _slower_from_one_request_to_the_next(seconds: float) -> None:
    client = SlowHub(MemoryHub(now=asyncio.get_running_loop().time))
    one = elector(client, times=DEFAULT, longest=15.0)
    async with running(one, lead := Leader()):
        await lead.began.wait()
        client.seconds = seconds
        await asyncio.sleep(MEMORY / 2)
        assert lead.times == 1
        assert one.times.renew_deadline == pytest.approx(4 * seconds)


@pytest.mark.parametrize("seconds", [0.8, 1.1, 1.4])
def test_a_hub_that_becomes_slow_does_not_cost_the_lead(seconds: float) -> None:
    """The renewal that shows it has the short deadline: the next one may not wait."""
    play(_slower_from_one_request_to_the_next(seconds))


async def _slower_when_it_stops(seconds: float) -> None:
    client = SlowHub(MemoryHub(now=asyncio.get_running_loop().time))
    one = elector(client, times=DEFAULT, longest=15.0)
    async with running(one, lead := Leader()):
        await lead.began.wait()
        client.seconds = seconds
    client.seconds = 0.0
    found = await client.request("GET", lease(*KEY), timeout=1.0)
    assert json.decode(found)["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.2])
def test_a_slow_hub_still_hears_that_the_leader_stops(seconds: float) -> None:
    play(_slower_when_it_stops(seconds))
