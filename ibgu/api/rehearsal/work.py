"""The work of a rehearsal, which a process of its own does."""

from collections.abc import Callable
from random import Random

from msgspec import Struct

from ibgu.core.model import ActionName
from ibgu.core.rehearsal.condensed import Region, condensed
from ibgu.core.rehearsal.model import Odds, RehearsedPlan
from ibgu.core.rehearsal.outlook import Outlook, outlook
from ibgu.core.rehearsal.run import Rehearsal, Run

TOO_LARGE = 3
"""The worker's exit status when its memory does not suffice."""


class PlanAndOdds(Struct, frozen=True):
    plan: RehearsedPlan
    odds: dict[ActionName, Odds]
    """How long each action of the plan takes, and how often it fails."""


class RehearsalWork(Struct, frozen=True, kw_only=True):
    plans: list[PlanAndOdds]
    """One, or two that are compared with the same luck."""
    runs: int
    seed: int
    label: str
    """The label of ManagedClusters whose values are told apart; empty: none is."""
    run_seconds: float
    """Seconds after which no further run begins."""
    cpu_seconds: int
    memory: int
    """Bytes."""


def outlooks(work: RehearsalWork, clock: Callable[[], float]) -> list[Outlook]:
    """Returns the outlook of each plan, all from the same number of runs: at least one, and no more
    than the time suffices for."""
    last = clock() + work.run_seconds
    parts = [_Part(each, work) for each in work.plans]
    for number in range(work.runs):
        for part in parts:
            part.run(number)
        if clock() >= last:
            break
    return [part.outlook() for part in parts]


class _Part:
    """_Part is the rehearsal of one plan."""

    def __init__(self, given: PlanAndOdds, work: RehearsalWork) -> None:
        self._odds, self._seed = given.odds, work.seed
        self._rehearsal = Rehearsal(given.plan)
        self._region = _region(self._rehearsal, work.label)
        self._runs: list[Run] = []

    def run(self, number: int) -> None:
        luck = Random(f"{self._seed}/{number}").random
        for run in self._rehearsal.runs(self._odds, lambda _: luck, 1):
            self._runs.append(condensed(run, self._region))

    def outlook(self) -> Outlook:
        return outlook(self._rehearsal, self._runs, self._region)


def _region(rehearsal: Rehearsal, label: str) -> Region | None:
    if not label:
        return None
    return lambda number: rehearsal.clusters[number].labels.get(label, "")
