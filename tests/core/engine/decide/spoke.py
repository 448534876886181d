"""A managed cluster in miniature with its Lifecycle Agent, as far as the engine sees it.

The Lifecycle Agent's transitions are those of its CRD's rules.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import Run
from tests.core.engine.decide.node import Node, Script

MINUTE = timedelta(minutes=1)
REFUSED = "the stage transition is not permitted. Please refer to status.validNextStages"
NO_IBU = 'Unsupported value: "Disarmed"'
BUSY = ("Aborting", "AbortFailed", "Finalizing", "FinalizeFailed")
FAILED = ("AbortFailed", "FinalizeFailed")
"""Only an armed run meets these. Its manifest says that someone has cleaned up by hand, unless
the run itself has failed."""


class Spoke(Node):
    absent_words = NO_IBU

    def __init__(self, name: str, now: datetime) -> None:
        super().__init__(name, now)
        self.pivoted = False
        self.stage = Stage.IDLE
        self.generation = self.observed = 1
        self.run = ""
        self.seed = ("", "")
        self.conditions: dict[str, IbuCondition] = {}
        self.faults: dict[Stage, str] = {}
        """Stage -> "fail", "hang", "slow", or of Upgrade "rollback" (automatically), "stay" (on the
        new release, where it fails)."""
        self.failures: dict[Stage, str] = {}
        """What a stage that fails says."""
        self.prep_warning = ""
        """What Prep warns of."""
        self.certificates: timedelta | None = None
        """How long the former release's certificates are still valid after the pivot."""
        self.rollback_until: datetime | None = None
        self._idle()

    # -- the Lifecycle Agent ---------------------------------------------------------------

    @property
    def next_stages(self) -> frozenset[Stage]:
        """The table of the Lifecycle Agent's validNextStages."""
        idle = self._told("Idle")
        if idle.reason in BUSY or self._told("RollbackInProgress").true:
            return frozenset()
        if self._told("RollbackCompleted").status:
            done = self._told("RollbackCompleted").true
            return frozenset({Stage.IDLE} if done else ())
        if self._told("UpgradeCompleted").true:
            return frozenset({Stage.IDLE, Stage.ROLLBACK})
        if self._told("UpgradeInProgress").true or self._told("UpgradeCompleted").false:
            return frozenset({Stage.ROLLBACK if self.pivoted else Stage.IDLE})
        if self._told("PrepCompleted").true:
            return frozenset({Stage.IDLE, Stage.UPGRADE})
        return frozenset({Stage.PREP if idle.true else Stage.IDLE})

    def ask(self, stage: Stage, run: str, seed: tuple[str, str]) -> bool:
        """Changes spec.stage, if the CRD's rules allow it; `run` is "" for a person's change."""
        if stage is not self.stage and stage not in self.next_stages:
            return False
        again, self.run = run == self.run, run
        if stage is self.stage:
            if not again and self._told("Idle").reason in FAILED:
                self.executed.append((run, stage))
                self.play(self._course(stage))
            return True
        self.executed.append((run, stage))
        self.stage, self.seed = stage, seed
        self.generation += 1
        self.play([(timedelta(seconds=1), self._see), *self._course(stage)])
        return True

    def to(self, stage: str, seed: tuple[str, str] = ("quay.io/seed:4.18", "4.18.1")) -> None:
        """Brings the cluster to the stage as a person would, and sees it through."""
        now = self.now
        assert self.ask(Stage(stage), "", seed)
        while self.due is not None:
            self.tick(self.due)
        self.now = now
        self.executed.clear()

    def complete(self, stage: Stage) -> None:
        """Completes an action that hangs."""
        self.play([(timedelta(seconds=1), self._complete(stage))])

    @property
    def rebooting(self) -> bool:
        """Whether the cluster is about to come back by itself if it is dark."""
        return any(each in (self._pivot, self._roll_back) for _, each in self._script)

    def _course(self, stage: Stage) -> Script:
        fault = self.faults.get(stage, "")
        if fault == "hang":
            return []
        times = 60 if fault == "slow" else 1
        done = (self._fail if fault in ("fail", "stay") else self._complete)(stage)
        if not stage_reboots(stage):
            return [(MINUTE * times, done)]
        if fault == "fail":
            return [(MINUTE, done)]
        back = self._roll_back if fault == "rollback" else self._pivot
        return [(MINUTE, self._darken), (9 * MINUTE * times, back), (MINUTE, done)]

    def _see(self) -> None:
        self.observed = self.generation
        if self.stage in (Stage.IDLE, Stage.ROLLBACK):
            self.rollback_until = None
        if self.stage is Stage.IDLE:
            over = self._told("UpgradeCompleted").true or self._told("RollbackCompleted").true
            self.conditions["Idle"] = told("False", "Finalizing" if over else "Aborting")
            return
        if self.stage is Stage.ROLLBACK:
            self.conditions["UpgradeCompleted"] = told("False", "Failed", "Rollback requested")
        self.conditions["Idle"] = told("False", "InProgress")
        self.conditions[f"{self.stage}InProgress"] = told("True", "InProgress", "In progress")

    def _complete(self, stage: Stage) -> Callable[[], None]:
        def complete() -> None:
            if stage is Stage.IDLE:
                self._idle()
            elif self._told(f"{stage}InProgress").true:
                words = f"{stage} completed"
                self.conditions[f"{stage}InProgress"] = told("False", "Completed", words)
                self.conditions[f"{stage}Completed"] = told("True", "Completed", words)

        return complete

    def _fail(self, stage: Stage) -> Callable[[], None]:
        def fail() -> None:
            if stage is Stage.IDLE:
                finalizes = self._told("Idle").reason in ("Finalizing", "FinalizeFailed")
                now = "FinalizeFailed" if finalizes else "AbortFailed"
                self.conditions["Idle"] = told("False", now, "failed to clean up")
                return
            said = self.failures.get(stage, f"{stage} broke")
            self.conditions[f"{stage}Completed"] = told("False", "Failed", f"{stage} failed")
            self.conditions[f"{stage}InProgress"] = told("False", "Failed", said)

        return fail

    def _darken(self) -> None:
        self.dark = True

    def _pivot(self) -> None:
        """Up again in the other stateroot, where the object is new."""
        self.dark = False
        self.pivoted = self.stage is Stage.UPGRADE
        if self.pivoted and self.certificates is not None:
            self.rollback_until = self.now + self.certificates
        self.generation = self.observed = 1

    def _roll_back(self) -> None:
        self.dark = False
        self._fail(Stage.UPGRADE)()
        self._script.clear()

    def _idle(self) -> None:
        self.conditions = {"Idle": told("True", "Idle", "Idle")}
        self.pivoted = False

    def _told(self, type_: str) -> IbuCondition:
        return self.conditions.get(type_, IbuCondition())

    # -- the work agent --------------------------------------------------------------------

    def arm(self, run: Run, seed: tuple[str, str]) -> str:
        kept = seed if traits(run.action).stage == Stage.PREP else self.seed
        return "" if self.ask(Stage(traits(run.action).stage), run.id, kept) else REFUSED

    def view(self, wanted: DesiredWork) -> IbuView:
        c = self._told
        return IbuView(
            stage=self.stage,
            generation=self.generation,
            observed_generation=self.observed,
            run=self.run,
            idle=c("Idle"),
            prep_in_progress=c("PrepInProgress"),
            prep_completed=c("PrepCompleted"),
            upgrade_in_progress=c("UpgradeInProgress"),
            upgrade_completed=c("UpgradeCompleted"),
            rollback_in_progress=c("RollbackInProgress"),
            rollback_completed=c("RollbackCompleted"),
            next_stages=self.next_stages,
            seed_image=self.seed[0],
            seed_version=self.seed[1],
            probes=frozenset({wanted.probe.id} if wanted.probe else ()),
            warning=self.prep_warning if self.next_stages >= {Stage.UPGRADE} else "",
            rollback_until=self.rollback_until,
        )


def stage_reboots(stage: Stage) -> bool:
    return stage in (Stage.UPGRADE, Stage.ROLLBACK)


def told(status: str, reason: str, message: str = "") -> IbuCondition:
    return IbuCondition(status, reason, message or reason)
