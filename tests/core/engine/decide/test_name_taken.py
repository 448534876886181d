"""Two objects of different kinds may have one name: the younger one waits."""

from ibgu.core.model import Kind, ReasonKind, RolloutState
from tests.core.engine.decide.fleet import ibgu
from tests.core.engine.decide.fleets import sites


def test_the_younger_rollout_of_a_name_waits_until_the_older_one_is_deleted() -> None:
    engine = sites(1)
    engine.namesakes["uid-a"] = "FleetUpdate"
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.NAME_TAKEN
    assert hold.message.startswith("an older FleetUpdate has this name")
    assert engine.tracked(uid).steps == []

    del engine.namesakes[uid]
    engine.touch(uid)
    engine.wait(hours=1)
    assert engine.told(Kind.ROLLOUT_RELEASED) == ["no older object has this name any more"]
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
