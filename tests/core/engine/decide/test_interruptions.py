"""The controller dies after every single cycle of a rollout, before or after its effects."""

from collections.abc import Callable

import pytest

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.paths import OR_ELSE, PATHS, path
from tests.core.engine.decide.storms import done, twin_of_plan

pytestmark = pytest.mark.slow("every-point")

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


def before_effects(engine: InMemoryEngine) -> None:
    engine.restart()


def after_effects(engine: InMemoryEngine) -> None:
    engine.deliver()
    engine.restart()


def twice(engine: InMemoryEngine) -> None:
    """Kills the controller, and the new one in its very first turn."""
    engine.restart()
    engine.turn()
    engine.restart()


def play(make: Play, death: int, dies: Dies) -> InMemoryEngine | None:
    """The engine at the end; None if the rollout was over before that turn."""
    engine = make()
    invariants = Invariants(engine)
    while engine.turns < death:
        if not engine.touched and (engine.events or not over(engine)):
            engine.step()
        elif engine.touched:
            engine.turn()
            if engine.turns < death:
                engine.deliver()
        else:
            return None
    dies(engine)
    engine.wait(days=2)
    invariants.at_rest()
    return engine


def over(engine: InMemoryEngine) -> bool:
    tracked_rollouts = engine.fleet.rollouts
    left = [uid for uid, _ in engine.works if uid not in engine.ibgus]
    return (
        bool(tracked_rollouts) and all(done(engine, uid) for uid in tracked_rollouts) and not left
    )


def outcomes(engine: InMemoryEngine) -> dict[str, list[str]]:
    """Returns what became of everybody, and what was done on the clusters.

    A run that was not armed yet is withdrawn by who starts again: then nobody was preempted.
    """
    found = {
        f"{uid} {step.step.index} {member.cluster}": [
            str(member.outcome),
            str(Cause.CANCELLED if member.cause is Cause.PREEMPTED else member.cause),
            *(f"{done.action} {done.note}" for done in member.completed),
        ]
        for uid, tracked in engine.fleet.rollouts.items()
        for step in tracked.steps
        for member in step.members.values()
    }
    found |= {name: [stage for _, stage in s.executed] for name, s in engine.spokes.items()}
    return found | {f"labels of {name}": sorted(keys) for name, keys in engine.labels.items()}


def survived(make: Play, dies: Dies, *or_else: Play) -> int:
    """Returns after how many turns it died, each time in vain. `or_else`: what it may end like
    instead."""
    known = []
    for each in (make, *or_else):
        calm = each()
        calm.wait(days=2)
        known.append(outcomes(calm))
    deaths = 0
    while (engine := play(make, deaths + 1, dies)) is not None:
        found = outcomes(engine)
        assert found in known or found == known[0]
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
        engine = twin_of_plan(plan, clusters=3, concurrency=2)
        engine.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
        engine.payload = PayloadState(digest="digest")
        return engine

    assert survived(make, dies) > 5


@DEATHS
@pytest.mark.parametrize("name", PATHS)
def test_a_death_off_the_straight_path_makes_no_difference(name: str, dies: Dies) -> None:
    others = [OR_ELSE[name]] if name in OR_ELSE else []
    assert survived(lambda: path(name), dies, *others) > 2
