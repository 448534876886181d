"""The journal is lost, the hub is restored from an older backup, or both, in the middle of a
rollout."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from ibgu.hub import paths
from ibgu.sandbox.databases import create_database, drop_database
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step

PLAN = (step("Prep", most=2), step("Upgrade", "FinalizeUpgrade", most=1))
DONE = ["Prep", "Upgrade", "Finalize"]


@pytest.fixture
def another(postgres_url: str, migrated: str) -> Iterator[Callable[[str], str]]:
    """`another(template)` makes another journal, once, as a copy, and answers its URL."""
    name = f"{migrated}_another"
    yield lambda template: create_database(postgres_url, name, template=template)
    drop_database(postgres_url, name)


async def held(scene: Scene, name: str) -> str:
    """Wait until it stands still; answers what a person reads."""
    await scene.phase(name, "Held")
    condition = await scene.condition(name, "Held")
    assert condition["reason"] == "Restored"
    assert "ibgu.dev/resume" in condition["message"]
    await scene.told(name, condition["message"])
    return str(condition["message"])


async def status_goes_back(scene: Scene, name: str) -> None:
    """Puts the status back as if it had been written last when the second step began."""
    prepared = {"completedActions": [{"action": "Prep"}]}
    clusters = [{"name": cluster, **prepared} for cluster in scene.others()]
    await scene.admin.request(
        "PATCH",
        paths.ibgu_status("default", name),
        body={"status": {"clusters": clusters}},
        content_type=paths.MERGE_PATCH,
    )


async def nothing_begins(scene: Scene, seconds: float = 2) -> None:
    """While it stands still, nothing is armed, and no cluster begins anything."""
    before = {name: scene.stages(name) for name in scene.others()}
    await asyncio.sleep(seconds)
    assert {name: scene.stages(name) for name in scene.others()} == before
    for name in before:
        for work in await scene.works(name):
            assert work["metadata"]["annotations"]["ibgu.dev/arming"] == "disarmed"


async def goes_on_to_its_end(scene: Scene, name: str) -> None:
    await scene.annotate(name, "ibgu.dev/resume=checked")
    status = await scene.completed(name)
    for entry in status["clusters"]:
        assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
        assert actions(entry, "failed") == []
    for cluster in scene.others():
        assert scene.stages(cluster) == DONE
        assert await scene.labels(cluster) == {}
        assert await scene.annotations(cluster) == {}


async def no_work_of(scene: Scene, rollout: str) -> bool:
    found = [work for cluster in scene.others() for work in await scene.works(cluster)]
    return all(work["metadata"]["annotations"]["ibgu.dev/rollout"] != rollout for work in found)


async def test_the_journal_is_lost(
    another: Callable[[str], str], scene: Scene, migrated: str
) -> None:
    """Steps that were complete stay so; a step that ran is imported and waits for a person.

    One cluster is in its step's last action, and the status does not tell so.
    """
    await scene.fleet(count=3, durations="300s-400s")
    await scene.start()
    await scene.apply(ibgu("gone", PLAN[0], fleet=scene.label))
    await scene.completed("gone")
    await scene.apply(ibgu("lost", PLAN[0], fleet=scene.label))
    await scene.completed("lost")
    await scene.apply(ibgu("lost", *PLAN, fleet=scene.label))
    await scene.apply(ibgu("once", step("FinalizeUpgrade"), fleet="nobody"))
    await scene.phase("once", "Completed")
    first = await scene.accepted(step=1)
    await scene.until(lambda: scene.stages(first) == DONE, "its last action to have begun")
    await scene.stop()
    await status_goes_back(scene, "lost")
    await scene.kubectl("delete", "ibgu", "gone")
    scene.database_url = another(migrated)
    await scene.start()
    assert "the journal was lost" in await held(scene, "lost")
    await nothing_begins(scene)
    await scene.phase("once", "Completed")
    await scene.until(lambda: no_work_of(scene, "default/gone"), "works without an owner to go")
    rows = await scene.journal("SELECT actor, why FROM events WHERE kind = 'Imported'")
    assert rows
    assert all(row["why"].startswith("imported from the hub: ") for row in rows)
    assert {row["actor"] for row in rows} == {"ibgu, from what the hub shows"}
    await goes_on_to_its_end(scene, "lost")


async def test_the_journal_is_restored_to_an_earlier_time(
    another: Callable[[str], str], scene: Scene, migrated: str
) -> None:
    """The journal knows the first step's runs, and nothing of the second one."""
    await scene.fleet(count=3, durations="300s-400s")
    await scene.start()
    await scene.apply(ibgu("earlier", PLAN[0], fleet=scene.label))
    await scene.completed("earlier")
    await scene.stop()
    earlier = another(str(make_url(scene.database_url).database))
    await scene.start()
    await scene.apply(ibgu("earlier", *PLAN, fleet=scene.label))
    first = await scene.accepted(step=1)
    await scene.until(lambda: len(scene.stages(first)) >= 2, "its Upgrade to have begun")
    await scene.stop()
    scene.database_url = earlier
    await scene.start()
    await held(scene, "earlier")
    await nothing_begins(scene)
    await goes_on_to_its_end(scene, "earlier")


