"""The seam to one kind of change of a cluster: what the engine asks its driver.

The engine decides when and where an action runs, and keeps the rules. The driver knows the object
on the cluster: what its feedback proves, and what may follow.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Raw, Struct

from ibgu.core.model import (
    ActionName,
    ActionTable,
    Cause,
    FeedbackView,
    ReasonKind,
    Rollout,
    Run,
    WorkView,
)
from ibgu.core.model.kinds import (
    ConfigMap,
    FeedbackValue,
    JsonObject,
    Reference,
    RolloutSpec,
    Secret,
)
from ibgu.core.model.meaning import Meaning


class JudgementKind(StrEnum):
    STARTABLE = "startable"
    REACHED = "reached"
    BUSY = "busy"
    FAILED = "failed"


class Judgement(Struct, frozen=True, kw_only=True):
    """A judgement whether an action may start on a cluster in this state (R8.1)."""

    kind: JudgementKind
    note: str = ""
    """Reached: "was already ..."."""
    message: str = ""
    """Busy: the cluster's words. Failed: the wanted state, the actual one, and what can follow."""
    cause: Cause | None = None
    outdated: ActionName = ""
    """Failed: the action that is completed, and only too long ago (R47.6)."""


class VerdictKind(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Verdict(Struct, frozen=True):
    """A verdict on how a run goes (R7.2, R10.1)."""

    kind: VerdictKind
    cause: Cause | None = None
    message: str = ""
    """The cluster's words, as of its progress; generic, or empty, while there are none yet."""
    grace: timedelta = timedelta()
    """How long a failure must stand before it ends the run: the cluster tries again by itself."""
    undecided: bool = False
    """Whether the cluster is at such a try: the failure before it still stands meanwhile."""
    again: bool = False
    """Whether the action takes another run after this success."""
    earliest: timedelta = timedelta()
    """How long after the acceptance a success proves nothing yet: the cluster may still show its
    state from before."""
    soak: timedelta = timedelta()
    """How long a success must last before it ends the run."""
    job_completed: str = ""
    """When the action's Job was complete, as the cluster writes it; empty: it has not said."""


class ActionRefusal(Struct, frozen=True):
    """A cluster's refusal to take an action."""

    cause: Cause
    message: str
    final: bool = True
    """False: the cluster may take the action once what goes on there is over."""


class FailureText(Struct, frozen=True, kw_only=True):
    """A known failure, found in a cluster's words (R10.7)."""

    name: str
    """A stable value for REST, notifications and the CLI."""
    means: str
    """One sentence: what happened on the cluster."""
    fix: str
    """What a person mends, or finds out, on the cluster, the site or the hub."""
    onward: str = ""
    """The command that takes the cluster further then, as a sentence; empty: none."""
    rules: tuple[str, ...] = ()
    """The preflight rules that look for its cause before the start."""
    guide: str = ""
    """The recovery guide, as docs/page.md#heading; empty: there is none."""
    transient: bool = False
    """Whether the action may well succeed a while later, though nobody changes anything."""

    @property
    def remedy(self) -> str:
        """Returns all that a person does next."""
        return f"{self.fix} {self.onward}" if self.onward else self.fix


class PayloadError(ValueError):
    """A payload that no step may carry; the message names the object and says what to do."""


class TemplateRefused(PayloadError):
    """A payload with a hub template, which would reach the clusters as it is."""


class Prerequisite(Struct, frozen=True):
    """A prerequisite of an action: another one that the same rollout has completed on the cluster
    (R47.6)."""

    action: ActionName
    within: timedelta
    """How long ago it may have been completed."""
    from_first_run: bool = False
    """Whether that counts back from the start of a run that this action continues, if the member
    has had one, and not from now."""


class Part(Struct, frozen=True, kw_only=True):
    """A part of an action that is taken right before it, by a run of its own."""

    action: ActionName
    """The name of what that run does."""
    within: timedelta
    """How long ago that run may have been accepted when the action begins."""
    problem: str = ""
    """Why it can't be taken as it was asked for; empty: it can."""


class KindMeanings(Struct, frozen=True, kw_only=True):
    """The meanings that reasons and causes have for one kind of change, where they say more than
    those for every kind."""

    reasons: Mapping[ReasonKind, Meaning] = {}
    causes: Mapping[Cause, Meaning] = {}
    """Those of failures that the driver alone tells apart are here or nowhere."""
    checks: Mapping[ReasonKind, str] = {}
    """What a person checks once the reason is overdue; {cluster} is the cluster's name."""
    commands: Sequence[str] = ()
    """Commands with which a person at the cluster sees more of a failure; empty: the driver makes
    them of its message."""
    aborted: Meaning = Meaning("the cluster was taken back", do="")
    """The success of an action that aborts failed clusters."""
    cancelled: Meaning = Meaning("the cluster was taken back on purpose", do="")
    """The success of an action that aborts, whatever the cluster's state was."""


class ReadObject(Struct, frozen=True, kw_only=True):
    """An object on the cluster that is read beside the target."""

    group: str
    kind: str
    resource: str
    name: str
    namespace: str = ""
    """Empty: it is cluster-scoped."""
    paths: tuple[Raw, ...]
    """Feedback rules, encoded; the names are unique over the target and all that is read."""


class Companion(Struct, frozen=True, kw_only=True):
    """An object that the stage work brings beside the target."""

    read: ReadObject
    manifest: JsonObject
    strategy: JsonObject | None = None
    """How the manifest is written; None: the object is only read."""


class Target(Struct, frozen=True, kw_only=True):
    """The object on the cluster that a driver's actions change."""

    group: str
    kind: str
    resource: str
    """The kind's name in paths of the API."""
    name: str
    paths: tuple[Raw, ...]
    """Feedback rules, encoded: name and JSONPath of each value that `Driver.read` knows."""
    probe_path: str
    """A JSONPath that yields a value whatever state the object is in."""
    beside: frozenset[tuple[str, str]] = frozenset()
    """Group and kind of the objects that are read beside it. A cluster may lack one of them, which
    keeps nothing from being applied."""


class GivenSpec(Struct, frozen=True):
    """The spec that a cluster took last, with the action that it came with."""

    action: ActionName
    spec: RolloutSpec
    rollout: str
    """The rollout that sent it, as the reader may know it."""
    readable: bool = True
    """Whether the reader may know what was in it."""


class FailureTexts(Protocol):
    def failure(self, action: ActionName, message: str) -> FailureText | None:
        """Returns the known failure of the action that the cluster's words report, whatever other
        text they stand in; None: unknown. Explain, notifications and REST show it."""


class KindTexts(FailureTexts, Protocol):
    def meanings(self, action: ActionName | None) -> KindMeanings:
        """Returns the meanings of reasons and causes for the action's kind. Explain and REST show
        them; None: what they explain is of no action."""


class Driver(KindTexts, Protocol):
    """Driver answers for one kind of change. Each method is pure, quick and total: it is asked for
    each report of each cluster, and unknown feedback is no error.

    FeedbackView that a method takes is of the driver's own type, and current.
    """

    @property
    def kind(self) -> str:
        """The kind of the object on the hub that asks for rollouts."""

    @property
    def api_version(self) -> str:
        """The group and version of that kind."""

    @property
    def actions(self) -> ActionTable:
        """The actions of a plan with their traits, and the allowed plans."""

    @property
    def target(self) -> Target:
        """The object on the cluster."""

    @property
    def agent(self) -> str:
        """The name, with its article, of what carries an action out on the cluster."""

    @property
    def field(self) -> str:
        """The object's field that asks for an action."""

    @property
    def failures(self) -> Sequence[str]:
        """The names of the known failures."""

    @property
    def absent_message(self) -> str:
        """Why an action fails on a cluster without the object, as a sentence for a person."""

    def problem(self, spec: RolloutSpec) -> str | None:
        """Returns why no cluster can be asked for the spec; None: it is valid. The plan is the
        engine's matter."""

    def refused_fields(
        self,
        action: ActionName,
        clusters: Sequence[str],
        spec: RolloutSpec,
        given: Mapping[str, GivenSpec],
    ) -> Iterable[str]:
        """Yields a warning for each field that clusters would refuse to change; `given`, by
        cluster, is what they took last of this kind."""

    def annotations(self, found: Mapping[str, str]) -> dict[str, str]:
        """Returns the annotations of the rollout's object that go to the target."""

    def rollback_time(self, spec: RolloutSpec) -> timedelta:
        """Returns how long a cluster that fails after its reboot takes to be back by itself: so
        much time must be left in a step to start an action that reboots (R11.5)."""

    def references(self, spec: RolloutSpec, namespace: str) -> Sequence[Reference]:
        """Returns the objects on the hub whose content the spec brings to the clusters; those
        without a namespace of their own are in the given one."""

    def payload(self, sources: Iterable[ConfigMap | Secret]) -> Iterable[JsonObject]:
        """Yields the manifests that a step brings to the clusters for its actions, made of the
        objects that the spec refers to. Raises PayloadError."""

    def manifests(
        self, rollout: Rollout, run: Run | None, generation: int, seen: FeedbackView | None
    ) -> Sequence[Raw | JsonObject]:
        """Returns what the stage work brings to the cluster: the target, and before it the rights
        that its agent needs. With a run the target asks for the run's action and carries its id;
        without one it can neither change nor create the object, and each generation differs.
        `seen`: the target as the cluster shows it, on which an arming rests."""

    def strategy(self, rollout: Rollout, run: Run, seen: FeedbackView | None) -> JsonObject:
        """Returns the update strategy with which the work agent applies the armed target; what a
        cluster takes away once it has read it must not be brought again."""

    def configs(
        self, rollout: Rollout, run: Run, seen: FeedbackView | None
    ) -> Sequence[JsonObject]:
        """Returns the manifest configs of what comes along with the armed target."""

    def companions(
        self, rollout: Rollout, run: Run | None, seen: FeedbackView | None, *, resuming: bool
    ) -> Sequence[Companion]:
        """Returns what the stage work brings beside the target: objects that are read, and written
        where the run pauses or resumes them. `resuming`: without a run, everything that the rollout
        has paused is resumed (R48)."""

    def pauses(self, rollout: Rollout) -> bool:
        """Returns whether the rollout pauses parts of its clusters, which are resumed later."""

    def read(self, values: Iterable[FeedbackValue]) -> FeedbackView:
        """Returns the target, and what is read beside it, as fed back; values may be absent, or
        anything at all."""

    def judge(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Judgement:
        """Returns whether the rollout's action may start; asked by feedback that answers a probe,
        before the intent and again before the arming."""

    def verdict(self, feedback: FeedbackView, action: ActionName, rollout: Rollout) -> Verdict:
        """Returns how the rollout's action goes; asked only by feedback that speaks for its
        run."""

    def prerequisite(
        self, feedback: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Prerequisite | None:
        """Returns what must be completed before the rollout's action starts on a cluster in which
        it may start otherwise; None: nothing."""

    def part(self, action: ActionName, controls: Mapping[str, str]) -> Part | None:
        """Returns what must be done right before the action, by a run of its own; None: nothing.
        `controls`: ibgu's annotations of the rollout's object."""

    def lacks_backup(
        self, action: ActionName, spec: RolloutSpec, controls: Mapping[str, str]
    ) -> str:
        """Returns why no cluster is backed up before the action, in words for the rollout's author
        that say how to ask for it; empty: each is, or the action takes none to another release.
        `controls`: ibgu's annotations of the rollout's object."""

    def job(self, rollout: Rollout, run: Run, seen: FeedbackView) -> Sequence[JsonObject]:
        """Returns the one Job that does the run's action, and before it what it needs, or objects
        by which the cluster itself does it; asked only of actions with the trait `runs_job`. All of
        it is new on the cluster, and goes with the run. No other run has the name of the Job, no
        other rollout that of such an object. `seen`: the target, as the cluster shows it for this
        run."""

    def job_verdict(
        self, work: WorkView, seen: FeedbackView, action: ActionName, rollout: Rollout
    ) -> Verdict:
        """Returns how the rollout's action goes, by the work that brings its Job, and the target as
        the cluster shows it for the run."""

    def out_of_stage(self, feedback: FeedbackView) -> bool:
        """Returns whether the cluster is proven to be out of any action that reboots it (R14.3)."""

    def refusal(self, work: WorkView, action: ActionName) -> ActionRefusal | None:
        """Returns how the cluster refuses the action; None: it does not, or its agent's own retries
        end the error."""

    def absent(self, work: WorkView) -> bool:
        """Returns whether the cluster reports, in the work's current version, that it has no such
        object (R10.2)."""


Drivers = Mapping[str, Driver]
"""Drivers by the kind of the object on the hub that asks for rollouts."""
