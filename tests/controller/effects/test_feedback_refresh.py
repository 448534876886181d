"""Refreshes on their way: from what is in flight to the work on the hub."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from msgspec import Struct, json

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.feedback_refresh import FeedbackRefresh
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.facts import TermFacts
from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.snapshot import Facts
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.engine.works import DesiredWork, shown_work, stage_body
from ibgu.core.model import Kind, Member, OnMember, Probe, RunState, names
from ibgu.core.model.kinds import JsonObject, ManagedCluster, ManifestWork
from ibgu.core.model.names import stage_name
from ibgu.core.model.shown import shown_cluster
from ibgu.db.engine import engine
from ibgu.db.reads import Reads
from ibgu.hub import paths
from ibgu.hub.writing.writer import Writer, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.engine.state.records import MINUTE, NOW, in_flight, rollout, run, step, world_of

ROLLOUT = rollout()
WORK = stage_name(ROLLOUT.uid, ROLLOUT.name)
REACHABLE = {"type": "ManagedClusterConditionAvailable", "status": "True"}


class FixedClock(Clock):
    def __init__(self) -> None:
        pass

    def now(self) -> datetime:
        return NOW


class Scene(Struct):
    hub: MemoryClient
    refreshed: asyncio.Event
    mirror: Mirror
    writer: Writer
    refresh: FeedbackRefresh
    durations: ActionDurations
    fleet: FleetState
    facts: TermFacts
    outcomes: WriteOutcomes

    async def work(self) -> JsonObject:
        """Returns the work as it is on the hub once all writes have been made."""
        await self.writer.drained()
        return await self.hub.get(paths.work("site-1", WORK), dict[str, Any])

    async def mark(self) -> str | None:
        found: str | None = (await self.work())["metadata"]["annotations"].get(names.REFRESH)
        return found


def taken(minutes: int = 10, **changes: Any) -> Member:
    """Returns a member whose cluster has taken Prep, so many minutes ago."""
    began = NOW - minutes * MINUTE
    return in_flight(run=run(state=RunState.ACCEPTED, arming_at=began), **changes)


async def _filled(hub: MemoryClient, mirror: Mirror) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "site-1"}}
    await hub.request("POST", "/api/v1/namespaces", body=namespace)
    wanted = DesiredWork(armed=False, probe=Probe("l1", NOW))
    body = stage_body(IBU, wanted, ROLLOUT, "site-1", watch=False)
    answer = await hub.request("POST", paths.works("site-1"), body=body)
    mirror.works.upsert(shown_work(IBU, json.decode(answer, type=ManifestWork)))
    cluster = {
        "metadata": {"name": "site-1", "uid": "uid-site-1", "resourceVersion": "1"},
        "spec": {"hubAcceptsClient": True},
        "status": {"conditions": [REACHABLE]},
    }
    found = json.decode(json.encode(cluster), type=ManagedCluster)
    mirror.clusters.upsert(shown_cluster(found))


@pytest.fixture
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """A scene with the members that the test is parametrized with, else one that has Prep."""
    server, refreshed = MemoryHub(now=NOW.timestamp), asyncio.Event()
    hub, mirror = MemoryClient(server), Mirror(lambda rollout, cluster: None)
    await _filled(hub, mirror)
    server.audit = lambda asked, before, after: refreshed.set()

    def done(result: WriteResult) -> None:
        outcomes.answered(result)

    writer = Writer(hub, done=done)
    outcomes = WriteOutcomes(DRIVERS, mirror, writer, Random(1))
    effects = Effects(
        DRIVERS, mirror, Payloads(DRIVERS, hub, "ns:name"), writer, outcomes, watch=False
    )
    pool = engine("postgresql://nobody@127.0.0.1:1/never-asked")
    durations = ActionDurations(Reads(pool, "hub"))
    fleet = world_of(ROLLOUT, [step()], getattr(request, "param", [taken()]))
    facts = TermFacts(Facts(in_sync_since=NOW), JournalRetries(), lambda: True, lambda: 0)
    refresh = FeedbackRefresh(
        *(fleet, outcomes, effects, FixedClock(), durations, Quarantine(Random(0)), facts),
        rate=10.0,
        watch=False,
    )
    made = Scene(hub, refreshed, mirror, writer, refresh, durations, fleet, facts, outcomes)
    running = asyncio.create_task(writer.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await pool.dispose()


def follow(scene: Scene, member: Member) -> None:
    scene.refresh.track([OnMember(Kind.RUN_ACCEPTED, member, "the cluster accepted Prep")])


async def test_a_refresh_touches_the_work_and_nothing_else(scene: Scene) -> None:
    before, counted = await scene.work(), telemetry.REFRESHES.labels(Action.PREP)._value.get()
    follow(scene, taken())

    scene.refresh.round()

    after = await scene.work()
    assert after["metadata"]["annotations"].pop(names.REFRESH) == "2026-01-01T12:00:00Z"
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["spec"] == before["spec"]
    # The next write is based on it without waiting for the watch.
    known = scene.mirror.work(("site-1", WORK))
    assert known is not None
    assert known.resource_version == after["metadata"]["resourceVersion"]
    assert not known.edited
    assert telemetry.REFRESHES.labels(Action.PREP)._value.get() == counted + 1


async def test_nothing_is_written_while_writes_are_suspended(scene: Scene) -> None:
    follow(scene, taken())
    scene.facts.talm_seen("TALM is running on this hub")
    scene.refresh.round()
    assert await scene.mark() is None

    scene.facts.talm_seen("")
    scene.refresh.round()
    assert await scene.mark() is not None


async def test_refreshes_begin_when_actions_usually_end_on_this_hub(scene: Scene) -> None:
    follow(scene, taken())
    slow = DurationStats(count=10, p50=1500.0, p95=1800.0, spread=(1200.0,) * 10)
    scene.durations.duration_stats = {Action.PREP: slow}
    scene.refresh.round()
    assert await scene.mark() is None

    scene.durations.duration_stats = {}
    scene.refresh.round()
    assert await scene.mark() is not None


@pytest.mark.parametrize(
    "member",
    [
        in_flight(run=None),
        in_flight(run=run(state=RunState.ARMED, arming_at=NOW - 10 * MINUTE)),
        in_flight(run=run(state=RunState.ACCEPTED, arming_at=None)),
        taken(minutes=1),
    ],
    ids=["no run", "not taken yet", "TALM's, of which nothing is known", "too young"],
)
async def test_members_without_an_ending_run_are_not_refreshed(
    scene: Scene, member: Member
) -> None:
    follow(scene, member)
    scene.refresh.round()
    assert await scene.mark() is None


async def test_a_rollout_that_was_forgotten_is_over(scene: Scene) -> None:
    follow(scene, taken())
    scene.fleet.forget(ROLLOUT.uid)
    scene.refresh.round()
    assert await scene.mark() is None


@pytest.mark.parametrize("scene", [[], [taken()]], indirect=True, ids=["later", "from the start"])
async def test_the_refresh_loop_marks_a_work(scene: Scene) -> None:
    running = asyncio.create_task(scene.refresh.run())
    await asyncio.sleep(0)
    if not scene.fleet.rollouts[ROLLOUT.uid].steps[0].members:
        scene.fleet.rollouts[ROLLOUT.uid].steps[0].put(taken())
        follow(scene, taken())
    async with asyncio.timeout(120):
        await scene.refreshed.wait()
    assert await scene.mark() is not None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_work_that_is_gone_needs_none(scene: Scene) -> None:
    """Somebody was quicker than the watch: nothing is made of it."""
    follow(scene, taken(limit=NOW + timedelta(hours=1)))
    await scene.hub.request("DELETE", paths.work("site-1", WORK))
    scene.refresh.round()
    await scene.writer.drained()
    assert scene.hub.requests["patch", "4xx"] == 1
    assert scene.outcomes.refusals.left(("work", "site-1", WORK)) == 0
    assert scene.mirror.work(("site-1", WORK)) is not None  # until the watch says so


@pytest.mark.parametrize(("available", "silent"), [("Unknown", True), ("True", False)])
async def test_an_agent_that_watches_is_refreshed_only_while_it_is_silent(
    scene: Scene, available: str, silent: bool
) -> None:
    await _report(scene, available)
    member = in_flight(run=run(Action.UPGRADE, state=RunState.ACCEPTED, arming_at=NOW))
    scene.fleet.rollouts[ROLLOUT.uid].steps[0].put(member)
    parts = (scene.fleet, scene.outcomes, scene.refresh._effects, FixedClock(), scene.durations)
    refresh = FeedbackRefresh(*parts, Quarantine(Random(0)), scene.facts, rate=10.0, watch=True)
    refresh.track([OnMember(Kind.RUN_ACCEPTED, member, "the cluster accepted Upgrade")])

    refresh.round()

    assert (await scene.mark() is not None) is silent


async def _report(scene: Scene, available: str) -> None:
    """Reports the object as applied, and as `available` says."""
    meta = {"group": "lca.openshift.io", "kind": "ImageBasedUpgrade", "name": "upgrade"}
    conditions = [
        {"type": "Applied", "status": "True", "observedGeneration": 1},
        {"type": "Available", "status": available},
    ]
    entry = {"resourceMeta": meta, "conditions": conditions}
    status = {"resourceStatus": {"manifests": [entry]}}
    path = f"{paths.work('site-1', WORK)}/status"
    answer = await scene.hub.request(
        "PATCH", path, body={"status": status}, content_type=paths.MERGE_PATCH
    )
    scene.mirror.works.upsert(shown_work(IBU, json.decode(answer, type=ManifestWork)))
