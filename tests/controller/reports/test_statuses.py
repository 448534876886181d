"""The status on the hub, where others write as well."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.controller.clock import Clock
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.loop.planner import new_rollout
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports import statuses
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Kind, OnRollout, Reason, ReasonKind, Rollout, RolloutState
from ibgu.core.model.kinds import JsonObject, RolloutObject
from ibgu.core.text.cut import MARK
from ibgu.hub import paths
from ibgu.hub.writing.writer import Writer, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.db.records import member, step

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATH = paths.ibgu("default", "g")
BODY: JsonObject = {
    "apiVersion": "lcm.openshift.io/v1alpha1",
    "kind": "ImageBasedGroupUpgrade",
    "metadata": {"name": "g"},
    "spec": {
        "ibuSpec": {},
        "plan": [{"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1}}],
    },
}


class StatusWriter:
    """A controller's part that writes statuses, just started."""

    def __init__(self, client: MemoryClient, clock: Clock) -> None:
        self.client = client
        self.mirror = Mirror(lambda rollout, cluster: None, lambda uid: self.statuses.seen(uid))
        self.fleet = FleetState()
        self.writer = Writer(client, done=self._answered)
        payloads = Payloads(DRIVERS, client, "ibgu-system:ibgu")
        served = frozenset({"phase"})
        self.committed = True
        self.talm_live = False
        self.statuses = Statuses(
            *(self.mirror, payloads, clock, self.writer, Quarantine(Random(0))),
            served=served,
            committed=lambda: self.committed,
            talm_live=lambda: self.talm_live,
            rng=Random(0),
        )

    def _answered(self, result: WriteResult) -> None:
        self.statuses.answered(result)

    async def probe(self) -> RolloutObject:
        """Returns what the watch would tell."""
        found = await self.client.get(PATH, RolloutObject)
        self.mirror.ibgus.upsert(found)
        return found

    async def write(self) -> None:
        self.statuses.flush(self.fleet)
        await self.writer.drained()
        await self.probe()

    async def begin(self) -> None:
        found = await self.probe()
        self.fleet.apply(OnRollout(Kind.ROLLOUT_SEEN, new_rollout(IBU, found, NOW), "seen"))
        self.statuses.mark_due(found.metadata.uid)
        await self.write()


async def _phase(client: MemoryClient) -> str:
    status = json.decode((await client.get(PATH, RolloutObject)).status)
    return str(status["phase"])


async def _clock() -> Clock:
    async def now() -> datetime:
        return NOW

    clock = Clock(now)
    await clock.sync()
    return clock


async def _applied() -> tuple[MemoryClient, Clock]:
    """A hub with the IBGU, and the time."""
    client = MemoryClient(MemoryHub(now=NOW.timestamp))
    await client.request("POST", paths.ibgus("default"), body=BODY)
    return client, await _clock()


async def test_a_status_that_a_newer_one_has_replaced_is_not_sent_again() -> None:
    client, clock = await _applied()
    desk = StatusWriter(client, clock)
    found = await desk.probe()
    rollout = new_rollout(IBU, found, NOW)
    sent: list[str] = []
    for state in (RolloutState.PENDING, RolloutState.RUNNING):
        desk.fleet.apply(OnRollout(Kind.ROLLOUT_SEEN, replace(rollout, state=state), "seen"))
        desk.statuses._due.clear()  # as if a second had passed
        desk.statuses.mark_due(rollout.uid)
        desk.statuses.flush(desk.fleet)
        [queued] = [desk.writer.queued(("status", rollout.uid))]
        sent.append("" if queued is None else str(queued.body))
    assert "Pending" in sent[0]
    assert "Running" in sent[1]

    desk.statuses._due.clear()
    desk.statuses.mark_due(rollout.uid)
    submitted = desk.writer.queued(("status", rollout.uid))
    desk.statuses.flush(desk.fleet)
    assert desk.writer.queued(("status", rollout.uid)) is submitted


async def test_a_foreign_status_write_after_a_restart_is_overwritten() -> None:
    """The status is as it should be when the new process looks, and is edited later."""
    client, clock = await _applied()
    before, after = StatusWriter(client, clock), StatusWriter(client, clock)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(desk.writer.run()) for desk in (before, after)]
        await before.begin()
        assert await _phase(client) == "Pending"
        await after.begin()

        body = {"status": {"phase": "Nonsense"}}
        await client.request("PATCH", f"{PATH}/status", body=body, content_type=paths.MERGE_PATCH)
        await after.probe()
        await after.write()
        assert await _phase(client) == "Pending"
        for task in running:
            task.cancel()


async def test_no_status_is_written_beside_a_live_talm() -> None:
    client, clock = await _applied()
    desk = StatusWriter(client, clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.writer.run())
        desk.talm_live = True
        await desk.begin()
        assert b"phase" not in bytes((await client.get(PATH, RolloutObject)).status)
        desk.talm_live = False
        await desk.begin()
        assert await _phase(client) == "Pending"
        running.cancel()


