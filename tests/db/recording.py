"""Decisions of the twin, written into a real journal one by one."""

from ibgu.controller.loop.commit import Draft
from ibgu.core.engine.state import FleetState
from ibgu.db import Journal
from tests.core.engine.decide.fleet import InMemoryEngine


async def tell(journal: Journal, twin: InMemoryEngine, fleet: FleetState | None = None) -> None:
    """`fleet` is the state so far, if the twin's story continues."""
    fleet = fleet or FleetState()
    for said in twin.said:
        draft = Draft(fleet)
        draft.apply(said.decision)
        assert not await journal.commit(draft.changeset(said.at))
