"""R6.3: whom a newer rollout has taken over stays out of the older ones' next steps."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Rollout, RolloutState
from ibgu.db import Journal
from ibgu.db.reads import Reads
from tests.db.records import NOW, members, opening, rollout, step

MINE = rollout("mine", age=10)


async def put(
    journal: Journal, of: Rollout, cluster: str, *actions: Action, everywhere: bool = True
) -> None:
    opened = step(of, 0, *actions, across_namespaces=everywhere)
    await journal.commit(opening(of, opened, waiting=members(opened, cluster)))


@pytest.fixture
async def history(journal: Journal) -> None:
    elsewhere = {"namespace": "edge"}
    await put(journal, MINE, "mine", Action.PREP)
    await put(journal, rollout("r1", age=11), "before", Action.ABORT)
    await put(journal, rollout("r2", age=9), "prepared", Action.PREP)
    await put(journal, rollout("r3", age=8), "aborted", Action.ABORT)
    await put(journal, rollout("r4", age=7), "swept", Action.ABORT_ON_FAILURE)
    gone = rollout("r8", age=3, state=RolloutState.DELETED, deleted_at=NOW)
    await put(journal, gone, "rolled back", Action.ROLLBACK)
    await put(journal, rollout("r5", age=6, **elsewhere), "neighbour", Action.ABORT)
    alone = rollout("r6", age=5, **elsewhere)
    await put(journal, alone, "kept", Action.ABORT, everywhere=False)
    await put(journal, rollout("r9", age=2, kind="FirmwareRollout"), "other kind", Action.ABORT)
    own = rollout("r7", age=4)
    await put(journal, own, "own", Action.ABORT, everywhere=False)


@pytest.mark.usefixtures("history")
async def test_reads_and_engine_bar_the_same_clusters(journal: Journal, db: AsyncEngine) -> None:
    found = await Reads(db, "hub-1").barred(MINE)
    assert found == {"uid-aborted", "uid-rolled back", "uid-neighbour", "uid-own"}
    fleet, loaded = FleetState(), await journal.load()
    fleet.load(loaded.rollouts, loaded.steps, loaded.members, loaded.pending_patches)
    assert found == fleet.barred(MINE)
