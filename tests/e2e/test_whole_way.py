"""The whole way with the real TALM: taken over one by one, and given back."""

from ibgu.core.model import names
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_beside_talm import (
    audit_log,
    goes_on,
    held,
    hub,
    install_policy,
    of_ibgu,
    of_talm,
    remove_policy,
    scene,
    soon,
    talm,
    talm_program,
)

__all__ = ["audit_log", "hub", "scene", "soon", "talm", "talm_program"]

PLAN = step("Prep"), step("Upgrade", "FinalizeUpgrade")
WHOLE = ["Prep", "Upgrade", "Finalize"]


async def test_rollouts_move_from_talm_to_ibgu_and_back(scene: Scene, talm: RealTalm) -> None:
    await scene.fleet(count=2, durations="1000s")
    first, second = (f"{scene.label}-{number}" for number in (1, 2))
    for number, name in enumerate(("moved", "kept"), 1):
        await scene.apply(ibgu(name, *PLAN, fleet=scene.label, only=[number]))
    await scene.until(
        lambda: all(scene.stages(each) == ["Prep"] for each in (first, second)), "TALM's Prep"
    )
    for each in (first, second):
        scene.freeze(each)

    await install_policy(scene)
    await scene.start()
    await goes_on(scene)
    for name in ("moved", "kept"):
        await asks_for_adoption(scene, name)
    left = await of_talm(scene, "kept")
    assert left != []
    await scene.annotate("moved", "ibgu.dev/adopt=yes")
    await scene.seen_in_journal("RolloutReleased")
    scene.freeze(first, False)
    status = await scene.completed("moved")
    [entry] = status["clusters"]
    assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
    assert (scene.stages(first), await scene.labels(first)) == (WHOLE, {})
    assert await of_talm(scene, "moved") == []
    assert await of_talm(scene, "kept") == left
    assert scene.stages(second) == ["Prep"]
    assert await works(scene, second) == []
    await asks_for_adoption(scene, "kept")

    await remove_policy(scene)
    await held(scene, "the ValidatingAdmissionPolicy ibgu-beside-talm is not installed")
    scene.freeze(second, False)

    async def done_by_talm() -> bool:
        entry = await scene.entry("kept", second)
        return actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]

    await scene.until(done_by_talm, "TALM to carry out what it had begun")
    assert scene.stages(second) == WHOLE
    await scene.until(lambda: begins_again(scene), "TALM to begin what ibgu had done")


async def begins_again(scene: Scene) -> bool:
    """Whether TALM has begun the IBGU that ibgu has carried out: nobody has deleted it."""
    return await of_ibgu(scene, "moved") != []


async def asks_for_adoption(scene: Scene, name: str) -> None:
    async def asks() -> bool:
        found = await scene.condition(name, "Held")
        return "ibgu.dev/adopt" in found.get("message", "")

    await scene.until(asks, f"the status of {name} to ask for a person's word")


async def works(scene: Scene, cluster: str) -> list[str]:
    """Returns the names of ibgu's works on the cluster."""
    found = [work["metadata"] for work in await scene.works(cluster)]
    return [meta["name"] for meta in found if names.ROLLOUT in meta.get("labels", {})]