async def test_an_uncommitted_status_is_not_written() -> None:
    """A process that is killed before the commit would leave a status that the next one takes for
    the proof of a lost journal."""
    client, clock = await _applied()
    desk = StatusWriter(client, clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.writer.run())
        desk.committed = False
        await desk.begin()
        assert b"phase" not in bytes((await client.get(PATH, RolloutObject)).status)
        desk.committed = True
        await desk.write()
        assert await _phase(client) == "Pending"
        running.cancel()


async def test_large_rollouts_take_turns_so_that_the_loop_is_free_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statuses, "BATCH_MEMBERS", 2)
    client, clock = await _applied()
    for name in ("h", "i"):
        body = {**BODY, "metadata": {"name": name}}
        await client.request("POST", paths.ibgus("default"), body=body)
    desk = StatusWriter(client, clock)
    keys = []
    for name, size in (("g", 2), ("h", 1), ("i", 1)):
        found = await client.get(paths.ibgu("default", name), RolloutObject)
        desk.mirror.ibgus.upsert(found)
        rollout = new_rollout(IBU, found, NOW)
        members = [member(step(rollout), f"{name}-{n}") for n in range(size)]
        desk.fleet.load([rollout], [step(rollout)], members, ())
        desk.statuses.mark_due(rollout.uid)
        keys.append(("status", rollout.uid))

    def queued() -> list[bool]:
        return [desk.writer.queued(key) is not None for key in keys]

    desk.statuses.flush(desk.fleet)
    assert queued() == [True, False, False]
    desk.statuses.flush(desk.fleet)
    assert queued() == [True, True, True]


class LaterClock(Clock):
    """A clock that is ahead by as much as a test says."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)


class WaitingStatus:
    """A held rollout whose status is written once, at 0 s; `words` make it as long as a message may
    be."""

    def __init__(self, desk: StatusWriter, clock: LaterClock, rollout: Rollout) -> None:
        self.desk = desk
        self.clock = clock
        self.rollout = rollout
        self.show(0.0, "a")

    def show(self, second: float, words: str, kind: ReasonKind = ReasonKind.TALM) -> None:
        """Changes the words of the hold, and flushes."""
        hold = Reason(kind, NOW, words * 30_000)
        changed = replace(self.rollout, hold=hold)
        self.desk.fleet.apply(OnRollout(Kind.ROLLOUT_SEEN, changed, "seen"))
        self.desk.statuses.mark_due(self.rollout.uid)
        self.flush(second)

    def flush(self, second: float) -> None:
        self.clock.ahead = second
        self.desk.statuses.flush(self.desk.fleet)

    @property
    def sent(self) -> str:
        """The words that were sent last."""
        queued = self.desk.writer.queued(("status", self.rollout.uid))
        assert queued is not None
        told = json.decode(queued.body or b"")["status"]["conditions"]
        held = next(str(each["message"]) for each in told if each["type"] == "Held")
        return held.removesuffix(MARK)[-1]


@pytest.fixture
def slow_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a byte cost seven times as much: a status of 4 KB has the pace of one of 30."""
    monkeypatch.setattr(statuses, "HUB_PER_BYTE", 7 * statuses.HUB_PER_BYTE)
    monkeypatch.setattr(statuses, "PER_BYTE", 7 * statuses.PER_BYTE)


async def _waiting() -> WaitingStatus:
    async def now() -> datetime:
        return NOW

    client, _ = await _applied()
    clock = LaterClock(now)
    await clock.sync()
    desk = StatusWriter(client, clock)
    rollout = new_rollout(IBU, await desk.probe(), NOW)
    return WaitingStatus(desk, clock, rollout)


@pytest.mark.usefixtures("slow_hub")
async def test_a_long_status_with_the_same_headline_waits_and_is_sent_by_itself() -> None:
    status = await _waiting()
    status.show(2.0, "b")
    status.show(6.5, "c")
    assert status.sent == "a"
    status.flush(8.0)
    assert status.sent == "c"


@pytest.mark.usefixtures("slow_hub")
async def test_a_status_with_a_new_headline_waits_a_second_only() -> None:
    status = await _waiting()
    status.show(0.5, "b", ReasonKind.ADOPTION)
    assert status.sent == "a"
    status.flush(2.0)
    assert status.sent == "b"


async def test_no_status_waits_longer_than_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "HUB_PER_BYTE", 1.0)
    status = await _waiting()
    status.show(29.0, "b")
    assert status.sent == "a"
    status.flush(31.0)
    assert status.sent == "b"


async def test_a_status_that_somebody_has_changed_does_not_wait() -> None:
    status = await _waiting()
    desk, uid = status.desk, status.rollout.uid
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.writer.run())
        await desk.writer.drained()
        body = {"status": {"phase": "Nonsense"}}
        path = f"{PATH}/status"
        await desk.client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)
        await desk.probe()
        status.flush(2.0)
        await desk.writer.drained()
        assert await _phase(desk.client) == "Held"
        assert desk.writer.queued(("status", uid)) is None
        running.cancel()
