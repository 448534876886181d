"""Rollouts end within the band of their rehearsal, which knows only what a hub has measured.

Reality is the engine itself. Its actions take times of another shape than those that a rehearsal
draws: nothing below a least time, and a tail of slow sites. The rehearsal gets the percentiles and
the share of failures of earlier actions.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActionName, Finished
from ibgu.core.rehearsal.model import Attempts, Odds
from ibgu.core.rehearsal.run import Rehearsal
from ibgu.core.rehearsal.spread import Percentiles, spread
from tests.core.engine.decide.fleet import START
from tests.core.engine.gates.policies.policy import SITE, policy
from tests.core.rehearsal.pair import Case, drawn, engine_of, plan_of

ROLLOUTS = 20
WITHIN = 16
"""Nine of ten are 18. By chance alone fewer than 17 come once in seven times, and fewer than 16
once in 23."""
RUNS = 100
MEASURED = 200
"""Earlier actions of each kind."""
WINDOW: dict[str, Any] = {
    "windows": [{"cron": "0 */6 * * *", "durationMinutes": 180, "timeZone": "UTC"}]
}


class Nature(Struct, frozen=True):
    """Nature is how an action really goes; times in minutes."""

    least: float
    more: float
    """The mean beyond the least time."""
    slow: float
    """The share of sites that take half as long again."""
    failing: float

    def seconds(self, dice: Random) -> float:
        found = self.least + dice.gammavariate(2.0, self.more / 2)
        return float(round(60 * found * (1.5 if dice.random() < self.slow else 1.0)))


def nature(dice: Random, least: float) -> Nature:
    return Nature(least, dice.uniform(3, 9), dice.uniform(0, 0.1), dice.uniform(0, 0.06))


def attempts(found: Nature, count: int, dice: Random) -> Attempts:
    return Attempts(
        [found.seconds(dice) for _ in range(count)],
        [dice.random() < found.failing for _ in range(count)],
    )


def measured(found: Attempts) -> Odds:
    """Returns what a hub knows of earlier actions."""
    seconds = sorted(found.seconds)
    share = sum(found.fails) / len(found.fails)
    return Odds(seconds[len(seconds) // 2], seconds[int(0.95 * len(seconds))], share)


def rollout(seed: int) -> tuple[Case, dict[ActionName, Odds]]:
    """Returns a rollout with what really happens in it, and what is known before."""
    dice = Random(f"reality/{seed}")
    names = [f"site-{number:02}" for number in range(dice.randint(30, 60))]
    natures: dict[ActionName, Nature] = {
        Action.PREP: nature(dice, 6),
        Action.UPGRADE: nature(dice, 14),
    }
    odds = {name: measured(attempts(each, MEASURED, dice)) for name, each in natures.items()}
    real = {name: attempts(each, len(names), dice) for name, each in natures.items()}
    policies = dice.choice(
        [
            [],
            [policy(perTopology=[{"label": SITE, "maximum": 2}])],
            [policy(actions=["Upgrade"], **WINDOW)],
            [policy(canaries={"count": 2, "soakMinutes": 30}, failureBudget={"maximum": "50%"})],
        ]
    )
    case = Case(
        names=names,
        steps=dice.choice([["Prep", "Upgrade"], ["Prep Upgrade"]]),
        draws={**drawn(names), **real},
        concurrency=dice.randint(5, 15),
        timeout=1000,
        labels={name: {SITE: str(place % 7)} for place, name in enumerate(names)},
        policies=policies,
    )
    return case, odds


def uniform(seed: int) -> Callable[[int], Callable[[], float]]:
    return lambda number: Random(f"rehearsal/{seed}/{number}").random


def real_end(case: Case) -> float:
    """Returns when the rollout ended, or when it came to stand for a person, as in a run."""
    engine = engine_of(case)
    engine.drive(timedelta(days=case.days))
    last = engine.tracked("uid-a").steps[-1]
    ended = [each.ended_at for each in last.members.values() if isinstance(each, Finished)]
    return (max(ended) - START).total_seconds()


def band_of(seed: int, case: Case, odds: dict[ActionName, Odds]) -> Percentiles:
    return spread(run.end for run in Rehearsal(plan_of(case)).runs(odds, uniform(seed), RUNS))


def is_within(seed: int) -> bool:
    case, odds = rollout(seed)
    band = band_of(seed, case, odds)
    return band.p5 <= real_end(case) <= band.p95


@pytest.mark.slow("every-point")
def test_rollouts_end_within_the_band_of_their_rehearsal() -> None:
    assert sum(map(is_within, range(ROLLOUTS))) >= WITHIN


@pytest.mark.slow("every-point")
def test_bands_are_narrow_where_nothing_holds_the_rollout() -> None:
    """A band from now to next year would hold every end."""
    seen = 0
    for seed in range(ROLLOUTS):
        case, odds = rollout(seed)
        if not any(each.spec.canaries or each.spec.windows for each in case.policies):
            seen += 1
            band = band_of(seed, case, odds)
            assert band.p95 < 1.5 * band.p5, seed
    assert seen >= 5
