"""Counts of how Upgrades to each seed image have ended, over all rollouts."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import ActionEnd, SeedEnds, SeedTally
from ibgu.core.engine.state.seed_ends import LONGEST_WINDOW
from ibgu.core.engine.state.step import seed_end_of
from ibgu.core.model import Cause
from tests.core.engine.state.records import MINUTE, NOW, done, failed, member

IMAGE = f"sha256:{'a' * 64}"
LONG_AGO = NOW - timedelta(days=30)
FAILED, LATE = Cause.UPGRADE_FAILED, Cause.TIMED_OUT


def ends(*causes: Cause | None) -> SeedEnds:
    """Ends, a minute apart, the last one at NOW."""
    found = SeedEnds()
    last = len(causes) - 1
    found.load(
        (IMAGE, ActionEnd(NOW - (last - n) * MINUTE, f"site-{n}", cause))
        for n, cause in enumerate(causes)
    )
    return found


def test_failures_are_counted_with_their_most_frequent_cause() -> None:
    found = ends(FAILED, None, LATE, FAILED)
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(4, 3, FAILED, 2)
    assert found.tally("another", LONG_AGO) == SeedTally()


def test_only_what_ended_later_counts() -> None:
    found = ends(FAILED, LATE, None)
    assert found.tally(IMAGE, NOW - 2 * MINUTE) == SeedTally(2, 1, LATE, 1)
    assert found.tally(IMAGE, NOW - MINUTE) == SeedTally(1)
    assert found.tally(IMAGE, NOW) == SeedTally()


def test_a_replaced_end_is_put_back() -> None:
    found = ends(None)
    before, after = ActionEnd(NOW, "site-0"), ActionEnd(NOW + MINUTE, "site-0", FAILED)
    undo = found.replace(IMAGE, before, after)
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(1, 1, FAILED, 1)
    undo()
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(1)
    found.replace(IMAGE, before, before)()
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(1)


def test_outdated_ends_are_dropped_and_can_still_be_replaced() -> None:
    found = ends(FAILED, FAILED)
    found.drop_outdated(NOW + LONGEST_WINDOW - MINUTE)
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(1, 1, FAILED, 1)
    found.replace(IMAGE, ActionEnd(NOW - MINUTE, "site-0", FAILED), None)
    assert found.tally(IMAGE, LONG_AGO) == SeedTally(1, 1, FAILED, 1)


@pytest.mark.parametrize(
    ("action", "counts"), [(Action.UPGRADE, True), (Action.ROLLBACK, False), (Action.PREP, False)]
)
def test_only_upgrades_say_something_of_the_image(action: Action, counts: bool) -> None:
    assert (seed_end_of(failed(action=action)) is not None) is counts
    assert (seed_end_of(done("site-1", action)) is not None) is counts
    assert seed_end_of(member()) is None
