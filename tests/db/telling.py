"""What the twin decided, written into a real journal decision by decision."""

from ibgu.controller.commit import Draft
from ibgu.core.book import World
from ibgu.db import Journal
from tests.core.decide.world import Twin


async def tell(journal: Journal, twin: Twin, world: World | None = None) -> None:
    """`world` is what was told before, if the twin's story goes on."""
    world = world or World()
    for said in twin.said:
        draft = Draft(world)
        draft.take(said.decision)
        assert not await journal.commit(draft.turn(said.at))
