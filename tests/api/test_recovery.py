"""The way back of one cluster over REST, for callers who may see it."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.recovery.mapping import recovery
from ibgu.api.recovery.schemas import RecoveryBody
from ibgu.core.model import Ended, Kind, MemberState, Outcome, RunResult
from ibgu.core.model.kinds import Backup, ClusterUpdate, Release, RolloutSpec
from ibgu.core.model.names import FLEET_UPDATE
from ibgu.db import Journal
from ibgu.db.journal.evidence import FEEDBACK
from ibgu.db.views import EventRow, MemberRow, VisitRow
from tests.api.conftest import Ask
from tests.api.fleet import fleet, rollout, seen
from tests.api.test_changes import admin, post
from tests.api.test_fleet_updates import NAME, failed, uid
from tests.db.records import NOW, member, step

__all__ = ["admin", "failed", "post", "uid"]
IMAGE, OLD = (f"quay.example/release@sha256:{digit * 64}" for digit in "ab")
REPORT = "node=edge-1 path=/var/recovery/backup-b1 mib=7"


async def told(ask: Ask, cluster: str, user: str = "alice", **query: Any) -> Any:
    answer = await ask(user, f"clusters/{cluster}/recovery", **query)
    assert answer.status_code == 200, answer.text
    RecoveryBody.model_validate(answer.json())
    return answer.json()


@pytest.mark.usefixtures("failed")
async def test_a_refused_update_is_withdrawn(ask: Ask) -> None:
    found = await told(ask, "a")
    assert (found["rollout"], found["kind"]) == (f"default/{NAME}", FLEET_UPDATE)
    assert found["headline"].startswith("the update was not seen to begin")
    assert found["facts"]["release"] == f"4.16.12 {IMAGE}"
    assert found["facts"]["said"].startswith("The update cannot be verified")
    assert found["steps"][0]["commands"] == [f"ibgu add-step {NAME} RetractOnFailure -n default"]
    assert found == await told(ask, "a", "bob", namespace="default", rollout=NAME)


async def test_an_image_based_upgrade_points_to_its_own_ways(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await told(ask, "c")
    assert found["guide"] == "docs/guides/roll-back.md"
    assert found["steps"][3]["commands"] == ["ibgu rollback ran-r1 c -n default"]


async def test_the_way_back_of_forbidden_and_unknown_clusters_is_refused(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal)
    await seen(journal, rollout("r2", namespace="edge"))
    assert (await ask("bob", "clusters/a/recovery")).status_code == 403
    other = {"namespace": "edge", "rollout": "ran-r2"}
    assert (await ask("bob", "clusters/a/recovery", **other)).status_code == 403
    assert (await ask("alice", "clusters/nobody/recovery")).status_code == 404


def _event(run: str | None, of: str = "u", **shown: Any) -> EventRow:
    data = {"seen": {FEEDBACK: shown}} if shown else {}
    return EventRow(
        seq=1,
        at=NOW,
        rollout=of,
        step=0,
        cluster="a",
        cluster_uid="uid-a",
        run=run,
        kind=Kind.RUN_ENDED,
        why="",
        cause=None,
        warning=False,
        actor="",
        data=data,
    )


def test_the_place_of_a_backup_comes_from_the_history() -> None:
    update = ClusterUpdate(release=Release("4.16.12", IMAGE), backup=Backup("Full", IMAGE))
    found = replace(rollout("u"), kind=FLEET_UPDATE, spec=RolloutSpec(update=update))
    over = member(
        step(found), "a", state=MemberState.FINISHED, outcome=Outcome.FAILED, ended_at=NOW
    )
    taken = Ended(
        id="b1",
        action="Backup",
        attempt=1,
        intended_at=NOW,
        ended_at=NOW,
        result=RunResult.SUCCEEDED,
    )
    began = replace(taken, id="u1", action="Update", arming_at=NOW, result=RunResult.LIMIT)
    row = MemberRow(over, "default", found.name, None, None, NOW)
    events = [
        _event(None),
        _event("b1"),
        _event("b1", of="another", desired="x"),
        _event("b1", desired=OLD, job={"report": REPORT}),
        _event("b1", desired=IMAGE),
    ]
    told = recovery(found, [VisitRow(row, (taken, began))], events)
    assert told.facts["before"] == OLD
    assert (told.facts["node"], told.facts["path"]) == (
        "edge-1, as the cluster reports",
        "/var/recovery/backup-b1",
    )
