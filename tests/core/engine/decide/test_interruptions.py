"""The controller dies after every single cycle of a rollout, before or after its effects."""

from collections.abc import Callable

import pytest

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.paths import PATHS, path
from tests.core.engine.decide.storms import done, twin_of_plan

pytestmark = pytest.mark.long

PLANS = [tuple(" ".join(step) for step in shape) for shape in IBU_ACTIONS.plans]
TYPICAL = [
    ("Prep Upgrade FinalizeUpgrade",),
    ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade"),
    ("Rollback", "FinalizeRollback"),
    ("Abort",),
]
"""Plans for deaths that differ from others by what the hub has seen, not by what is left to do."""
Play = Callable[[], InMemoryEngine]
Dies = Callable[[InMemoryEngine], None]


def before_effects(twin: InMemoryEngine) -> None:
    twin.restart()


def after_effects(twin: InMemoryEngine) -> None:
    twin.deliver()
    twin.restart()


def twice(twin: InMemoryEngine) -> None:
    """Kills the controller, and the new one in its very first turn."""
    twin.restart()
    twin.turn()
    twin.restart()


def play(make: Play, death: int, dies: Dies) -> InMemoryEngine | None:
    """The twin at the end; None if the rollout was over before that turn."""
    twin = make()
    invariants = Invariants(twin)
    while twin.turns < death:
        if not twin.touched and (twin.events or not over(twin)):
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


def over(twin: InMemoryEngine) -> bool:
    tracked_rollouts = twin.fleet.rollouts
    left = [uid for uid, _ in twin.works if uid not in twin.ibgus]
    return bool(tracked_rollouts) and all(done(twin, uid) for uid in tracked_rollouts) and not left


def outcomes(twin: InMemoryEngine) -> dict[str, list[str]]:
    """Returns what became of everybody, and what was done on the clusters.

    A run that was not armed yet is withdrawn by who starts again: then nobody was preempted.
    """
    found = {
        f"{uid} {step.step.index} {member.cluster}": [
            str(member.outcome),
            str(Cause.CANCELLED if member.cause is Cause.PREEMPTED else member.cause),
            *(f"{done.action} {done.note}" for done in member.completed),
        ]
        for uid, tracked in twin.fleet.rollouts.items()
        for step in tracked.steps
        for member in step.members.values()
    }
    found |= {name: [stage for _, stage in s.executed] for name, s in twin.spokes.items()}
    return found | {f"labels of {name}": sorted(keys) for name, keys in twin.labels.items()}


def survived(make: Play, dies: Dies) -> int:
    """Returns after how many turns it died, each time in vain."""
    calm = make()
    calm.wait(days=2)
    deaths = 0
    while (twin := play(make, deaths + 1, dies)) is not None:
        assert outcomes(twin) == outcomes(calm)
        deaths += 1
    return deaths


DEATHS = pytest.mark.parametrize("dies", [before_effects, after_effects, twice])


@pytest.mark.parametrize(
    ("plan", "dies"),
    [
        *((plan, before_effects) for plan in PLANS),
        *((plan, dies) for plan in TYPICAL for dies in (after_effects, twice)),
    ],
)
def test_a_death_at_any_moment_makes_no_difference(plan: tuple[str, ...], dies: Dies) -> None:
    def make() -> InMemoryEngine:
        twin = twin_of_plan(plan, clusters=3, concurrency=2)
        twin.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
        twin.payload = PayloadState(digest="digest")
        return twin

    assert survived(make, dies) > 5


@DEATHS
@pytest.mark.parametrize("name", PATHS)
def test_a_death_off_the_straight_path_makes_no_difference(name: str, dies: Dies) -> None:
    assert survived(lambda: path(name), dies) > 2
