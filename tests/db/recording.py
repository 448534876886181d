"""Decisions of the engine, written into a real journal one by one."""

from ibgu.controller.loop.commit import Draft
from ibgu.core.engine.state import FleetState
from ibgu.db import Journal
from tests.core.engine.decide.fleet import InMemoryEngine


async def tell(journal: Journal, engine: InMemoryEngine, fleet: FleetState | None = None) -> None:
    """`fleet` is the state so far, if the engine's story continues."""
    fleet = fleet or FleetState()
    for said in engine.said:
        draft = Draft(fleet)
        draft.apply(said.decision)
        assert not await journal.commit(draft.changeset(said.at))
