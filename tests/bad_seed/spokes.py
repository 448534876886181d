"""Clusters whose actions take as long, and end, as was drawn for them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Stage
from tests.core.engine.decide.node import Script, Work
from tests.core.engine.decide.spoke import Spoke

_SECOND = timedelta(seconds=1)


class Attempts(Struct, frozen=True):
    """Attempts say of each cluster, in order, how an action goes on it."""

    seconds: Sequence[float]
    fails: Sequence[bool]


def drawn_upgrades(clusters: int, seed: int, failing: float) -> Attempts:
    """Draws upgrades evenly between 15 and 40 minutes, to whole seconds: an Upgrade must leave room
    for its reboot. `failing`: the probability of a failure, from 0 to 1."""
    dice = Random(seed)
    # The page's figures come from dice that were thrown for Prep before.
    _attempts(dice, clusters, (5, 20), 0.0)
    return _attempts(dice, clusters, (15, 40), failing)


def _attempts(dice: Random, clusters: int, minutes: tuple[int, int], failing: float) -> Attempts:
    shortest, longest = (60 * each for each in minutes)
    return Attempts(
        [float(dice.randint(shortest, longest)) for _ in range(clusters)],
        [dice.random() < failing for _ in range(clusters)],
    )


class DrawnSpoke(Spoke):
    """DrawnSpoke takes as long as was drawn for it, and is unreachable until the end of a
    reboot."""

    def __init__(self, attempts: Mapping[str, Mapping[Stage, tuple[float, bool]]], name: str,
                 now: datetime) -> None:  # fmt: skip
        super().__init__(name, now)
        self._attempts = attempts[name]

    def _course(self, stage: Stage) -> Script:
        seconds, fails = self._attempts[stage]
        # One second has passed since the stage was asked for, when the agent sees it.
        rest = timedelta(seconds=seconds) - _SECOND
        end: Callable[[], None] = self._fail(stage) if fails else self._complete(stage)
        if stage is not Stage.UPGRADE:
            return [(rest, end)]
        if fails:
            return [(_SECOND, self._darken), (rest - _SECOND, self._roll_back)]

        def come_back() -> None:
            self._pivot()
            end()

        return [(_SECOND, self._darken), (rest - _SECOND, come_back)]


class LazySpoke(DrawnSpoke):
    """LazySpoke is one whose agent looks again only after something has changed: there are
    hundreds of them, and thousands of turns. It has one work."""

    _reported: object = None

    def sync(self, work: Work) -> bool:
        if self._state(work) == self._reported:
            return False
        changed = super().sync(work)
        self._reported = self._state(work)
        return changed

    def _state(self, work: Work) -> object:
        return (work.generation, work.applied, len(self._script), len(self.executed), self.dark)
