"""Ends of Upgrades to each seed image, and when they engage its circuit breaker."""

from datetime import datetime

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import ActionEnd, SeedEnds, SeedTally, seed_ends
from ibgu.core.engine.state.action_ends import seed_end_of
from ibgu.core.engine.state.seed_ends import REMEMBERED
from ibgu.core.model import Cause, CompletedAction
from ibgu.core.model.seed_image import SeedCircuitBreaker
from tests.core.engine.state.records import MINUTE, NOW, done, failed, member

IMAGE = f"sha256:{'a' * 64}"
FAILED, LATE = Cause.UPGRADE_FAILED, Cause.TIMED_OUT
TWO = SeedCircuitBreaker(same_cause=2, window_minutes=60)


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def ends(*found: tuple[float, Cause | None]) -> SeedEnds:
    """Ends by the minutes after NOW."""
    all_of = SeedEnds()
    all_of.load((IMAGE, ActionEnd(at(when), f"site-{when}", cause)) for when, cause in found)
    return all_of


def test_failures_with_one_cause_engage_it() -> None:
    assert ends((0, FAILED), (1, LATE), (2, None)).engaged(IMAGE, TWO, None) is None
    found = ends((0, FAILED), (1, LATE), (2, None), (3, FAILED))
    assert found.engaged(IMAGE, TWO, None) == SeedTally(4, 3, FAILED, 2)
    assert found.engaged("another", TWO, None) is None


def test_a_share_counts_once_enough_have_ended() -> None:
    limits = SeedCircuitBreaker(percent=50, minimum_upgrades=4)
    assert ends((0, FAILED), (1, LATE), (2, FAILED)).engaged(IMAGE, limits, None) is None
    found = ends((0, None), (1, None), (2, FAILED), (3, LATE))
    assert found.engaged(IMAGE, limits, None) == SeedTally(4, 2, FAILED, 1)


def test_only_failures_within_the_window_count_together() -> None:
    assert ends((0, FAILED), (61, FAILED)).engaged(IMAGE, TWO, None) is None
    assert ends((0, FAILED), (59, FAILED)).engaged(IMAGE, TWO, None) == SeedTally(2, 2, FAILED, 2)


def test_later_ends_do_not_release_it() -> None:
    found = ends((0, FAILED), (1, FAILED))
    assert found.engaged(IMAGE, TWO, None) is not None
    found.load((IMAGE, ActionEnd(at(minutes), "site-1")) for minutes in range(100, 200))
    assert found.engaged(IMAGE, TWO, None) == SeedTally(2, 2, FAILED, 2)


def test_ends_before_a_resume_do_not_count() -> None:
    found = ends((0, FAILED), (1, FAILED), (2, FAILED))
    assert found.engaged(IMAGE, TWO, at(1)) is None
    found.load([(IMAGE, ActionEnd(at(3), "site-1", FAILED))])
    assert found.engaged(IMAGE, TWO, at(1)) == SeedTally(2, 2, FAILED, 2)
    assert found.engaged(IMAGE, TWO, at(3)) is None


def test_an_end_is_replaced_and_put_back() -> None:
    found = ends((0, FAILED))
    first, other = ActionEnd(at(0), "site-0", FAILED), ActionEnd(at(1), "site-1", FAILED)
    undo = found.replace(IMAGE, None, other)
    assert found.engaged(IMAGE, TWO, None) is not None
    undo()
    assert found.engaged(IMAGE, TWO, None) is None
    found.replace(IMAGE, None, other)
    late = found.replace(IMAGE, first, ActionEnd(at(5), "site-0"))
    assert found.engaged(IMAGE, TWO, None) is None
    late()
    assert found.engaged(IMAGE, TWO, None) is not None
    found.replace(IMAGE, first, first)()
    assert found.engaged(IMAGE, TWO, None) is not None


def test_an_end_that_is_heard_of_later_than_others_counts() -> None:
    found = ends((0, FAILED), (10, LATE))
    assert found.engaged(IMAGE, TWO, None) is None
    found.load([(IMAGE, ActionEnd(at(5), "site-5", FAILED))])
    assert found.engaged(IMAGE, TWO, None) is not None


def test_outdated_ends_are_dropped_and_can_still_be_replaced() -> None:
    found = ends((0, FAILED), (1, FAILED))
    assert found.engaged(IMAGE, TWO, None) is not None
    found.drop_outdated(at(-1) + REMEMBERED)
    assert found.engaged(IMAGE, TWO, None) is not None
    found.drop_outdated(at(0) + REMEMBERED)
    assert found.engaged(IMAGE, TWO, None) is None
    found.replace(IMAGE, ActionEnd(at(0), "site-0", FAILED), None)
    found.drop_outdated(at(1) + REMEMBERED)
    assert found.engaged(IMAGE, SeedCircuitBreaker(same_cause=1), None) is None


def test_many_resumes_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_ends, "MAX_JUDGED", 2)
    found = ends((0, FAILED), (1, FAILED))
    for _ in range(2):
        judged = [found.engaged(IMAGE, TWO, at(minutes)) for minutes in (-4, -3, -2, -1, 0)]
        assert [each is not None for each in judged] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("action", "counts"), [(Action.UPGRADE, True), (Action.ROLLBACK, False), (Action.PREP, False)]
)
def test_only_upgrades_say_something_of_the_image(action: Action, counts: bool) -> None:
    assert (seed_end_of(failed(action=action)) is not None) is counts
    assert (seed_end_of(done("site-1", action)) is not None) is counts
    assert seed_end_of(member()) is None


def test_an_upgrade_that_completed_late_has_succeeded() -> None:
    """One that was not needed says nothing."""
    completed = CompletedAction(Action.UPGRADE, NOW, "completed late")
    late = failed("site-1", completed=(completed,), failed_action=None, late="completed late")
    assert seed_end_of(late) == ActionEnd(NOW, "site-1")
    assert seed_end_of(done("site-1", Action.UPGRADE, note="was already upgraded")) is None
