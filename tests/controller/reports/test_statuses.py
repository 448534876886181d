"""The status on the hub, where others write as well."""

import asyncio
from datetime import UTC, datetime
from random import Random

from msgspec import json
from msgspec.structs import replace

from ibgu.controller.clock import Clock
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.loop.planner import new_rollout
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Kind, OnRollout, RolloutState
from ibgu.core.model.kinds import JsonObject, RolloutObject
from ibgu.hub import paths
from ibgu.hub.writing.writer import Writer, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub

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
