"""The real TALM is killed at twelve moments of a rollout, and ibgu takes over what it has left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ibgu.core.assurance.shadow import ShadowVerdict
from ibgu.core.talm import names
from ibgu.hub import paths
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_adopt import DEATHS, check_everybody
from tests.e2e.test_beside_talm import (
    audit_log,
    group_upgrades,
    hub,
    of_ibgu,
    of_talm,
    scene,
    soon,
    talm,
    talm_program,
)
from tests.e2e.test_shadow import requests_of, runs, watching

__all__ = ["audit_log", "hub", "scene", "soon", "talm", "talm_program"]

Moment = Callable[[Scene], Awaitable[bool]]
PLAN = step("Prep", most=2), step("Upgrade", "FinalizeUpgrade", most=2)
WITH_ABORT = PLAN[0], step("AbortOnFailure", most=2), step("Upgrade", most=2)
TALMS_PATIENCE = 420.0
"""Seconds to wait for TALM, which looks at its time-outs every few minutes."""
WHOLE = ["Prep", "Upgrade", "Finalize"]


def name(scene: Scene) -> str:
    """A name of each test's own, as TALM remembers what it has made."""
    return f"left-{scene.label}"


def clusters(scene: Scene) -> Sequence[str]:
    return [f"{scene.label}-{number}" for number in (1, 2)]


async def a_template(scene: Scene) -> bool:
    return "manifestworkreplicaset" in await scene.kubectl(
        "get", "manifestworkreplicasets", "-o", "name"
    )


async def a_group(scene: Scene) -> bool:
    return await of_ibgu(scene, name(scene)) != []


async def a_group_at_work(scene: Scene) -> bool:
    found = await group_upgrades(scene)
    return any(group.get("status", {}).get("conditions") for group in found)


async def a_work(scene: Scene) -> bool:
    return await scene.items(paths.works(), names.CGU) != []


async def works_for_all(scene: Scene) -> bool:
    return len(await scene.items(paths.works(), names.CGU)) == 2


def has_begun(stage: str) -> Moment:
    async def so(scene: Scene) -> bool:
        return any(stage in scene.stages(cluster) for cluster in clusters(scene))

    return so


async def prep_has_ended(scene: Scene) -> bool:
    runs = [scene.cluster(cluster).timeline.runs for cluster in clusters(scene)]
    return any(run.ended for each in runs for run in each)


async def a_cluster_has_failed(scene: Scene) -> bool:
    runs = [scene.cluster(cluster).timeline.runs for cluster in clusters(scene)]
    return any(run.outcome == "failed" for each in runs for run in each)


async def a_label(scene: Scene) -> bool:
    return any([await scene.labels(cluster) for cluster in clusters(scene)])


async def a_second_group(scene: Scene) -> bool:
    return len(await of_ibgu(scene, name(scene))) == 2


MOMENTS: dict[str, Moment] = {
    "a template": a_template,
    "a group": a_group,
    "a group at work": a_group_at_work,
    "a work": a_work,
    "works for all": works_for_all,
    "Prep has begun": has_begun("Prep"),
    "Prep has ended": prep_has_ended,
    "a label": a_label,
    "a second group": a_second_group,
    "Upgrade has begun": has_begun("Upgrade"),
    "Finalize has begun": has_begun("Finalize"),
}
SHADOWED = ("a template", "Prep has begun", "Upgrade has begun")
"""The moments of every run for the shadow, which waits each time until TALM is through: half a
minute. `make test-neighbours` takes all of them."""


