"""The works that bring Jobs: made for a run, and removed after it."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from msgspec import Struct, json
from msgspec.structs import replace

from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.works import DesiredWork, shown_work, stage_body
from ibgu.core.model import Observation, Run, RunResult, RunState, Step, StepState, names
from ibgu.core.model.kinds import Backup, JsonObject, ManagedCluster, ManifestWork
from ibgu.core.model.shown import shown_cluster
from ibgu.hub import paths
from ibgu.hub.writing.writer import Writer
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.controller.effects.test_feedback_refresh import REACHABLE
from tests.core.drivers.cluster_version.version_samples import NEW, with_update
from tests.core.engine.state.records import MINUTE, NOW, in_flight, world_of
from tests.runs import run_of

ROLLOUT = replace(with_update(backup=Backup("Etcd", NEW)), uid="uid-a")
JOB = ("site-1", names.job_name(ROLLOUT.uid, ROLLOUT.name))
KEY = ("work", *JOB)


def backup(run_id: str = "run-1", **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": run_id,
        "action": "Backup",
        "attempt": 1,
        "state": RunState.ACCEPTED,
        **dict.fromkeys(("intended_at", "arming_at", "armed_at", "accepted_at"), NOW),
        "armed_generation": 1,
        **changes,
    }
    return run_of(**fields)


OVER: dict[str, Any] = {"state": RunState.ENDED, "ended_at": NOW, "result": RunResult.LIMIT}
ENDED = OVER | {"disarmed": False}


def stage_work() -> ManifestWork:
    """Returns the stage work of a cluster that echoes the run."""
    wanted = DesiredWork(armed=False, run=backup())
    work = json.decode(stage_body(CLUSTER_VERSION, wanted, ROLLOUT, "site-1", watch=False))
    work["metadata"] |= {"generation": 1, "uid": "u-1", "resourceVersion": "1"}
    applied = {"type": "Applied", "status": "True", "observedGeneration": 1}
    told = {
        "generation": {"type": "Integer", "integer": 3},
        "run": {"type": "String", "string": "run-1"},
        "stage": {"type": "String", "string": "Backup"},
    }
    values = [{"name": name, "fieldValue": value} for name, value in told.items()]
    target = {"group": "config.openshift.io", "kind": "ClusterVersion", "name": "version"}
    entry = {
        "resourceMeta": target,
        "conditions": [applied, {"type": "Available", "status": "True"}],
        "statusFeedback": {"values": values},
    }
    work["status"] = {"conditions": [applied], "resourceStatus": {"manifests": [entry]}}
    return json.decode(json.encode(work), type=ManifestWork)


class Scene(Struct):
    hub: MemoryClient
    mirror: Mirror
    writer: Writer
    effects: Effects
    running: asyncio.Task[None] | None = None

    def want(self, run: Run) -> None:
        """Makes the hub show what a member with this run wants."""
        fleet = self.fleet(run)
        tracked, judged = fleet.rollouts[ROLLOUT.uid], {"site-1": self.observe()}
        self.effects.reconcile(fleet, tracked, judged, NOW + MINUTE)

    def observe(self) -> Observation:
        return self.effects._observe(ROLLOUT)("site-1")

    def fleet(self, run: Run) -> FleetState:
        step = Step(
            rollout=ROLLOUT.uid,
            index=0,
            actions=("Backup",),
            max_concurrency=1,
            timeout=60 * MINUTE,
            state=StepState.RUNNING,
            started_at=NOW,
        )
        return world_of(ROLLOUT, [step], [in_flight(run=run)])

    async def work(self) -> JsonObject | None:
        """Returns the job work on the hub once all writes have been made."""
        if self.running is None:
            self.running = asyncio.create_task(self.writer.run())
        await self.writer.drained()
        found = await self.hub.get(paths.works("site-1"), dict[str, Any])
        return next(iter(found["items"]), None)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    hub, mirror = MemoryClient(MemoryHub(now=NOW.timestamp)), Mirror(lambda rollout, cluster: None)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "site-1"}}
    await hub.request("POST", "/api/v1/namespaces", body=namespace)
    mirror.works.upsert(shown_work(CLUSTER_VERSION, stage_work()))
    cluster = {
        "metadata": {"name": "site-1", "uid": "uid-site-1", "resourceVersion": "1"},
        "spec": {"hubAcceptsClient": True},
        "status": {"conditions": [REACHABLE]},
    }
    mirror.clusters.upsert(shown_cluster(json.decode(json.encode(cluster), type=ManagedCluster)))
    writer = Writer(hub, done=lambda result: outcomes.answered(result))
    outcomes = WriteOutcomes(DRIVERS, mirror, writer, Random(1))
    payloads = Payloads(DRIVERS, hub, "ns:name")
    made = Scene(
        hub, mirror, writer, Effects(DRIVERS, mirror, payloads, writer, outcomes, watch=False)
    )
    yield made
    if made.running is not None:
        made.running.cancel()
        await asyncio.gather(made.running, return_exceptions=True)


async def test_a_run_that_the_cluster_has_accepted_gets_its_job(scene: Scene) -> None:
    scene.want(backup())
    work = await scene.work()
    assert work is not None
    assert work["metadata"]["annotations"][names.RUN] == "run-1"
    view = scene.mirror.work(JOB)
    assert view is not None
    assert not view.edited
    scene.want(backup())
    assert scene.writer.depth == 0, "it is never changed"


async def test_the_job_goes_when_its_run_has_ended(scene: Scene) -> None:
    scene.want(backup())
    assert await scene.work() is not None
    scene.want(backup(**OVER))
    assert await scene.work() is None


async def test_a_job_that_is_still_queued_when_its_run_ends_is_never_made(scene: Scene) -> None:
    scene.want(backup())
    assert scene.writer.queued(KEY) is not None
    scene.want(backup(**OVER))
    assert scene.writer.queued(KEY) is None
    assert await scene.work() is None


async def test_a_run_that_the_cluster_does_not_echo_gets_no_job(scene: Scene) -> None:
    scene.want(backup("run-2"))
    assert scene.writer.queued(KEY) is None


async def test_the_job_of_another_run_is_deleted_before_the_next_one_is_made(
    scene: Scene,
) -> None:
    scene.want(backup())
    assert await scene.work() is not None
    scene.want(backup("run-2"))
    assert await scene.work() is None


async def test_a_job_work_without_its_label_is_found_by_its_name_and_goes(scene: Scene) -> None:
    """The label is stripped by hand while its run ends: the watch does not show it any more."""
    scene.want(backup())
    assert await scene.work() is not None
    path = paths.work(*JOB)
    stripped = json.encode({"metadata": {"labels": {names.ROLLOUT: None}}})
    answer = await scene.hub.request("PATCH", path, body=stripped, content_type=paths.MERGE_PATCH)
    gone = json.decode(answer, type=ManifestWork)
    scene.mirror.works.delete(shown_work(CLUSTER_VERSION, gone))
    assert scene.observe().job is None
    scene.want(backup(**ENDED))
    found = await scene.work()
    assert found is not None
    assert found["metadata"]["labels"][names.ROLLOUT] == ROLLOUT.uid
    assert scene.observe().job is not None
    assert scene.observe().job_gone == ""
    scene.want(backup(**ENDED))
    assert await scene.work() is None


async def test_the_hub_is_asked_once_for_a_job_work_that_is_gone(scene: Scene) -> None:
    scene.want(backup(**ENDED))
    assert scene.observe().job_writing
    await scene.work()
    assert scene.observe().job_gone == "run-1"
    scene.want(backup(**ENDED))
    assert scene.writer.depth == 0


async def test_a_job_work_of_a_run_that_was_never_accepted_is_not_asked_for(scene: Scene) -> None:
    scene.want(backup(**ENDED | {"accepted_at": None}))
    assert scene.writer.depth == 0


@pytest.mark.parametrize(("part", "left"), [(names.JOB, False), (names.STAGE, True)])
async def test_an_edited_orphan_goes_only_if_it_brings_a_job(
    scene: Scene, part: str, left: bool
) -> None:
    scene.want(backup())
    work = await scene.work()
    assert work is not None
    labels = {names.PART: part, names.ROLLOUT: "unknown"}
    edited = {"labels": labels, "annotations": {names.GENERATION: "7"}}
    body = json.encode({"metadata": edited})
    path = paths.work(*JOB)
    answer = await scene.hub.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)
    shown = shown_work(CLUSTER_VERSION, json.decode(answer, type=ManifestWork))
    assert shown.view.edited
    scene.mirror.works.upsert(shown)
    scene.effects.remove_orphans_of("unknown")
    assert (await scene.work() is not None) is left
