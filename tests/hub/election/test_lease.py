"""The elector: one leader at a time, whatever hangs, fails or dies."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypedDict, Unpack

import pytest
from structlog.testing import capture_logs

from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.election import lease
from ibgu.hub.election.lease import Elector, Lead
from ibgu.hub.election.lease_watch import LeaseWatch
from ibgu.hub.election.times import LeaseTimes
from ibgu.hub.errors import LeaderStuck
from ibgu.hub.port import Hub
from tests.hub.conftest import Fault, Json, ScriptedHub, Until

QUICK = LeaseTimes(duration=30, renew_deadline=20, retry=0.02, renew=0.02)
"""Often renewed, but with a deadline that a slow machine does not miss."""

SHORT = LeaseTimes(duration=4, renew_deadline=2, retry=0.02)
"""Where the deadline is to be missed."""

KEY = ("ibgu-system", "ibgu")


class Options(TypedDict, total=False):
    longest: float
    times: LeaseTimes
    on_error: Callable[[HubError], None]
    now: Callable[[], datetime]


def elector(client: Hub, identity: str = "one", **options: Unpack[Options]) -> Elector:
    options.setdefault("times", QUICK)
    return Elector(client, *KEY, identity, rng=random.Random(1), **options)


class Leader:
    """A `lead` that notes what happens to it."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.end = asyncio.Event()
        self.times = 0

    async def __call__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.times += 1
        self.began.set()
        try:
            await self.end.wait()
        finally:
            self.ended.set()


@asynccontextmanager
async def running(elector: Elector, lead: Lead) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(elector.run(lead))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def spec(hub: ScriptedHub) -> Json:
    lease: Json = hub.objects[KEY]["spec"]
    return lease


async def test_the_elector_creates_the_lease_and_leads(hub: ScriptedHub, client: HubClient) -> None:
    now = datetime(2026, 3, 1, 12, 0, 0, 0, timezone(timedelta(hours=-5)))
    lead = Leader()
    one = elector(client, now=lambda: now)
    async with running(one, lead):
        await lead.began.wait()
        assert one.leader == "one"
        assert 0 < one.deadline.remaining() <= 20

        assert spec(hub) == {
            "holderIdentity": "one",
            "leaseDurationSeconds": 30,
            "acquireTime": "2026-03-01T17:00:00.000000Z",
            "renewTime": "2026-03-01T17:00:00.000000Z",
            "leaseTransitions": 0,
        }


async def test_a_renewal_keeps_the_rest_of_the_lease(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    lead = Leader()
    async with running(elector(client), lead):
        await lead.began.wait()
        first = spec(hub)
        await until(lambda: hub.verbs().count("patch") >= 3)

        assert spec(hub)["renewTime"] > first["renewTime"]
        assert spec(hub)["acquireTime"] == first["acquireTime"]
        assert spec(hub)["leaseTransitions"] == 0
    assert lead.times == 1


async def test_renewals_are_rare_and_failed_ones_are_retried_soon(
    hub: ScriptedHub, client: HubClient, fault: type[Fault], until: Until
) -> None:
    """Four times in a deadline, as long as each renewal is answered."""
    lead, began = Leader(), asyncio.get_running_loop().time()
    seldom = LeaseTimes(duration=12, renew_deadline=8, retry=0.02)
    async with running(elector(client, times=seldom), lead):
        await lead.began.wait()
        hub.faults += [fault("patch", status=503) for _ in range(3)]
        await until(lambda: hub.verbs().count("patch") >= 4)
        tries, passed = hub.verbs().count("patch"), asyncio.get_running_loop().time() - began
        await asyncio.sleep(0.2)
        assert hub.verbs().count("patch") == tries == 4
        assert passed >= 2.0
    assert lead.times == 1


async def test_stopping_releases_the_lease_after_the_leader_has_ended(
    hub: ScriptedHub, client: HubClient
) -> None:
    lead = Leader()
    async with running(elector(client), lead):
        await lead.began.wait()

    assert lead.ended.is_set()
    assert spec(hub)["holderIdentity"] == ""
    assert lead.deadline.expired


async def test_a_renewal_that_was_cut_off_does_not_keep_it_from_its_release(
    hub: ScriptedHub, client: HubClient
) -> None:
    def renewed() -> None:
        hub.version += 1
        hub.objects[KEY]["metadata"]["resourceVersion"] = str(hub.version)

    lead = Leader()
    seldom = LeaseTimes(duration=300, renew_deadline=290, retry=280)
    async with running(elector(client, times=seldom), lead):
        await lead.began.wait()
        hub.hooks["patch"] = renewed

    assert not hub.hooks, "it took effect between the two requests of the release"
    assert spec(hub)["holderIdentity"] == ""


async def test_a_released_lease_is_taken_at_once(hub: ScriptedHub, client: HubClient) -> None:
    async with running(elector(client, "one"), first := Leader()):
        await first.began.wait()
    async with running(elector(client, "two"), second := Leader()):
        await second.began.wait()

        assert spec(hub)["holderIdentity"] == "two"
        assert spec(hub)["leaseTransitions"] == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LookupError("its own"), ["LookupError('its own')"]),
        (HubError(403, "Forbidden", "by an older Role"), []),
    ],
)
async def test_a_watch_that_ends_keeps_nobody_from_leading(
    hub: ScriptedHub,
    client: HubClient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: list[str],
) -> None:
    """Anyone who stands by looks now and then; an error of ours is reported."""
    watched = asyncio.Event()

    async def broken(self: LeaseWatch) -> None:
        watched.set()
        raise error

    monkeypatch.setattr(LeaseWatch, "_once", broken)
    with capture_logs() as told:
        async with running(elector(client, "one"), first := Leader()):
            await first.began.wait()
            async with running(elector(client, "two"), second := Leader()):
                await watched.wait()
                first.end.set()
                await second.began.wait()
                assert spec(hub)["holderIdentity"] == "two"
    assert [each["error"] for each in told if "error" in each] == words


