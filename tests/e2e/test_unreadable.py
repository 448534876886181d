"""A row of one rollout can't be read at a start: that rollout stands, and no one else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from ibgu import telemetry
from ibgu.controller.journal import unreadable
from ibgu.hub import paths
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

RECOVERY = Path(__file__).parents[2] / "docs" / "recovery.md"
ROWS = {
    "rollout": ("rollouts", "annotations", "'7'"),
    "step": ("steps", "started_at", "'9999-12-31 23:59:59-15'"),
    "member": ("members", "reason", "'{}'"),
    "run": ("runs", "arming_at", "'9999-12-31 23:59:59-15'"),
}
"""Table, column, and what nobody can read there."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable, "INTERVAL", 0.3)


@pytest.fixture
def log() -> Iterator[LogCapture]:
    captured = LogCapture()
    structlog.configure(processors=[captured])
    yield captured
    structlog.reset_defaults()


def of_one(scene: Scene, name: str, number: int) -> Object:
    """An IBGU for one cluster of the fleet."""
    return ibgu(name, step("Prep"), fleet=scene.label, only=[number])


async def taken(scene: Scene) -> str:
    """The first cluster is in flight in "mine", and nothing more is heard of it."""
    first = f"{scene.label}-1"
    await scene.fleet(count=3, faults=[f"blocked:1000s@{first}"])
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1))
    await scene.seen_in_journal("RunAccepted", first)
    scene.freeze(first)
    await scene.stop()
    return first


async def others_go_on(scene: Scene, first: str) -> None:
    """Checks that others go on, but for the cluster that the rollout has claimed."""
    await scene.apply(of_one(scene, "victim", 2))
    await scene.phase("victim", "Completed")
    await scene.apply(of_one(scene, "wants", 1))
    await scene.seen_in_journal("StepStarted", count=3)
    await scene.apply(of_one(scene, "next", 3))
    await scene.phase("next", "Completed")
    [row] = await scene.journal(
        "SELECT members.state, reason FROM members JOIN rollouts ON uid = rollout"
        " WHERE name = 'wants' AND cluster = $1",
        first,
    )
    assert row["state"] == "waiting"
    assert "default/mine works on the cluster, and its records can't be read" in row["reason"]


async def held(scene: Scene) -> None:
    await scene.phase("mine", "Held")
    condition = await scene.condition("mine", "Held")
    assert condition["reason"] == "InternalError"
    assert "its records in the journal can't be read" in condition["message"]
    await scene.told("mine", "its records in the journal can't be read")


@pytest.mark.parametrize(("table", "column", "value"), ROWS.values(), ids=ROWS)
async def test_only_an_unreadable_rollout_is_held_until_it_is_readable(
    scene: Scene, log: LogCapture, table: str, column: str, value: str
) -> None:
    """Nothing of it is lost: mended, it goes on where it was."""
    first = await taken(scene)
    await scene.journal(f"ALTER TABLE {table} ADD COLUMN kept text")
    await scene.journal(f"UPDATE {table} SET kept = {column}::text, {column} = {value}")
    await scene.start()
    await others_go_on(scene, first)
    await held(scene)
    assert scene.controller is not None
    scene.controller.measure()
    assert telemetry.QUARANTINED._value.get() == 1
    [told] = [e for e in log.entries if e["event"] == "records of a rollout can't be read"]
    assert (told["rollout"], "docs/recovery.md" in told["do"]) == ("default/mine", True)
    [kind] = await scene.journal(
        "SELECT data_type AS is FROM information_schema.columns"
        " WHERE table_name = $1 AND column_name = $2",
        table,
        column,
    )
    await scene.journal(f"UPDATE {table} SET {column} = kept::{kind['is']} WHERE kept IS NOT NULL")
    scene.freeze(first, frozen=False)
    await scene.phase("mine", "Completed")
    await scene.phase("wants", "Completed")
    assert scene.stages(first) == ["Prep"]


async def test_a_rollout_is_given_up_as_the_documentation_says(scene: Scene) -> None:
    """The rollout's records are deleted; what the hub shows is imported, and waits for a person."""
    first = await taken(scene)
    await scene.journal("UPDATE rollouts SET spec = '7'")
    await scene.start()
    await held(scene)
    uid = (await scene.get(paths.ibgu("default", "mine")))["metadata"]["uid"]
    [documented] = re.findall(r"```sql\n(.*?)```", RECOVERY.read_text(), re.DOTALL)
    for statement in documented.replace("<uid>", uid).split(";")[:-1]:
        await scene.journal(statement)
    await scene.seen_in_journal("Imported")
    scene.freeze(first, frozen=False)
    await scene.annotate("mine", "ibgu.dev/resume=1")
    await scene.phase("mine", "Completed")
    assert scene.stages(first) == ["Prep"]


async def test_works_of_a_rollout_that_is_deleted_meanwhile_stay(scene: Scene) -> None:
    """They are the only trace of what was asked of the cluster."""
    first = await taken(scene)
    await scene.journal("UPDATE rollouts SET spec = '7'")
    await scene.kubectl("delete", "ibgu", "mine")
    await scene.start()
    await scene.apply(of_one(scene, "victim", 2))
    await scene.phase("victim", "Completed")
    assert len(await scene.works(first)) == 1
