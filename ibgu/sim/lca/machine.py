"""Runs the Lifecycle Agent: it reconciles the IBU and plays the script of its stage."""

from collections import deque

from msgspec import structs

from ibgu.core.model.names import RUN
from ibgu.sim.attempts import AttemptDraws, StageAttempt
from ibgu.sim.clock import NEVER
from ibgu.sim.lca import script_steps
from ibgu.sim.lca.checks import prep_problem
from ibgu.sim.lca.conditions import status_of
from ibgu.sim.lca.node import SimulatedNode
from ibgu.sim.lca.record import CLEANUP_DONE, Record
from ibgu.sim.lca.script_steps import Effect, Script, ScriptStep
from ibgu.sim.lca.scripts import script_for
from ibgu.sim.lca.stages import RefusedStage, StageStart, transition
from ibgu.sim.spoke import IBU, Refusal, Spoke, velero
from ibgu.sim.timeline import StageTimeline

_NOTICE = 0.03
_RECREATE = 0.5
_CLEANUP_POLL = 300.0
_HEALTH_CHECK = 20.0


class Lca:
    """Lca gets the time from its caller; `next_at` is when there is something to do again."""

    def __init__(
        self, spoke: Spoke, course: AttemptDraws, timeline: StageTimeline, version: str
    ) -> None:
        self.spoke = spoke
        self.course = course
        self.timeline = timeline
        self.record = Record(spoke)
        self.node = SimulatedNode(spoke, self.record, version)
        self.installed = False
        self._script: deque[ScriptStep] = deque()
        self._beat_at = NEVER
        self._reconcile_at = NEVER
        self._cleanup_at = NEVER
        self._job_until = 0.0
        self._seen: tuple[object, ...] = ()
        self._requested = 0.0
        self._start = StageStart.INIT
        self.attempt = StageAttempt({})
        """The attempt of the stage that began last."""

    # -- from outside ----------------------------------------------------------------------------

    def install(self, now: float) -> None:
        """Creates the IBU, as the agent does when it starts."""
        self.installed = True
        self._stop()
        self.record.create(now)
        self._reconcile(now)

    def uninstall(self, now: float) -> None:
        """Removes the agent and its IBU."""
        self.installed = False
        self._stop()
        self.record.last = None
        self.spoke.delete(IBU, now)

    def notice(self, now: float) -> None:
        """Records that someone may have changed or deleted the IBU."""
        if not (self._running and self.node.up and self.node.settled):
            return
        if not self.record.present:
            self._reconcile_at = min(self._reconcile_at, now + _RECREATE)
        elif self.record.mark != self._seen and self._reconcile_at == NEVER:
            self._requested = now
            self._reconcile_at = now + _NOTICE

    @property
    def version(self) -> str:
        return self.node.version

    @property
    def _running(self) -> bool:
        return self.installed and self.spoke.equipment.lca_running

    @property
    def next_at(self) -> float:
        if not self._running:
            return NEVER
        return min(self._beat_at, self._reconcile_at, self._cleanup_at)

    def advance(self, now: float) -> None:
        """Does everything that is due, in the order in which it fell due."""
        while (at := self.next_at) <= now:
            if not self.record.present and not self._recreate(at):
                return
            with self.record.one_update(at):
                self._take_turn(at)

    def _take_turn(self, now: float) -> None:
        if now == self._reconcile_at:
            self._reconcile_at = NEVER
            self._reconcile(now)
        elif now == self._cleanup_at:
            self._look_for_cleanup(now)
        else:
            self._play(now)

    # -- reconciling -----------------------------------------------------------------------------

    def _reconcile(self, now: float) -> None:
        if not (self.node.up and self.node.settled):
            return
        self._seen = self.record.mark
        stage = self.record.stage
        match transition(stage, self.record.conditions, self.record.after_pivot):
            case RefusedStage(message):
                kind = "Idle" if stage == "Idle" else f"{stage}InProgress"
                self._set(
                    script_steps.SetCondition(kind, "False", "InvalidTransition", message), now
                )
            case StageStart() as start:
                self._begin(start, now)
            case None:
                self.record.write(self.record.status, now)
                if self._cleanup_at != NEVER:
                    self._look_for_cleanup(now)

    def _begin(self, start: StageStart, now: float, *, again: bool = False) -> None:
        """Begins the stage; `again`: the conditions of the failed attempt stay until its end."""
        waits = self._job_until - now if start is StageStart.ABORT else 0.0
        self._start, self._cleanup_at, self._job_until = start, NEVER, 0.0
        self.record.drop_refusals(now)
        if start is not StageStart.INIT:
            run = self.record.annotations.get(RUN, "")
            seed = str((self.record.spec.get("seedImageRef") or {}).get("image", ""))
            asked = self._requested or now
            self.timeline.begin(start.value, asked, now, run=run, seed=seed)
        if start in (StageStart.ABORT, StageStart.FINALIZE):
            self.record.forget("history", now)
        elif start is not StageStart.INIT:
            self.record.enter(start.value, now)
        backups = bool(self.record.spec.get("oadpContent"))
        self.attempt = self.course.next_attempt(start.value, backups=backups)
        script = script_for(start, self.attempt, self.record.ibu)
        self._perform(script[1:] if again else _postponed(script, waits), now)

    def _recreate(self, now: float) -> bool:
        """Recreates a deleted IBU: fresh if nothing is under way, else as it was."""
        last = self.record.last
        conditions = ((last or {}).get("status") or {}).get("conditions") or []
        failed = status_of(conditions, "RollbackCompleted") == "False"
        try:
            if last is None or failed or status_of(conditions, "Idle") == "True":
                self._reconcile_at = NEVER
                self.install(now)
            else:
                self.record.restore(now)
        except Refusal:
            self.uninstall(now)
            return False
        return True

    def _stop(self) -> None:
        self._script.clear()
        self._beat_at = self._reconcile_at = self._cleanup_at = NEVER
        self._job_until = 0.0

    # -- playing ---------------------------------------------------------------------------------

    def _perform(self, script: Script, now: float) -> None:
        self._script = deque(script)
        self._beat_at = now + script[0].after
        self._play(now)

    def _play(self, now: float) -> None:
        """Plays the due beat and those that follow it without a pause."""
        while self._script and self._beat_at <= now:
            beat = self._script.popleft()
            self._beat_at = now + self._script[0].after if self._script else NEVER
            for effect in beat.effects:
                self._do(effect, now)

    def _do(self, effect: Effect, now: float) -> None:
        match effect:
            case script_steps.SetCondition():
                self._set(effect, now)
            case script_steps.RemoveCondition(kind):
                self.record.remove(kind, now)
            case script_steps.OpenPhase(name):
                self.record.phase(name, now)
            case script_steps.EndStage(outcome, message):
                self._end(outcome, message, now)
            case script_steps.ValidateSpec():
                self._check(now)
            case script_steps.CheckHealth():
                self._await_health(effect, now)
            case script_steps.UnpackSeed(failure):
                if self.spoke.equipment.disk_full:
                    self._fail_prep(failure, now)
            case script_steps.AnnotateWarning(message):
                self.record.warn(message, now)
            case script_steps.JobRuns(seconds):
                self._job_until = now + seconds
            case script_steps.AwaitCleanup():
                self._cleanup_at = now + self._cleanup_poll
            case script_steps.ClearExpiration():
                self.record.forget("rollbackAvailabilityExpiration", now)
            case script_steps.ClearConditions():
                self.record.clean(now)
                velero.clean(self.spoke, now)
            case _:
                self._turn_node(effect, now)

    def _turn_node(self, effect: script_steps.NodeEffect, now: float) -> None:
        self.record.flush(now)
        match effect:
            case script_steps.ShutDownNode():
                self.node.shut_down()
            case script_steps.BootNewStateroot(certificates):
                self.node.boot_new(now, certificates)
            case script_steps.BootOldStateroot():
                self.node.boot_old(now)
            case script_steps.RestoreIbu():
                self.node.restore_ibu(now)
            case script_steps.ConnectKlusterlet():
                self.spoke.connected = True
        if self.record.present and self.node.settled:
            self._seen = self.record.mark

    def _set(self, condition: script_steps.SetCondition, now: float) -> None:
        self.record.set(condition, self._filled(condition.message), now)

    def _end(self, outcome: str, message: str, now: float) -> None:
        if outcome == "completed":
            self.record.succeeded(now)
        if outcome == "failed":
            velero.fail(self.spoke, message, now)
        self.timeline.end(outcome, self._filled(message), now)

    def _check(self, now: float) -> None:
        problem = prep_problem(self.record.spec, self.spoke, self.node.version)
        if problem is not None:
            self._fail_prep(problem, now)

    def _fail_prep(self, message: str, now: float) -> None:
        self._perform((script_steps.beat(0.0, *script_steps.failed("Prep", message)),), now)

    def _await_health(self, check: script_steps.CheckHealth, now: float) -> None:
        """Checks again later what the cluster's equipment lacks, as long as it does."""
        if problem := self.spoke.equipment.unhealthy():
            written = check.condition
            self._set(structs.replace(written, message=written.message + problem), now)
            every = max(_HEALTH_CHECK * self.course.scale, 0.5)
            self._script.appendleft(script_steps.beat(every, check))
            self._beat_at = now + every

    def _filled(self, message: str) -> str:
        """Puts this cluster's own values into a fault's message."""
        if "{" not in message:
            return message
        seed = self.record.spec.get("seedImageRef") or {}
        return (
            message.replace("{version}", str(seed.get("version", "")))
            .replace("{image}", str(seed.get("image", "")))
            .replace("{current}", self.node.version)
        )

    # -- clean-up by hand ------------------------------------------------------------------------

    @property
    def _cleanup_poll(self) -> float:
        return max(_CLEANUP_POLL * self.course.scale, 0.5)

    def _look_for_cleanup(self, now: float) -> None:
        """Removes the clean-up annotation, if present, and cleans up again. A failure that repeats
        itself looks like the first one."""
        self._cleanup_at = now + self._cleanup_poll
        annotations = dict(self.record.annotations)
        if annotations.pop(CLEANUP_DONE, None) is None:
            return
        self.record.annotate(annotations, now)
        self._seen, self._requested = self.record.mark, now
        self._begin(self._start, now, again=True)


def _postponed(script: Script, seconds: float) -> Script:
    """Delays everything after the first beat by that much."""
    first, *rest = script
    if rest and seconds > 0.0:
        rest[0] = ScriptStep(rest[0].after + seconds, rest[0].effects)
    return (first, *rest)