async def test_the_hub_is_restored_from_a_backup(scene: Scene, tmp_path: Path) -> None:
    """Once while ibgu leads, and once more while it is down.

    The backup shows the first cluster before its Upgrade; by now it is finalized.
    """
    await scene.fleet(count=3, durations="60s-90s")
    await scene.start(lease_seconds=20, lease_renew_seconds=19)
    await scene.apply(ibgu("restored", *PLAN, fleet=scene.label))
    await scene.seen_in_journal("StepFinished")
    await asyncio.to_thread(scene.hub.back_up, tmp_path / "backup")
    first = await scene.accepted(step=1)
    await scene.until(lambda: scene.stages(first) == DONE, "the first cluster to be finalized")
    await scene.seen_in_journal("MemberFinished", first, count=2)

    await asyncio.to_thread(scene.hub.restore, tmp_path / "backup")
    assert "restored from an older backup" in await held(scene, "restored")
    note = await noted(scene)
    await nothing_begins(scene)
    await scene.until(lambda: noted_since(scene, note), "what came after it to be noted")
    await scene.until(lambda: no_labels(scene, first), "the labels to be those of the journal")

    await scene.stop()
    await asyncio.to_thread(scene.hub.restore, tmp_path / "backup")
    await scene.bury()
    await scene.start()
    await scene.seen_in_journal("RolloutHeld", count=2)
    await held(scene, "restored")
    await nothing_begins(scene)
    await goes_on_to_its_end(scene, "restored")


async def test_hub_and_journal_are_restored_to_the_same_moment(
    another: Callable[[str], str], scene: Scene, tmp_path: Path
) -> None:
    """The backups are from right after the first step; by now the first cluster is finalized, and
    the second one upgrades. Nothing on the hub tells of it."""
    await scene.fleet(count=3, durations="60s-90s")
    await scene.start()
    await scene.apply(ibgu("both", *PLAN, fleet=scene.label))
    await scene.seen_in_journal("StepFinished")
    await scene.stop()
    earlier = another(str(make_url(scene.database_url).database))
    await asyncio.to_thread(scene.hub.back_up, tmp_path / "backup")
    await scene.bury()
    await scene.start()
    first = await scene.accepted(step=1)
    await scene.until(lambda: scene.stages(first) == DONE, "the first cluster to be finalized")
    await scene.seen_in_journal("MemberFinished", first, count=2)
    others = [name for name in scene.others() if name != first]
    await scene.until(lambda: any(len(scene.stages(name)) > 1 for name in others), "a second one")

    await scene.stop()
    await asyncio.to_thread(scene.hub.restore, tmp_path / "backup")
    scene.database_url = earlier
    await scene.bury()
    await scene.start()
    assert "restored to an earlier time, alone or with the hub" in await held(scene, "both")
    await nothing_begins(scene)
    await goes_on_to_its_end(scene, "both")
    causes = await scene.journal("SELECT DISTINCT cause FROM members")
    assert [row["cause"] for row in causes] == [None]


async def noted(scene: Scene) -> str:
    """Returns how far the hub was seen to get: what the next restore is recognised by."""
    (row,) = await scene.journal("SELECT versions::text FROM hubs")
    return str(row[0])


async def noted_since(scene: Scene, note: str) -> bool:
    return await noted(scene) != note


async def no_labels(scene: Scene, cluster: str) -> bool:
    return await scene.labels(cluster) == {}
