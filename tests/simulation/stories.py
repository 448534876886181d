"""Runs scripted stories: a simulation with one thing that goes wrong."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.work_queue import Touched
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.term.assembly import RunningTerm
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Kind, Preempt, ReasonKind, RolloutState, names
from ibgu.core.model.kinds import JsonObject
from ibgu.db.engine import engine as connected
from ibgu.db.journal.write import put_statement
from ibgu.db.schema import claims, events, members, pending_patches, rollouts, runs, steps
from ibgu.hub import paths
from ibgu.hub.writing.events import IBGU
from ibgu.sim.hub import MemoryClient
from ibgu.sim.hub.server import ServedRequest
from ibgu.sim.spec import FleetSpec
from tests.simulation.loop import VirtualTimeLoop
from tests.simulation.plans import Object, Scenario, step
from tests.simulation.world import Simulation

_numbers = itertools.count(1)
_JOURNAL = (rollouts, steps, members, claims, runs, pending_patches, events)
_HUB = text("SELECT turns, last_seq FROM hubs WHERE id = :hub")
_BACK = text("UPDATE hubs SET turns = :turns, last_seq = :last_seq WHERE id = :hub")


class Stage:
    """Stage is a story's simulation; `armed`: the runs that a controller has armed on the hub, in
    order."""

    def __init__(self, fleet: Simulation, pool: AsyncEngine, journal: str) -> None:
        self.fleet = fleet
        self.pool = pool
        self.journal = journal
        self.client = MemoryClient(fleet.hub, "people")
        self.armed: list[str] = []
        fleet.hub.audit = self._audit

    def _audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        if after is None or after["kind"] != "ManifestWork" or not asked.who.startswith("ibgu/"):
            return
        marks = after["metadata"].get("annotations") or {}
        run = str(marks.get(names.RUN, ""))
        if marks.get(names.ARMING) == names.ARMED and run not in self.armed:
            self.armed.append(run)

    @property
    def term(self) -> RunningTerm:
        """The parts of the leading controller's term."""
        node = self.fleet.leader()
        assert node is not None
        assert node.controller is not None
        assert node.controller._term is not None
        return node.controller._term

    @property
    def mirror(self) -> Mirror:
        """The hub as the leading controller sees it."""
        node = self.fleet.leader()
        assert node is not None
        assert node.controller is not None
        return node.controller._mirror

    def complete(self) -> bool:
        """Whether the first rollout is complete, and in the journal."""
        done = self._tracked is not None and self._tracked.rollout.state is RolloutState.COMPLETE
        return done and self.term.journal_writer.committed

    def started(self) -> bool:
        tracked = self._tracked
        return tracked is not None and bool(tracked.steps) and tracked.steps[0].step.total > 0

    def judged(self, *, enforced: bool) -> bool:
        """Whether preflight has judged the first step in that mode."""
        tracked = self._tracked
        record = tracked.steps[0].step.preflight if tracked is not None and tracked.steps else None
        return record is not None and record.enforced is enforced

    def held(self, kind: ReasonKind) -> bool:
        hold = self._tracked.rollout.hold if self._tracked is not None else None
        return hold is not None and hold.kind is kind

    @property
    def _tracked(self) -> TrackedRollout | None:
        """The first IBGU's TrackedRollout, while a controller leads."""
        if self.fleet.leader() is None:
            return None
        return next(iter(self.term.fleet.rollouts.values()), None)

    async def until(self, holds: Callable[[], bool], seconds: float = 3600.0) -> None:
        """Waits in virtual time until `holds`."""
        for _ in range(int(seconds * 10)):
            if holds():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(await self.fleet.stuck())

    async def leads(self) -> None:
        await self.until(lambda: self.fleet.leader() is not None)

    async def events(self, *kinds: str) -> list[Any]:
        """Returns the journal's events of these kinds; without kinds, all of them."""
        query = "SELECT seq, at, kind, cluster, run, data FROM events WHERE hub = :hub ORDER BY seq"
        with self.real_io():
            async with self.pool.connect() as db:
                found = (await db.execute(text(query), {"hub": self.journal})).all()
        return [event for event in found if not kinds or event.kind in kinds]

    async def journal_now(self) -> dict[str, Any]:
        """Returns all that the journal knows of the hub, for `put_back`."""
        with self.real_io():
            async with self.pool.connect() as db:
                return {
                    table.name: await db.scalar(
                        text(f"SELECT json_agg(t)::text FROM {table.name} AS t WHERE hub = :hub"),
                        {"hub": self.journal},
                    )
                    for table in _JOURNAL
                } | {"hubs": (await db.execute(_HUB, {"hub": self.journal})).one()}

    async def put_back(self, saved: dict[str, Any]) -> None:
        """Restores the journal, like a standby that had received no more when it took over."""
        with self.real_io():
            async with self.pool.begin() as db:
                await db.execute(text("SET LOCAL session_replication_role = replica"))
                for table in _JOURNAL:
                    await db.execute(
                        text(f"DELETE FROM {table.name} WHERE hub = :hub"), {"hub": self.journal}
                    )
                    if saved[table.name] is not None:
                        await db.execute(
                            text(put_statement(table, "rows")), {"rows": saved[table.name]}
                        )
                turns, last_seq = saved["hubs"]
                marks = {"hub": self.journal, "turns": turns, "last_seq": last_seq}
                await db.execute(_BACK, marks)

    async def told(self) -> list[str]:
        """Returns the reasons of the Events of rollouts."""
        found = await self.client.get(paths.events(), dict[str, Any])
        _, kind = IBGU
        of_rollouts = (each for each in found["items"] if each["regarding"]["kind"] == kind)
        return [event["reason"] for event in of_rollouts]

    async def works(self) -> list[JsonObject]:
        found = await self.client.get(paths.works(), dict[str, Any])
        items: list[JsonObject] = found["items"]
        return items

    @contextmanager
    def real_io(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.real_io():
            yield


Story = Callable[[Stage], Awaitable[None]]


def tell(
    url: str,
    story: Story,
    *plan: str,
    clusters: int = 1,
    nodes: int = 1,
    talm: bool = False,
    policy: Object | None = None,
) -> None:
    """Runs a story on a loop of its own. `plan`: the actions of each step, as "Prep Upgrade";
    `policy`: the spec of the hub's RolloutPolicy."""
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        scenario = replace(_scenario(plan, clusters, nodes, talm), policy=policy or {})
        loop.run_until_complete(_tell(url, story, scenario))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _tell(url: str, story: Story, scenario: Scenario) -> None:
    pool = connected(url, pool_size=4)
    journal = f"story-{time.time_ns()}-{next(_numbers)}"
    fleet = Simulation(scenario, 1, pool, journal)
    stage = Stage(fleet, pool, journal)
    try:
        await fleet.start()
        await story(stage)
        fleet.check_alive()
        assert [crash for node in fleet.nodes for crash in node.crashes] == []
    finally:
        await fleet.stop()
        with stage.real_io():
            await pool.dispose()


def _scenario(plan: Sequence[str], clusters: int, nodes: int, talm: bool) -> Scenario:
    fleet = FleetSpec.parse(
        count=clusters,
        pattern="site-%d",
        scale=0.25,
        durations="4m-16m",
        labels=("group=all",),
        version="4.16.3",
    )
    ibgu: Object = {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": "rollout-0", "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"group": "all"}}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:4.17.0", "version": "4.17.0"}},
            "plan": [step(actions.split(), clusters, 120) for actions in plan],
        },
    }
    return Scenario(fleet, ((0.0, ibgu),), nodes, talm)


@contextmanager
def every_other_turn_breathes() -> Iterator[None]:
    """Makes all the rest wait for the next turn, as behind a large step of another rollout."""
    draft, of_one, turns = Planner.draft, Planner._draft, itertools.count()

    async def crowded(self: Planner, touched: Touched, *given: Any) -> Draft:
        first: Touched = {"large": {}} if next(turns) % 2 else {}
        return await draft(self, first | touched, *given)

    async def breathes(self: Planner, into: Draft, uid: str, *given: Any) -> bool:
        return uid == "large" or await of_one(self, into, uid, *given)

    with (
        patch.object(Planner, "draft", crowded),
        patch.object(Planner, "_draft", breathes),
    ):
        yield


@contextmanager
def once_decided(kind: Kind, act: Callable[[], None]) -> Iterator[None]:
    """Runs `act` between the first decision of that kind and its commit."""
    draft, left = Planner.draft, [act]

    async def watched(planner: Planner, *given: Any) -> Draft:
        made = await draft(planner, *given)
        kinds = {each.kind for each in made.decisions if not isinstance(each, Preempt)}
        if left and kind in kinds:
            left.pop()()
        return made

    with patch.object(Planner, "draft", watched):
        yield
