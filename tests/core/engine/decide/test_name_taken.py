"""Two objects of different kinds may have one name: the younger one waits."""

from ibgu.core.model import ReasonKind, RolloutState
from tests.core.engine.decide.fleet import ibgu
from tests.core.engine.decide.fleets import sites


def test_the_younger_rollout_of_a_name_waits_until_the_older_one_is_deleted() -> None:
    twin = sites(1)
    twin.namesakes["uid-a"] = "FleetUpdate"
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.NAME_TAKEN
    assert hold.message.startswith("an older FleetUpdate has this name")
    assert twin.tracked(uid).steps == []

    del twin.namesakes[uid]
    twin.touch(uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE
