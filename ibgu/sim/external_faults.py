"""Applies faults that come from outside a stage: the link, the work agent, what is installed."""

from collections.abc import Callable

from ibgu.sim.clock import NEVER
from ibgu.sim.faults import Fault
from ibgu.sim.lca.stages import StageStart

_IDLE = (StageStart.ABORT.value, StageStart.FINALIZE.value)


class ExternalFaults:
    """ExternalFaults opens a fault's window at birth or when its stage begins, and closes it.
    `change(name, holds, now)` is called with the fault's name at each of these moments."""

    def __init__(
        self,
        faults: tuple[Fault, ...],
        scale: float,
        change: Callable[[str, bool, float], None],
    ) -> None:
        self._scale = scale
        self._change = change
        self._waiting = {fault.name: fault for fault in faults if fault.stage}
        self._born = [fault for fault in faults if not fault.stage]
        self._open: list[tuple[float, Fault]] = []
        """When each fault that holds will end."""

    def open_initial(self, now: float) -> None:
        for fault in self._born:
            self._begin(fault, now)

    def stage_began(self, stage: str, now: float) -> None:
        stage = "Idle" if stage in _IDLE else stage
        for fault in [f for f in self._waiting.values() if f.stage == stage]:
            del self._waiting[fault.name]
            self._begin(fault, now)

    def _begin(self, fault: Fault, now: float) -> None:
        length = NEVER if fault.seconds is None else fault.seconds * self._scale
        self._open.append((now + length, fault))
        self._change(fault.name, True, now)

    @property
    def next_at(self) -> float:
        return min(ends for ends, _ in self._open) if self._open else NEVER

    def advance(self, now: float) -> None:
        if not self._open:
            return
        for ends, fault in [held for held in self._open if held[0] <= now]:
            self._open.remove((ends, fault))
            self._change(fault.name, False, now)