@asynccontextmanager
async def killed_at(
    scene: Scene, talm: RealTalm, moment: Moment, *plan: Object, **fleet: object
) -> AsyncIterator[None]:
    """TALM begins a rollout, and dies at the moment; a person asks for the takeover."""
    await scene.fleet(count=2, **{"durations": "100s", **fleet})
    await scene.apply(ibgu(name(scene), *plan, fleet=scene.label))
    await scene.until(lambda: moment(scene), "the moment of TALM's death", TALMS_PATIENCE)
    talm.stop()
    try:
        await asyncio.to_thread(talm.available, 0)
        await scene.annotate(name(scene), "ibgu.dev/adopt=yes")
        yield
    finally:
        # A TALM that finds the IBGU would make everything again.
        for kinds in ("ibgu", "cgu,manifestworkreplicasets"):
            await scene.kubectl("delete", kinds, "--all", "-A", "--wait=false")
        await asyncio.to_thread(talm.start)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_leftovers_of_a_killed_talm_are_adopted(
    scene: Scene, talm: RealTalm, moment: str
) -> None:
    async with killed_at(scene, talm, MOMENTS[moment], *PLAN):
        await scene.start()
        status = await scene.completed(name(scene))
        for entry in status["clusters"]:
            assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
        for cluster in clusters(scene):
            assert scene.stages(cluster) == WHOLE
            assert await scene.labels(cluster) == {}
        assert await of_talm(scene, name(scene)) == []


async def failed_and_succeeded(scene: Scene, message: str) -> None:
    """One cluster has failed in Prep, and was aborted; the other one is upgraded."""
    status = await scene.completed(name(scene))
    bad, good = status["clusters"]
    (failure,) = bad["failedActions"]
    assert failure["action"] == "Prep"
    assert failure.get("message", "").startswith(message)
    assert actions(bad, "completed") == ["AbortOnFailure"]
    assert actions(good, "completed") == ["Prep", "Upgrade"]
    stages = [scene.stages(cluster) for cluster in clusters(scene)]
    assert stages == [["Prep", "Abort"], ["Prep", "Upgrade"]]
    labels = {"prep-completed": "", "upgrade-completed": ""}
    assert [await scene.labels(cluster) for cluster in clusters(scene)] == [{}, labels]
    assert await of_talm(scene, name(scene)) == []


async def test_a_cluster_that_failed_without_talms_seeing_it_is_adopted_as_failed(
    scene: Scene, talm: RealTalm
) -> None:
    faults = [f"prep.precache@{clusters(scene)[0]}"]
    async with killed_at(scene, talm, a_cluster_has_failed, *WITH_ABORT, faults=faults):
        await scene.start()
        await failed_and_succeeded(scene, "PrepFailed: precache job failed")


async def talm_knows_of_a_failure(scene: Scene) -> bool:
    entry = await scene.entry(name(scene), clusters(scene)[0])
    return actions(entry, "failed") == ["Prep"]


@pytest.mark.chaos
async def test_a_cluster_that_talm_has_seen_fail_is_adopted_as_failed(
    scene: Scene, talm: RealTalm
) -> None:
    """TALM knows of a failure when its time-out is over, and it looks again: after minutes."""
    faults = [f"prep.precache@{clusters(scene)[0]}"]
    plan = (step("Prep", most=2, timeout=1), *WITH_ABORT[1:])
    async with killed_at(scene, talm, talm_knows_of_a_failure, *plan, faults=faults):
        await scene.start()
        await failed_and_succeeded(scene, "")


async def test_a_controller_is_killed_in_every_phase_of_the_takeover(
    scene: Scene, talm: RealTalm
) -> None:
    """Until the last one, no end of an Upgrade is heard."""
    *early, last = DEATHS
    assert last == "after:RunEnded"
    async with killed_at(scene, talm, MOMENTS["Upgrade has begun"], *PLAN):
        for cluster in clusters(scene):
            scene.freeze(cluster)
        for death in early:
            await scene.killed(await scene.victim(death))
        for cluster in clusters(scene):
            scene.freeze(cluster, False)
        await scene.killed(await scene.victim(last))
        await scene.start()
        status = await scene.completed(name(scene))
        await check_everybody(scene, status, list(clusters(scene)))
        assert await of_talm(scene, name(scene)) == []
        adopted = "SELECT 1 FROM events WHERE kind = 'RolloutAdopted'"
        assert len(await scene.journal(adopted)) == 1


