"""The real TALM is killed at the moments of a rollout, and a shadow records what it has left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ibgu.core.assurance.shadow import ShadowVerdict
from ibgu.core.talm import names
from ibgu.hub import paths
from tests.e2e.harness import Scene, actions
from tests.e2e.killed_talm import (
    MOMENTS,
    PLAN,
    a_cluster_has_failed,
    clusters,
    name,
    remove_rollout,
)
from tests.e2e.manifests import ibgu
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_beside_talm import audit_log, hub, scene, soon, talm, talm_program
from tests.e2e.test_shadow import requests_of, runs, watching

__all__ = ["audit_log", "hub", "scene", "soon", "talm", "talm_program"]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_new_shadow_records_as_much_as_the_one_before(
    scene: Scene, talm: RealTalm, audit_log: Path, moment: str
) -> None:
    """One watched from the beginning; the new one knows only what the killed TALM has left."""
    async with shadows_of_killed(scene, talm, audit_log, moment):
        pass


@pytest.mark.parametrize("moment", ["a template", "Prep has begun", "Upgrade has begun"])
async def test_a_shadow_records_the_whole_rollout_of_a_killed_talm(
    scene: Scene, talm: RealTalm, audit_log: Path, moment: str
) -> None:
    async with shadows_of_killed(scene, talm, audit_log, moment):
        await asyncio.to_thread(talm.start)
        await scene.until(lambda: done_by_talm(scene), "TALM to carry it out")
        await scene.until(lambda: has_seen_the_end(scene), "the shadow to see the end")
    for run in (await runs(scene, name(scene))).values():
        assert run.ibgu is None or run.ibgu.verdict is ShadowVerdict.SUCCEEDED
        assert run.talm is None or run.talm.verdict is ShadowVerdict.SUCCEEDED


@asynccontextmanager
async def shadows_of_killed(
    scene: Scene, talm: RealTalm, audit_log: Path, moment: str
) -> AsyncIterator[None]:
    """A shadow watches TALM until it is killed, and a new one what it has left; neither writes."""
    await scene.fleet(count=2, durations="100s")
    before = requests_of(audit_log, "shadow")
    try:
        async with watching(scene, identity="old") as watcher:
            await scene.until(lambda: watcher.leading, "the shadow to watch")
            await scene.apply(ibgu(name(scene), *PLAN, fleet=scene.label))
            await scene.until(lambda: MOMENTS[moment](scene), moment)
            await asyncio.to_thread(talm.stop)
            await scene.until(lambda: tells_what_the_works_say(scene), "the shadow to tell all")
            assert watcher.problems() == []
        async with watching(scene, identity="new") as watcher:
            await scene.until(lambda: watcher.leading, "the new shadow to watch")
            await scene.until(lambda: tells_what_the_works_say(scene), "the new one to tell all")
            yield
            assert watcher.problems() == []
    finally:
        if not talm.running:
            await remove_rollout(scene)
            await asyncio.to_thread(talm.start)
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