async def test_a_standby_logs_each_holder_once(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    two = elector(client, "two")
    with capture_logs() as logs:
        async with running(elector(client, "one"), first := Leader()):
            await first.began.wait()
            assert not [each for each in logs if each["event"] == "standing by"]
            async with running(two, Leader()):
                reads = hub.verbs().count("get")
                await until(lambda: hub.verbs().count("get") >= reads + 4)
                hub.version += 1
                hub.objects[KEY]["metadata"]["resourceVersion"] = str(hub.version)
                spec(hub)["holderIdentity"] = "three"
                await until(lambda: two.leader == "three")
                reads = hub.verbs().count("get")
                await until(lambda: hub.verbs().count("get") >= reads + 4)
    stands_by = [each for each in logs if each["event"] == "standing by"]
    assert [(each["lease"], each["holder"]) for each in stands_by[:2]] == [
        ("ibgu-system/ibgu", "one"),
        ("ibgu-system/ibgu", "three"),
    ]
    assert sum(each["holder"] == "one" for each in stands_by) == 1


@pytest.mark.parametrize("leads", [True, False])
async def test_nobody_watches_who_leads_or_has_ended(
    hub: ScriptedHub, client: HubClient, monkeypatch: pytest.MonkeyPatch, leads: bool
) -> None:
    watched, ended = asyncio.Event(), asyncio.Event()

    async def endless(self: LeaseWatch) -> None:
        watched.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(LeaseWatch, "_once", endless)
    async with running(elector(client, "one"), first := Leader()):
        await first.began.wait()
        async with running(elector(client, "two"), second := Leader()):
            await watched.wait()
            if leads:
                first.end.set()
                await second.began.wait()
                await ended.wait()
        await ended.wait()


async def test_a_leader_that_dies_ends_leadership(hub: ScriptedHub, client: HubClient) -> None:
    async def lead(deadline: Deadline) -> None:
        raise LookupError("the controller's own")

    with pytest.raises(LookupError, match="the controller's own"):
        await elector(client).run(lead)

    assert spec(hub)["holderIdentity"] == ""


async def test_a_leader_that_returns_ends_the_run(hub: ScriptedHub, client: HubClient) -> None:
    async def lead(deadline: Deadline) -> None:
        return

    await elector(client).run(lead)

    assert spec(hub)["holderIdentity"] == ""


async def test_a_renewed_lease_of_another_holder_is_respected(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    async def renew() -> None:
        while True:
            holder = {"holderIdentity": "other", "leaseDurationSeconds": 1}
            await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": str(hub.version)})
            await asyncio.sleep(0.05)

    other = asyncio.create_task(renew())
    one = elector(client)
    async with running(one, lead := Leader()):
        await asyncio.sleep(1.3)
        assert not lead.began.is_set()
        assert one.leader == "other"

        other.cancel()
        began = asyncio.get_running_loop().time()
        await lead.began.wait()
    assert asyncio.get_running_loop().time() - began > 0.9


async def test_the_holders_clock_does_not_matter(hub: ScriptedHub, client: HubClient) -> None:
    holder = {"holderIdentity": "other", "leaseDurationSeconds": 1}
    await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": "1999-01-01T00:00:00.0Z"})
    began = asyncio.get_running_loop().time()
    async with running(elector(client), lead := Leader()):
        await lead.began.wait()

    assert asyncio.get_running_loop().time() - began > 0.9


async def test_a_lease_that_was_looked_at_runs_out_meanwhile(
    hub: ScriptedHub, client: HubClient
) -> None:
    """Nobody renews the Lease meanwhile."""
    holder = {"holderIdentity": "other", "leaseDurationSeconds": 1}
    await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": "x"})
    one = elector(client)
    await one.read()
    await asyncio.sleep(1.01)
    async with running(one, lead := Leader()):
        await lead.began.wait()
        assert [verb for verb, _ in hub.requests].count("get") == 2, "taken at the first try"

    await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": "x"})
    other = elector(client, "two")
    await other.read()
    await asyncio.sleep(1.01)
    await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": "y"})
    began = asyncio.get_running_loop().time()
    async with running(other, lead := Leader()):
        await lead.began.wait()
    assert asyncio.get_running_loop().time() - began > 0.9


async def test_a_look_at_a_lease_that_is_not_there(hub: ScriptedHub, client: HubClient) -> None:
    one = elector(client)
    await one.read()
    async with running(one, lead := Leader()):
        await lead.began.wait()


async def test_the_elector_tries_again_when_the_lease_expires(
    hub: ScriptedHub, client: HubClient
) -> None:
    """The next regular try would come after all of the test's patience."""
    holder = {"holderIdentity": "other", "leaseDurationSeconds": 1}
    await hub.put("ibgu", "ibgu-system", spec=holder | {"renewTime": "x"})
    times = LeaseTimes(duration=300, renew_deadline=290, retry=280)
    async with (
        running(elector(client, times=times), lead := Leader()),
        asyncio.timeout(times.retry),
    ):
        await lead.began.wait()


async def test_an_edited_label_is_no_renewal(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    async def edit() -> None:
        while True:
            fields = {"holderIdentity": "other", "leaseDurationSeconds": 1, "renewTime": "x"}
            await hub.put("ibgu", "ibgu-system", spec=fields)
            await asyncio.sleep(0.03)

    editing = asyncio.create_task(edit())
    async with running(elector(client), lead := Leader()):
        await until(lambda: hub.objects.get(KEY, {}).get("spec", {}).get("holderIdentity") == "one")
        editing.cancel()
        await lead.began.wait()


async def test_a_hub_that_hangs_ends_leadership_at_the_deadline(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    errors: list[HubError] = []
    one = elector(client, on_error=errors.append, times=SHORT)
    async with running(one, lead := Leader()):
        await until(lambda: hub.verbs().count("patch") >= 2)
        hub.write_seconds = 3600
        await lead.ended.wait()
        assert one.deadline.expired

        hub.write_seconds = 0
        await until(lambda: lead.times >= 2)
    assert errors[0].reason == "Timeout"


async def test_transient_failures_do_not_end_leadership(
    hub: ScriptedHub, client: HubClient, until: Until, fault: type[Fault]
) -> None:
    errors: list[HubError] = []
    async with running(elector(client, on_error=errors.append), lead := Leader()):
        await lead.began.wait()
        hub.faults.extend(fault("patch", status=503, after_effect=n % 2 == 0) for n in range(4))
        await until(lambda: not hub.faults)
        before = hub.verbs().count("patch")
        await until(lambda: hub.verbs().count("patch") > before + 2)

    assert lead.times == 1
    assert len(errors) == 4


async def test_a_lease_taken_by_another_ends_leadership_at_once(
    hub: ScriptedHub, client: HubClient
) -> None:
    one = elector(client)
    async with running(one, lead := Leader()):
        await lead.began.wait()
        thief = {"holderIdentity": "thief", "leaseDurationSeconds": 1, "renewTime": "x"}
        await hub.put("ibgu", "ibgu-system", spec=thief)
        await lead.ended.wait()

        assert one.deadline.expired
        assert one.leader == "thief"
    assert spec(hub)["holderIdentity"] == "thief"


async def test_an_edit_of_our_lease_by_others_does_not_end_leadership(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    async with running(elector(client), lead := Leader()):
        await lead.began.wait()
        await hub.put("ibgu", "ibgu-system", spec=spec(hub))
        before = hub.verbs().count("patch")
        await until(lambda: hub.verbs().count("patch") > before + 2)

    assert lead.times == 1


async def test_a_deleted_lease_is_created_again(
    hub: ScriptedHub, client: HubClient, until: Until
) -> None:
    async with running(elector(client), lead := Leader()):
        await lead.began.wait()
        await hub.remove("ibgu", "ibgu-system")
        await until(lambda: KEY in hub.objects)

    assert lead.times == 1


async def test_a_frozen_process_knows_that_its_time_is_over(
    hub: ScriptedHub, client: HubClient
) -> None:
    one = elector(client, times=SHORT)
    async with running(one, lead := Leader()):
        await lead.began.wait()
        time.sleep(2.1)  # noqa: ASYNC251 - the whole event loop stands still
        assert one.deadline.expired
        await lead.ended.wait()


@pytest.mark.parametrize("seed", range(4))
async def test_never_two_leaders(
    hub: ScriptedHub, fault: type[Fault], until: Until, seed: int
) -> None:
    rng = random.Random(seed)
    leaders = 0
    most = 0

    async def lead(deadline: Deadline) -> None:
        nonlocal leaders, most
        while not deadline.expired:
            leaders += 1
            most = max(most, leaders)
            try:
                await asyncio.sleep(0)
            finally:
                leaders -= 1
            await asyncio.sleep(0.001)

    async def campaign(name: str) -> None:
        times = LeaseTimes(duration=0.99, renew_deadline=0.2, retry=0.02)
        async with await HubClient.with_token(hub.url, name, None) as client:
            while True:
                candidate = Elector(client, *KEY, name, times=times, rng=rng)
                try:
                    async with asyncio.timeout(rng.uniform(0.1, 0.6)):
                        await candidate.run(lead)
                except TimeoutError:
                    continue

    tasks = [asyncio.create_task(campaign(name)) for name in ("one", "two", "three")]
    for _ in range(40):
        verb = rng.choice(["patch", "get", "post"])
        hub.faults.append(fault(verb, status=503, after_effect=rng.random() < 0.5))
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert most == 1


def test_times_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="retry < renew deadline < duration"):
        LeaseTimes(duration=10, renew_deadline=10)
    with pytest.raises(ValueError, match="too late for a deadline"):
        LeaseTimes(renew=3)


async def test_the_stamp_is_utc_with_microseconds(hub: ScriptedHub, client: HubClient) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with running(elector(client, now=lambda: now), lead := Leader()):
        await lead.began.wait()
        assert spec(hub)["renewTime"] == "2026-01-01T00:00:00.000000Z"


class Late(HubClient):
    """The process stands still when an answer to a renewal has come and nobody has read it yet."""

    seconds = 0.0

    async def request(self, method: str, path: str, **options: Any) -> bytes:
        answer = await super().request(method, path, **options)
        if method == "PATCH" and self.seconds:
            time.sleep(self.seconds)  # noqa: ASYNC251 - the whole event loop stands still
            self.seconds = 0.0
        return answer


async def test_a_deadline_that_has_passed_is_not_moved_on(
    hub: ScriptedHub, until: Until, fault: type[Fault]
) -> None:
    """A user of it (the writer, for example) has stopped meanwhile; a leader that goes on all the
    same would write nothing for as long as it lives."""
    async with await Late.with_token(hub.url, "t", None) as client:
        one = elector(client, times=LeaseTimes(duration=1.8, renew_deadline=0.6, retry=0.05))
        async with running(one, lead := Leader()):
            await lead.began.wait()
            hub.faults.extend(fault("patch", status=503) for _ in range(7))
            client.seconds = 0.3
            await lead.ended.wait()
            await until(lambda: lead.times == 2)


async def test_a_leader_that_does_not_end_ends_the_process(
    hub: ScriptedHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "STOP_TIMEOUT", 0.05)
    began, awake = asyncio.Event(), asyncio.Event()

    async def deaf(_: Deadline) -> None:
        began.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await awake.wait()

    one = elector(client)
    task = asyncio.create_task(one.run(deaf))
    await began.wait()
    await hub.put("ibgu", "ibgu-system", spec={"holderIdentity": "thief", "renewTime": "x"})
    with pytest.raises(LeaderStuck, match="has not ended"):
        await task
    awake.set()