@pytest.mark.parametrize(
    "moment",
    [pytest.param(each, marks=() if each in SHADOWED else pytest.mark.chaos) for each in MOMENTS],
)
async def test_a_shadow_records_the_leftovers_of_a_killed_talm(
    scene: Scene, talm: RealTalm, audit_log: Path, moment: str
) -> None:
    """One that watched from the beginning, and after the death one that is new."""
    await scene.fleet(count=2, durations="100s")
    before = requests_of(audit_log, "shadow")
    async with watching(scene, identity="old") as watcher:
        await scene.until(lambda: watcher.leading, "the shadow to watch")
        await scene.apply(ibgu(name(scene), *PLAN, fleet=scene.label))
        await scene.until(lambda: MOMENTS[moment](scene), moment)
        await asyncio.to_thread(talm.stop)
        await scene.until(lambda: tells_what_the_works_say(scene), "the shadow to tell all works")
        assert watcher.problems() == []
    async with watching(scene, identity="new") as watcher:
        await scene.until(lambda: watcher.leading, "the new shadow to watch")
        await scene.until(lambda: tells_what_the_works_say(scene), "the new one to tell as much")
        await asyncio.to_thread(talm.start)
        await scene.until(lambda: done_by_talm(scene), "TALM to carry it out")
        await scene.until(lambda: has_seen_the_end(scene), "the shadow to see the end")
        assert watcher.problems() == []
    for run in (await runs(scene, name(scene))).values():
        assert run.ibgu is None or run.ibgu.verdict is ShadowVerdict.SUCCEEDED
        assert run.talm is None or run.talm.verdict is ShadowVerdict.SUCCEEDED
    sent = requests_of(audit_log, "shadow") - before
    assert set(sent) <= {"get", "list", "watch"}


async def test_a_shadow_records_the_failure_that_a_killed_talm_has_not_seen(
    scene: Scene, talm: RealTalm
) -> None:
    bad, good = clusters(scene)
    await scene.fleet(count=2, durations="100s", faults=[f"prep.precache@{bad}"])
    await scene.apply(ibgu(name(scene), *PLAN, fleet=scene.label))
    await scene.until(lambda: a_cluster_has_failed(scene), "a cluster to fail")
    await asyncio.to_thread(talm.stop)
    try:
        async with watching(scene, identity="new") as watcher:
            await scene.until(lambda: watcher.leading, "the shadow to watch")

            async def concluded() -> bool:
                known = (await runs(scene, name(scene))).values()
                return len([run for run in known if run.ibgu is not None]) == 2

            await scene.until(concluded, "the shadow to conclude")
            assert watcher.problems() == []
        found = await runs(scene, name(scene))
        verdicts = [found[cluster, "Prep"].ibgu for cluster in (bad, good)]
        assert [each.verdict for each in verdicts if each is not None] == [
            ShadowVerdict.FAILED,
            ShadowVerdict.SUCCEEDED,
        ]
        assert [run.talm for run in found.values()] == [None, None]
    finally:
        await asyncio.to_thread(talm.start)


async def tells_what_the_works_say(scene: Scene) -> bool:
    """Whether the shadow has a run for each of TALM's works that ask for a stage."""
    found = await scene.items(paths.works(), names.CGU)
    there = {(work["metadata"]["namespace"], work["metadata"]["name"]) for work in found}
    known = await runs(scene, name(scene))
    return there == {(run.cluster, run.work) for run in known.values() if run.gone_at is None}


async def done_by_talm(scene: Scene) -> bool:
    entries = [await scene.entry(name(scene), cluster) for cluster in clusters(scene)]
    wanted = ["Prep", "Upgrade", "FinalizeUpgrade"]
    return all(actions(entry, "completed") == wanted for entry in entries)


async def has_seen_the_end(scene: Scene) -> bool:
    known = await runs(scene, name(scene))
    last = [run for (_, action), run in known.items() if action == "FinalizeUpgrade"]
    return len(last) == 2 and not any(run.open for run in known.values())
