"""kill -9 of the controller: no action is done twice, and no member is forgotten."""

import pytest

from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step

ROLLOUT_DEATHS = (
    "after:RolloutSeen",  # the first step is open, and the list of clusters was not made
    "before:StepStarted",  # made, and lost
    "after:StepStarted",  # members, but no probe was sent
    "before:StepFinished",  # all done, and nobody noted it
    "after:StepFinished",  # between two steps
    "after:StepStarted",
    "after:RolloutCompleted",  # and the status says nothing yet
)
MEMBER_DEATHS = (
    "after:Probed",  # a probe that nobody has sent
    "sent:Probed",  # a probe whose answer nobody hears
    "before:RunIntended",
    "after:RunIntended",  # a hold, and nothing else
    "after:RunArming",  # the journal says armed, the hub does not
    "sent:RunArming",  # armed, and nobody saw it
    "after:RunArmed",
    "after:RunAccepted",  # accepted, and not disarmed
    "sent:RunAccepted",  # disarmed, and nobody saw it
    "before:RunEnded",  # ended, and nobody noted it
    "after:RunEnded",  # ended, labels pending
    "after:MemberFinished",
)

ROLLBACK_DEATHS = (
    "after:RunIntended",
    "sent:RunArming",  # the cluster reboots into its former release
    "after:RunAccepted",
    "before:RunEnded",
    "after:RunEnded",
)


@pytest.mark.parametrize(
    ("deaths", "clusters"),
    [(ROLLOUT_DEATHS, 1), (MEMBER_DEATHS, 4)],
    ids=["of the rollout", "of members"],
)
async def test_a_controller_killed_in_every_phase(
    scene: Scene, deaths: tuple[str, ...], clusters: int
) -> None:
    """One controller after the other, each killed at the next point."""
    await scene.fleet(count=clusters)
    plan = (step("Prep", most=1), step("Upgrade", "FinalizeUpgrade", most=2))
    await scene.apply(ibgu("killed", *plan, fleet=scene.label))
    for death in deaths:
        await scene.killed(await scene.victim(death))
    await scene.start()
    status = await scene.completed("killed")
    assert len(status["clusters"]) == clusters
    for entry in status["clusters"]:
        assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
        assert scene.stages(entry["name"]) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(entry["name"]) == {}
        assert await scene.annotations(entry["name"]) == {}
        await scene.works_gone(entry["name"])


async def test_a_controller_is_killed_in_a_rollback(scene: Scene) -> None:
    name = f"{scene.label}-1"
    await scene.fleet(count=1, durations="60s-90s")
    await scene.start()
    await scene.apply(ibgu("up", step("Prep", "Upgrade"), fleet=scene.label))
    await scene.completed("up")
    await scene.stop()
    plan = (step("Rollback"), step("FinalizeRollback"))
    await scene.apply(ibgu("back", *plan, fleet=scene.label))
    for death in ROLLBACK_DEATHS:
        await scene.killed(await scene.victim(death))
    await scene.start()
    await scene.completed("back")
    whole = ["Rollback", "FinalizeRollback"]
    assert actions(await scene.entry("back", name), "completed") == whole
    assert scene.stages(name) == ["Prep", "Upgrade", "Rollback", "Finalize"]
    assert await scene.labels(name) == {}


async def test_a_failure_survives_the_controller(scene: Scene) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=1, faults=[f"prep.precache@{first}"])
    victim = await scene.victim("after:RunEnded")
    plan = (step("Prep"), step("AbortOnFailure"))
    await scene.apply(ibgu("killed", *plan, fleet=scene.label))
    await scene.killed(victim)
    await scene.start()
    status = await scene.completed("killed")
    (entry,) = status["clusters"]
    assert (actions(entry, "completed"), actions(entry, "failed")) == (["AbortOnFailure"], ["Prep"])
    assert scene.stages(first) == ["Prep", "Abort"]
    assert await scene.labels(first) == {}


async def test_a_controller_that_is_killed_again_and_again(scene: Scene) -> None:
    """The controller dies at any moment, and with its Lease left to expire by itself the last
    time."""
    await scene.fleet(count=8, durations="40s-90s")
    plan = (step("Prep", most=3), step("Upgrade", "FinalizeUpgrade", most=4))
    await scene.apply(ibgu("storm", *plan, fleet=scene.label))
    seen = 0
    for number in range(3):
        victim = await scene.victim()

        async def further(enough: int = seen + 12 * (1 + number % 2)) -> bool:
            rows = await scene.journal("SELECT last_seq FROM hubs")
            return bool(rows) and rows[0]["last_seq"] > enough

        await scene.until(further, "the controller to get on")
        seen = (await scene.journal("SELECT last_seq FROM hubs"))[0]["last_seq"]
        victim.kill()
        if number < 2:
            await scene.killed(victim)
    assert await victim.wait() == -9
    await scene.start()
    status = await scene.completed("storm")
    assert status["summary"]["succeeded"] == 8
    for number in range(1, 9):
        assert scene.stages(f"{scene.label}-{number}") == ["Prep", "Upgrade", "Finalize"]


async def test_a_standby_takes_over(scene: Scene) -> None:
    await scene.fleet(count=3, durations="100s")
    leader = await scene.victim()
    await scene.apply(ibgu("turns", step("Prep", most=1), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted")
    await scene.start(leads=False)
    await scene.until(lambda: scene.controller is not None, "the second controller to be up")
    leader.kill()
    await scene.completed("turns")
    assert [scene.stages(f"{scene.label}-{n}") for n in (1, 2, 3)] == [["Prep"]] * 3
