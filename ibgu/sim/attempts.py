"""Draws how long each stage of a cluster takes and what goes wrong in it."""

from random import Random

from msgspec import Struct

from ibgu.sim.durations import PhaseDurations
from ibgu.sim.faults import Fault, FaultPoint

_FROM_OUTSIDE = frozenset(
    {
        FaultPoint.AGENT,
        FaultPoint.SPOKE,
        FaultPoint.LINK,
        FaultPoint.EQUIPMENT,
        FaultPoint.UPDATE,
    }
)


class StageAttempt(Struct, frozen=True):
    """StageAttempt is one attempt at a stage. `durations` has scaled seconds per phase."""

    durations: dict[str, float]
    scale: float = 1.0
    fault: Fault | None = None
    images: int = 136

    def active_fault(self, *places: FaultPoint) -> Fault | None:
        return self.fault if self.fault is not None and self.fault.where in places else None

    def length(self, fault: Fault) -> float:
        """Returns the fault's scaled length; infinite if it has none."""
        return float("inf") if fault.seconds is None else fault.seconds * self.scale


class AttemptDraws:
    """AttemptDraws makes draws that depend on seed, cluster, stage and attempt alone, never on the
    order of events."""

    def __init__(
        self,
        cluster: str,
        seed: int,
        durations: PhaseDurations,
        scale: float,
        faults: tuple[Fault, ...],
    ) -> None:
        self.scale = scale
        self.faults = faults
        self._who = f"{seed}/{cluster}"
        self._durations = durations
        self._attempts: dict[str, int] = {}

    def random(self, purpose: str) -> Random:
        return Random(f"{self._who}/{purpose}")

    def next_attempt(self, stage: str, *, backups: bool = True) -> StageAttempt:
        """Returns the next attempt at the `stage`: Prep, Upgrade, Rollback, Abort or
        Finalize."""
        attempt = self._attempts[stage] = self._attempts.get(stage, 0) + 1
        rng = self.random(f"{stage}/{attempt}")
        drawn = self._durations.draw(stage, rng, backups=backups)
        durations = {phase: seconds * self.scale for phase, seconds in drawn.items()}
        return StageAttempt(
            durations, self.scale, self._fault(stage, attempt), rng.randint(100, 180)
        )

    def _fault(self, stage: str, attempt: int) -> Fault | None:
        where = "Idle" if stage in ("Abort", "Finalize") else stage
        for fault in self.faults:
            if fault.where in _FROM_OUTSIDE or fault.stage != where:
                continue
            if fault.times is None or attempt <= fault.times:
                return fault
        return None

    def outside(self) -> tuple[Fault, ...]:
        """Returns the faults that do not belong to a stage's own course."""
        return tuple(fault for fault in self.faults if fault.where in _FROM_OUTSIDE)
