"""The controller dies after every single turn of a rollout, before or after its effects."""

from collections.abc import Callable

import pytest

from ibgu.core.model import RolloutState, Stage
from tests.core.decide.invariants import Invariants
from tests.core.decide.storms import twin_of_plan
from tests.core.decide.world import Twin, ibgu

PLANS = [
    ("Prep",),
    ("Prep", "Upgrade", "FinalizeUpgrade"),
    ("Prep Upgrade FinalizeUpgrade",),
    ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade"),
    ("Prep", "Abort"),
    ("Rollback", "FinalizeRollback"),
]
Play = Callable[[], Twin]
Dies = Callable[[Twin], None]


def before_effects(twin: Twin) -> None:
    twin.restart()


def after_effects(twin: Twin) -> None:
    twin.deliver()
    twin.restart()


def twice(twin: Twin) -> None:
    """And the new one dies in its very first turn."""
    twin.restart()
    twin.turn()
    twin.restart()


def play(make: Play, death: int, dies: Dies) -> Twin | None:
    """The twin at the end; None if the rollout was over before that turn."""
    twin = make()
    invariants = Invariants(twin)
    while twin.turns < death:
        if not twin.touched and not over(twin):
            twin.step()
        elif twin.touched:
            twin.turn()
            if twin.turns < death:
                twin.deliver()
        else:
            return None
    dies(twin)
    twin.wait(days=2)
    invariants.at_rest()
    return twin


def over(twin: Twin) -> bool:
    books = twin.world.books.values()
    return bool(books) and all(b.rollout.state is RolloutState.COMPLETE for b in books)


def outcomes(twin: Twin) -> dict[str, list[str]]:
    """What became of everybody, and what was done on the clusters."""
    found = {
        f"{uid} {step.step.index} {member.cluster}": [
            str(member.outcome),
            str(member.cause),
            *(f"{done.action} {done.note}" for done in member.completed),
        ]
        for uid, book in twin.world.books.items()
        for step in book.steps
        for member in step.members.values()
    }
    found |= {name: [stage for _, stage in s.executed] for name, s in twin.spokes.items()}
    return found | {f"labels of {name}": sorted(keys) for name, keys in twin.labels.items()}


@pytest.mark.parametrize("dies", [before_effects, after_effects, twice])
@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
def test_it_makes_no_difference_when(plan: tuple[str, ...], dies: Dies) -> None:
    def make() -> Twin:
        twin = twin_of_plan(plan, clusters=3, concurrency=2)
        twin.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
        return twin

    calm = make()
    calm.wait(days=2)
    deaths = 0
    while (twin := play(make, deaths + 1, dies)) is not None:
        assert outcomes(twin) == outcomes(calm)
        deaths += 1
    assert deaths > 10


@pytest.mark.parametrize("dies", [before_effects, after_effects, twice])
def test_nor_for_a_cancelling_rollout(dies: Dies) -> None:
    def make() -> Twin:
        twin = Twin("site-1", "site-2")
        for spoke in twin.spokes.values():
            spoke.faults[Stage.PREP] = "slow"
        twin.apply(ibgu("older", "Prep", concurrency=1, age=10))
        twin.wait(seconds=30)
        twin.turns = 0
        twin.apply(ibgu("newer", "Abort", concurrency=1))
        return twin

    calm = make()
    calm.wait(days=2)
    deaths = 0
    while (twin := play(make, deaths + 1, dies)) is not None:
        assert outcomes(twin) == outcomes(calm)
        deaths += 1
    assert deaths > 10
