"""Moments at which the real TALM dies in the middle of a rollout, and what it leaves then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from ibgu.core.talm import names
from ibgu.hub import paths
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_beside_talm import group_upgrades, of_ibgu, of_talm

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
        await remove_rollout(scene)
        await asyncio.to_thread(talm.start)


async def remove_rollout(scene: Scene) -> None:
    """Deletes the IBGU and all that TALM has made: a TALM that finds it makes everything again."""
    for kinds in ("ibgu", "cgu,manifestworkreplicasets"):
        await scene.kubectl("delete", kinds, "--all", "-A", "--wait=false")


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
