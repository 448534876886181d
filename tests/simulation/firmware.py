"""A simulated cluster with a device that the toy driver changes."""

from collections.abc import Callable

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.attempts import AttemptDraws, StageAttempt
from ibgu.sim.clock import NEVER
from ibgu.sim.cluster import SimulatedCluster, StageAgent
from ibgu.sim.faults.fault import FaultPoint
from ibgu.sim.spoke import Key, Spoke
from ibgu.sim.spoke.refusal import invalid
from ibgu.sim.timeline import StageTimeline
from tests.core.engine.decide.firmware import FLASHED, GOALS, IDLE, LOCKED, TARGET, VERSION

BOARD = Key(TARGET.group, TARGET.kind, "", TARGET.name)
DAMAGED = "checksum mismatch"
_NOTICE = 0.03
_LIKE = {"Stage": "Prep", "Flash": "Upgrade"}
"""The stages of the image-based upgrade whose durations and faults are drawn."""


class FirmwareSpoke(Spoke):
    """FirmwareSpoke refuses unknown stages, as a schema does, and any change during a flash."""

    def _check(self, key: Key, manifest: JsonObject) -> None:
        super()._check(key, manifest)
        if key != BOARD:
            return
        wanted, old = manifest["spec"]["wanted"], self.get(BOARD) or {}
        if wanted not in GOALS:
            raise invalid(key, [f'spec.wanted: Unsupported value: "{wanted}"'])
        flashing = old.get("status", {}).get("busy") and old["spec"]["wanted"] == "Flash"
        if flashing and wanted != "Flash":
            raise invalid(key, [LOCKED])


class FirmwareAgent:
    """FirmwareAgent downloads and flashes; a flash reboots the node."""

    def __init__(
        self, spoke: Spoke, course: AttemptDraws, timeline: StageTimeline, version: str
    ) -> None:
        self.version = version
        self.attempt = StageAttempt({})
        self._spoke = spoke
        self._course = course
        self._timeline = timeline
        self._wanted: str = "Idle"
        self._phase, self._error, self._busy = IDLE, "", False
        self._last: JsonObject | None = None
        self._script: list[tuple[float, Callable[[float], None]]] = []
        self._look_at = NEVER
        self._up = True

    def install(self, now: float) -> None:
        manifest = {"apiVersion": VERSION, "kind": TARGET.kind, "metadata": {"name": TARGET.name}}
        self._spoke.create({**manifest, "spec": {"wanted": self._wanted}}, now)
        self._report(now)

    def uninstall(self, now: float) -> None:
        self._last = None
        self._spoke.delete(BOARD, now)

    def notice(self, now: float) -> None:
        if self._spoke.get(BOARD) is not self._last and self._up:
            self._look_at = min(self._look_at, now + _NOTICE)

    @property
    def next_at(self) -> float:
        return min(self._look_at, self._script[0][0] if self._script else NEVER)

    def advance(self, now: float) -> None:
        while (at := self.next_at) <= now:
            if at == self._look_at:
                self._look_at = NEVER
                self._reconcile(at)
            else:
                self._script.pop(0)[1](at)

    def _reconcile(self, now: float) -> None:
        board = self._spoke.get(BOARD)
        if board is None and self._last is not None:
            board = self._spoke.restore(self._last, now)
        if board is not None and board["spec"]["wanted"] != self._wanted:
            self._begin(board, now)
        self._report(now)

    def _begin(self, board: JsonObject, now: float) -> None:
        self._wanted = board["spec"]["wanted"]
        leaves = "Finalize" if self._phase == FLASHED else "Abort"
        stage = leaves if self._wanted == "Idle" else self._wanted
        self.attempt = self._course.next_attempt(_LIKE.get(stage, stage))
        self._busy, self._error = True, ""
        run = board["metadata"].get("annotations", {}).get(names.RUN, "")
        self._timeline.begin(stage, now, now, run=run)
        length, fault = sum(self.attempt.durations.values()), self.attempt.fault
        course = [(1.0, self._end)]
        if stage == "Flash":
            course = [(0.2, self._go_down), (0.8, self._come_up), *course]
        if fault is not None and (fault.name == "hangs" or fault.where is FaultPoint.DARK):
            course = course[:1] if fault.where is FaultPoint.DARK else []
        self._script = [(now + part * length, change) for part, change in course]

    def _go_down(self, now: float) -> None:
        self._up = self._spoke.connected = False

    def _come_up(self, now: float) -> None:
        self._up = self._spoke.connected = True
        self._look_at = now

    def _end(self, now: float) -> None:
        self._busy = False
        if self._wanted == "Flash" and self.attempt.fault is not None:
            self._error = DAMAGED
        else:
            self._phase = GOALS[self._wanted]
        self._timeline.end("failed" if self._error else "completed", self._error, now)
        self._report(now)

    def _report(self, now: float) -> None:
        board = self._spoke.get(BOARD)
        if board is not None:
            seen = {"observedGeneration": board["metadata"]["generation"], "busy": self._busy}
            status = {**seen, "phase": self._phase, "error": self._error}
            self._spoke.write_status(BOARD, status, now)
            self._last = self._spoke.get(BOARD)


class FirmwareCluster(SimulatedCluster):
    def _new_spoke(self, course: AttemptDraws) -> Spoke:
        return FirmwareSpoke(course.random("spoke"))

    def _new_agent(self, course: AttemptDraws, version: str) -> StageAgent:
        return FirmwareAgent(self.spoke, course, self.timeline, version)

    def set_stage(self, stage: str, now: float) -> None:
        self.spoke.update(BOARD, {**self.spoke.objects[BOARD], "spec": {"wanted": stage}}, now)

    def delete_ibu(self, now: float) -> None:
        self.spoke.delete(BOARD, now)
