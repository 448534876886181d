"""R17: a right that ibgu lacks is the reason until it is granted."""

import pytest

from ibgu.core.model import Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.scenes import HOLDS, WAITS, Scene

SCENES = [scene for scene, row in {**WAITS, **HOLDS}.items() if row[0] is ReasonKind.FORBIDDEN]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_with_the_right_it_goes_on(scene: Scene) -> None:
    engine = InMemoryEngine("site-1")
    scene(engine)
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-1").reason.kind is ReasonKind.FORBIDDEN
    engine.allow()
    engine.wait(minutes=40)
    member = engine.member("uid-a", 0, "site-1")
    deleted = engine.tracked("uid-a").rollout.deleted_at is not None
    assert member.outcome is (Outcome.CANCELLED if deleted else Outcome.SUCCEEDED)


def test_a_limit_ends_it_as_anything_else() -> None:
    """Nobody gives the right: the step's deadline passes, and no cluster was touched."""
    engine = InMemoryEngine("site-1")
    waits = next(scene for scene in SCENES if scene in WAITS)
    waits(engine)
    engine.wait(minutes=300)
    member = engine.member("uid-a", 0, "site-1")
    assert member.outcome is Outcome.FAILED
    assert engine.spokes["site-1"].executed == []
