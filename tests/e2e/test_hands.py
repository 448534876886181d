"""People change things while a rollout runs: on the cluster, in works, labels and the status."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from ibgu.hub import paths
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import appended, ibgu, step

PREFIX = "lcm.openshift.io/ibgu-"


async def work_of(scene: Scene, cluster: str) -> str:
    (work,) = await scene.works(cluster)
    return str(work["metadata"]["name"])


async def by_stage(scene: Scene, cluster: str) -> None:
    scene.act(cluster, lambda spoke, now: spoke.set_stage("Idle", now))


async def by_edit(scene: Scene, cluster: str) -> None:
    patch = '{"spec": {"deleteOption": {"propagationPolicy": "Foreground"}}}'
    name = await work_of(scene, cluster)
    await scene.kubectl("patch", "manifestwork", name, "-n", cluster, "--type=merge", "-p", patch)


async def by_deletion(scene: Scene, cluster: str) -> None:
    await scene.kubectl("delete", "manifestwork", await work_of(scene, cluster), "-n", cluster)


async def by_label(scene: Scene, cluster: str) -> None:
    name = await work_of(scene, cluster)
    label = "app.kubernetes.io/managed-by-"
    await scene.kubectl("label", "manifestwork", name, "-n", cluster, label)


@pytest.mark.parametrize("hand", [by_stage, by_edit, by_deletion, by_label])
async def test_a_run_that_somebody_takes_over_ends_without_a_label(
    scene: Scene, hand: Callable[[Scene, str], Awaitable[None]]
) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, faults=[f"hangs@{first}"])
    await scene.start(clock=ScaledTime(40))
    await scene.apply(ibgu("hand", step("Prep"), fleet=scene.label))
    await scene.until(lambda: "Prep" in scene.stages(first), "Prep to have begun")
    await scene.seen_in_journal("RunAccepted", first)
    await hand(scene, first)
    await scene.completed("hand")
    (failed,) = (await scene.entry("hand", first))["failedActions"]
    assert failed["message"].startswith("TakenOver: taken over by hand: ")
    assert await scene.labels(first) == {}
    assert scene.stages(first)[0] == "Prep"
    assert scene.stages(first).count("Prep") == 1
    assert await scene.labels(second) == {"prep-completed": ""}


async def test_a_work_that_lost_its_label_is_found_again(scene: Scene) -> None:
    """No watch shows it any more, and to create it again can't succeed."""
    first = f"{scene.label}-1"
    await scene.fleet(count=1)
    await scene.start()
    plan = [step("Prep"), step("Upgrade")]
    await scene.apply(ibgu("label", plan[0], fleet=scene.label))
    await scene.completed("label")
    await by_label(scene, first)
    await scene.apply(ibgu("label", *plan, fleet=scene.label))
    await scene.completed("label")
    assert scene.stages(first) == ["Prep", "Upgrade"]
    (work,) = await scene.works(first)
    assert work["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "ibgu"


async def test_labels_of_people_are_the_truth_for_selection(scene: Scene) -> None:
    first, second, third = (f"{scene.label}-{number}" for number in (1, 2, 3))
    await scene.fleet(count=3, faults=[f"prep.precache@{third}"])
    await scene.start()
    plan = [step("Prep"), step("Upgrade")]
    await scene.apply(ibgu("labels", plan[0], fleet=scene.label))
    await scene.completed("labels")
    # One is kept out of the next step, and one was repaired on the cluster and is let in.
    await scene.kubectl("label", "managedcluster", first, f"{PREFIX}prep-completed-")
    scene.cluster(third)._course.faults = ()
    scene.act(third, lambda spoke, now: spoke.set_stage("Idle", now))
    await scene.until(lambda: scene.stages(third) == ["Prep", "Abort"], "the abort by hand")
    run = scene.cluster(third).timeline.runs[-1]
    await scene.until(lambda: run.ended is not None, "its end")
    await scene.apply(ibgu("again", plan[0], fleet=scene.label, only=[3]))
    await scene.completed("again")
    assert await scene.labels(third) == {"prep-completed": ""}
    await scene.apply(ibgu("labels", *plan, fleet=scene.label))
    await scene.completed("labels")
    assert scene.stages(first) == ["Prep"]
    assert scene.stages(second) == ["Prep", "Upgrade"]
    assert scene.stages(third) == ["Prep", "Abort", "Prep", "Upgrade"]
    assert await scene.labels(first) == {}
    assert actions(await scene.entry("labels", third), "failed") == ["Prep"]
    assert actions(await scene.entry("labels", third), "completed") == ["Upgrade"]


async def test_a_status_that_somebody_overwrites_is_rewritten(scene: Scene) -> None:
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(ibgu("status", step("Prep"), fleet=scene.label))
    before = await scene.completed("status")
    wrong = '{"status": {"phase": "Pending", "clusters": [], "summary": {"failed": 7}}}'
    await scene.kubectl(
        *("patch", "ibgu", "status", "--subresource=status", "--type=merge", "-p", wrong)
    )

    async def rewritten() -> bool:
        return await scene.status("status") == before

    await scene.until(rewritten, "the status to be as before")


async def test_a_pause_of_a_completed_rollout_changes_nothing(scene: Scene) -> None:
    """Such a rollout became Held, and asked for a person."""
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(ibgu("done", step("Prep"), fleet=scene.label))
    before = await scene.completed("done")
    await scene.annotate("done", "ibgu.dev/pause=the mirror is down")
    await scene.apply(ibgu("later", step("Upgrade"), fleet=scene.label))
    await scene.completed("later")  # by then the controller has seen the annotation, too
    assert await scene.status("done") == before
    line = await scene.kubectl("get", "ibgu", "done", "--no-headers")
    assert "Completed" in line.split()
    assert "RolloutHeld" not in {
        row["kind"]
        for row in await scene.journal("SELECT kind FROM events WHERE kind LIKE 'Rollout%'")
    }
    await scene.append("done", appended("Upgrade", 1, 60))
    await scene.phase("done", "Held")


async def test_waiting_members_are_skipped_by_an_annotation(scene: Scene) -> None:
    await scene.fleet(count=3, durations="1000s")
    await scene.start()
    await scene.apply(ibgu("skip", step("Prep", most=1), fleet=scene.label))
    running = await scene.accepted()
    scene.freeze(running)
    skipped, last = scene.others(running)
    await scene.annotate("skip", f"ibgu.dev/skip={skipped}")
    await scene.seen_in_journal("MemberFinished", skipped)
    scene.freeze(running, False)
    status = await scene.completed("skip")
    assert status["summary"]["skipped"] == 1
    assert actions(await scene.entry("skip", skipped), "failed") == []
    assert [scene.stages(name) for name in (running, skipped, last)] == [["Prep"], [], ["Prep"]]


async def test_the_circuit_breaker_stops_a_bad_seed_until_a_person_resumes(scene: Scene) -> None:
    await scene.fleet(count=8, faults=["upgrade.service-unit"])
    await scene.start()
    plan = step("Prep"), step("Upgrade", most=2)
    await scene.apply(ibgu("circuit-breaker", *plan, fleet=scene.label))
    await scene.phase("circuit-breaker", "Held")
    held = await scene.condition("circuit-breaker", "Held")
    assert (held["status"], held["reason"]) == ("True", "CircuitBreaker")
    await scene.told("circuit-breaker", "ibgu.dev/resume")

    async def nobody_runs() -> bool:
        return bool((await scene.status("circuit-breaker"))["summary"]["running"] == 0)

    await scene.until(nobody_runs, "those in flight to end")
    waiting = (await scene.status("circuit-breaker"))["summary"]["waiting"]
    assert waiting in (2, 3)  # five have failed, and one may have been in flight beside the last
    upgraded = [n for n in range(1, 9) if "Upgrade" in scene.stages(f"{scene.label}-{n}")]
    assert len(upgraded) == 8 - waiting
    await scene.annotate("circuit-breaker", "ibgu.dev/resume=1")
    status = await scene.completed("circuit-breaker")
    assert status["summary"]["failed"] == 8
    assert await scene.condition("circuit-breaker", "Held") == {}


async def test_the_circuit_breaker_keeps_who_has_prepared_from_its_upgrade(scene: Scene) -> None:
    """All have a slot in the one step, so nobody waits for one (decision 34)."""
    await scene.fleet(count=7, durations="150s-250s", faults=["upgrade.service-unit"])
    last = f"{scene.label}-7"
    await scene.start()
    await scene.apply(ibgu("chain", step("Prep", "Upgrade", most=7), fleet=scene.label))
    await scene.until(lambda: scene.stages(last) == ["Prep"], "its Prep")
    scene.freeze(last)

    async def enough_failed() -> bool:
        """One that is late may be kept from its Upgrade, too."""
        return bool((await scene.status("chain"))["summary"]["failed"] >= 5)

    await scene.until(enough_failed, "as many to fail as the circuit breaker lets")
    scene.freeze(last, False)
    await scene.phase("chain", "Held")
    held = await scene.condition("chain", "Held")
    assert (held["status"], held["reason"]) == ("True", "CircuitBreaker")
    assert scene.stages(last) == ["Prep"]
    await scene.annotate("chain", "ibgu.dev/resume=1")
    status = await scene.completed("chain")
    assert status["summary"]["failed"] == 7
    assert scene.stages(last)[:2] == ["Prep", "Upgrade"]


async def test_clusters_that_somebody_writes_all_the_time(scene: Scene) -> None:
    """Most of ibgu's own writes meet a version that its watch has not shown yet."""
    names = [f"{scene.label}-{number}" for number in range(1, 4)]
    await scene.fleet(count=3)
    await scene.start()
    writing = asyncio.create_task(write_all_the_time(scene, names))
    await scene.apply(ibgu("busy", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.completed("busy")
    assert scene.controller is not None
    assert scene.controller._client.requests["patch", "4xx"] > 0
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    for name in names:
        assert scene.stages(name) == ["Prep", "Upgrade"]
        assert await scene.labels(name) == {"prep-completed": "", "upgrade-completed": ""}


async def write_all_the_time(scene: Scene, names: list[str]) -> None:
    for number in itertools.count():
        body = {"metadata": {"annotations": {"example.com/heartbeat": str(number)}}}
        for name in names:
            await scene.admin.request(
                "PATCH",
                paths.managed_cluster(name),
                body=body,
                content_type=paths.MERGE_PATCH,
            )
