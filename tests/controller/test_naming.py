"""Names in log lines: trouble is found by what it is about."""

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from ibgu.controller import naming
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop.commit import Draft, JournalWriter
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Kind, Member, OnMember
from ibgu.db import Journal
from ibgu.hub.writing.writer import Write
from tests.core.engine.state.records import failed, in_flight, member, rollout, step, world_of
from tests.db import records
from tests.db.conftest import db, journal, leading

__all__ = ["db", "journal", "leading"]

WORLD = world_of(rollout(), [step("Prep Upgrade")], [in_flight(), member("site-2")])
RUNNING = {
    "rollout": "fleet/a",
    "step": 1,
    "cluster": "site-1",
    "action": "Prep",
    "run": "run-site-1",
    "attempt": 1,
}


def write(*key: str, owner: str = "uid-a") -> Write:
    return Write(key=key, method="PATCH", path="/", owner=owner)


def of_write(*key: str, owner: str = "uid-a", fleet: FleetState = WORLD) -> dict[str, object]:
    return naming.of_write(fleet, write(*key, owner=owner))


@pytest.mark.parametrize("kind", ["work", "cluster"])
def test_a_write_for_a_cluster_names_its_run(kind: str) -> None:
    found = of_write(kind, "site-1", "a-0123-stage")
    assert found == {"object": kind, "method": "PATCH", **RUNNING}
    assert {type(value) for value in found.values()} == {str, int}


def test_a_write_before_the_first_run_names_the_cluster() -> None:
    found = of_write("work", "site-2", "a-0123-stage")
    assert found == {
        "object": "work",
        "method": "PATCH",
        "rollout": "fleet/a",
        "step": 1,
        "cluster": "site-2",
    }


@pytest.mark.parametrize("key", [("status", "uid-a"), ("event", "fleet", "a.0123"), ("talm", "x")])
def test_other_writes_name_the_rollout(key: tuple[str, ...]) -> None:
    assert of_write(*key) == {"object": key[0], "method": "PATCH", "rollout": "fleet/a"}


def test_a_write_of_an_unknown_rollout_is_named_by_its_uid() -> None:
    found = of_write("work", "site-1", "a-0123-stage", fleet=FleetState())
    assert found == {
        "object": "work",
        "method": "PATCH",
        "rollout": "uid-a",
        "cluster": "site-1",
    }
    assert "rollout" not in of_write("cluster", "site-1", owner="")


def test_the_action_that_was_not_begun() -> None:
    found = naming.of_member(failed("site-2", Action.UPGRADE, run=None))
    assert found == {"step": 1, "cluster": "site-2", "action": "Upgrade"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("imagebasedgroupupgrades", {"rollout": "x/y"}),
        ("managedclusters", {"cluster": "y"}),
        ("manifestworks", {"cluster": "x", "work": "y"}),
        ("talm-manifestworks", {"cluster": "x", "work": "y"}),
        ("clustergroupupgrades", {"cgu": "x/y"}),
    ],
)
def test_an_object_that_can_not_be_read(kind: str, said: dict[str, str]) -> None:
    assert naming.of_object(kind, "x", "y") == said


async def waits(journal: Journal, uid: str) -> tuple[FleetState, Member]:
    of = records.rollout(uid)
    first = records.step(of)
    [found] = records.members(first, "a")
    await journal.commit(records.opening(of, first, waiting=[found]))
    return world_of(of, [first], [found]), found


async def test_a_lost_claim_is_logged_with_all_names(journal: Journal) -> None:
    _, first = await waits(journal, "r1")
    await journal.commit(records.starting(records.started(first, slot=1)))
    fleet, second = await waits(journal, "r2")
    draft = Draft(fleet)
    begun = replace(records.started(second, slot=1), limit=records.NOW)
    draft.apply(OnMember(Kind.RUN_INTENDED, begun, "a slot is free"))
    with capture_logs() as lines:
        await JournalWriter(journal, JournalRetries()).commit(draft, records.NOW)
    assert [dict(line) for line in lines] == [
        {
            "event": "claim lost to another rollout",
            "log_level": "warning",
            "rollout": "default/ibgu-r2",
            "step": 1,
            "cluster": "a",
            "action": "Prep",
            "run": "run-r2-a",
            "attempt": 1,
        }
    ]
    assert draft.decisions == []
