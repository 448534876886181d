"""The status of a very large IBGU: its size, its writes, and what one costs."""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

from msgspec import Struct, json, structs

from ibgu.controller.clock import Clock
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Kind, Member, OnMember
from ibgu.core.model.kinds import JsonObject, RolloutObject
from ibgu.core.views.status import OPTIONAL_FIELDS
from ibgu.hub import paths
from ibgu.hub.writing.writer import Writer
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.server import ServedRequest
from tests.benchmarks.report import judge
from tests.core.engine.state.records import done, failed, in_flight, member, rollout, step, world_of
from tests.simulation.loop import VirtualTimeLoop

PATH = paths.ibgu("fleet", "a")
WORDS = "Stateroot setup job in progress, precaching images: "
CHANGES = 5
"""A second, of other clusters each time."""


class Measurement(Struct):
    """The requests that the hub got."""

    changes: int = 0
    largest: int = 0
    """Bytes of a status."""
    checks: int = 0
    """Statuses made, to be written if they are others than before."""
    writes: int = 0
    idle_writes: int = 0
    """While nothing changed."""
    seconds: float = 0.0
    """Seconds of CPU to make the statuses."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=300, help="virtual ones, with changes")


def run(options: Namespace) -> bool:
    large = measure(options.clusters, options.seconds)
    small = measure(options.clusters // 10, options.seconds)
    print(f"\n{options.clusters} clusters, {large.changes} changes in {options.seconds} s")
    print(f"  {large.writes} writes of at most {large.largest / 2**20:.2f} MiB")
    print(f"  at {options.clusters // 10} clusters: {small.writes} writes, {_each(small):.2f} ms")
    broken = measure(options.clusters, options.seconds, all_failed=True)
    check = broken.seconds / broken.checks * 1000
    print(
        f"  where nine tenths have failed: {broken.largest / 2**20:.2f} MiB, {check:.2f} ms a check"
    )
    worst = {"failed_largest_mib": broken.largest / 2**20, "failed_cpu_ms_per_check": check}
    return judge({**figures(large), **worst}, "status")


def figures(told: Measurement) -> dict[str, float]:
    return {
        "largest_mib": told.largest / 2**20,
        "writes_per_change": told.writes / told.changes,
        "writes_without_change": float(told.idle_writes),
        "cpu_ms_per_write": _each(told),
    }


def _each(told: Measurement) -> float:
    """Returns the milliseconds of a status that was built, whether it was written or not."""
    return told.seconds / told.checks * 1000


def measure(clusters: int, seconds: int, *, all_failed: bool = False) -> Measurement:
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_measure(clusters, seconds, all_failed))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _measure(clusters: int, seconds: int, all_failed: bool) -> Measurement:
    told = Measurement()
    fleet = _fleet(clusters, all_failed)
    running = [m for m in fleet.rollouts["uid-a"].steps[1].members.values() if m.slot is not None]
    async with _desk(fleet, told) as statuses:
        for second in range(seconds):
            for number in range(CHANGES):
                _change(fleet, running[(second * CHANGES + number) % len(running)], second)
            told.changes += CHANGES
            statuses.mark_due("uid-a")
            await asyncio.sleep(1.0)
        await asyncio.sleep(60.0)
        before = told.writes
        for _ in range(60):
            statuses.mark_due("uid-a")
            await asyncio.sleep(1.0)
        told.idle_writes = told.writes - before
    return told


def _change(fleet: FleetState, found: Member, second: int) -> None:
    at, words = found.position + 1, f"{WORDS}{second} s".ljust(200, "x")
    changed = in_flight(found.cluster, words, slot=found.slot or at, step=1)
    fleet.apply(OnMember(Kind.RUN_PROGRESS, changed, words))


def _fleet(clusters: int, all_failed: bool) -> FleetState:
    """Step 1 is over; of step 2 a tenth runs, a twentieth has failed, and four tenths wait; or all
    that do not run have failed."""
    names = [f"site-{number}" for number in range(1, clusters + 1)]
    tenth = clusters // 10
    running, broken, waiting = names[:tenth], names[tenth : tenth * 3 // 2], names[-4 * tenth :]
    ended = names[tenth * 3 // 2 : -4 * tenth]
    if all_failed:
        broken, ended, waiting = names[tenth:], [], []
    steps = [step(total=clusters), step("Upgrade", 1, max_concurrency=tenth, total=clusters)]
    found = [done(name, Action.PREP) for name in names]
    found += [in_flight(name, WORDS, slot, step=1) for slot, name in enumerate(running, 1)]
    found += [failed(name, message="x" * 300, step=1) for name in broken]
    found += [done(name, Action.UPGRADE, step=1) for name in ended]
    found += [member(name, step=1) for name in waiting]
    return world_of(rollout(), steps, found)


@asynccontextmanager
async def _desk(fleet: FleetState, told: Measurement) -> AsyncIterator[Statuses]:
    """Yields the writer of statuses, with a hub of its own, whose watch is at once."""
    loop = asyncio.get_running_loop()
    hub = MemoryHub(now=loop.time)
    client = MemoryClient(hub)
    await client.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "fleet"}})
    await client.request("POST", paths.ibgus("fleet"), body=_IBGU)
    mirror = Mirror(lambda rollout, cluster: None)
    mirror.ibgus.upsert(_seen(await client.request("GET", PATH)))
    writer = Writer(client, done=lambda result: None)
    clock = Clock(_now)
    await clock.sync()
    rng = Random(0)
    parts = (mirror, Payloads(DRIVERS, client, "a:b"), clock, writer, Quarantine(rng))
    statuses = Timed(
        *parts, served=OPTIONAL_FIELDS, committed=lambda: True, talm_live=lambda: False, rng=rng
    )
    statuses.told = told

    def written(asked: ServedRequest, before: JsonObject | None, after: JsonObject | None) -> None:
        found = _seen(json.encode(after))
        mirror.ibgus.upsert(found)
        told.writes += 1
        told.largest = max(told.largest, len(bytes(found.status)))

    hub.audit = written
    tasks = [asyncio.create_task(part) for part in (writer.run(), statuses.run(fleet))]
    try:
        yield statuses
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Timed(Statuses):
    told: Measurement

    def _write(self, tracked: TrackedRollout, now: datetime) -> None:
        began = time.process_time()
        super()._write(tracked, now)
        self.told.seconds += time.process_time() - began

    def _status(self, tracked: TrackedRollout, found: RolloutObject, now: datetime) -> JsonObject:
        self.told.checks += 1
        return super()._status(tracked, found, now)


def _seen(data: bytes) -> RolloutObject:
    """Returns the IBGU with the uid of the rollout that the records have."""
    found = json.decode(data, type=RolloutObject)
    return structs.replace(found, metadata=structs.replace(found.metadata, uid="uid-a"))


async def _now() -> datetime:
    return datetime.fromtimestamp(asyncio.get_running_loop().time(), UTC)


_IBGU = {
    "apiVersion": "lcm.openshift.io/v1alpha1",
    "kind": "ImageBasedGroupUpgrade",
    "metadata": {"name": "a", "namespace": "fleet"},
    "spec": {
        "ibuSpec": {},
        "plan": [
            {"actions": [action], "rolloutStrategy": {"maxConcurrency": 1}}
            for action in ("Prep", "Upgrade")
        ],
    },
}
