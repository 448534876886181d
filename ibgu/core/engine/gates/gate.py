"""The types of gates: what each one declares about itself (R18).

A gate's declaration is its only registration: explain, the forecast, the preview, the documentation
and the engine itself read from it what they have to know about the gate.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.snapshot import Snapshot
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import Action, ClusterView, Observation, Reason, ReasonKind
from ibgu.core.model.meaning import Meaning
from ibgu.core.plan import Scope

EVERY_ACTION = frozenset(Action)
"""The actions that the engine's own safety gates may hold."""
RECOVERY_ACTIONS = frozenset({Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK})
"""The actions that no policy may hold: they lead a cluster back."""


class GateScope(StrEnum):
    """The members that a closed gate keeps from starting."""

    ROLLOUT = "rollout"
    STEP = "step"
    MEMBER = "member"


class GateInput(StrEnum):
    """The inputs that a gate's check reads."""

    RECORDS = "the journal's records of the rollout and its steps"
    OBJECT = "the IBGU on the hub"
    PAYLOAD = "the ConfigMaps and Secrets that the step carries"
    STARTS = "the starts of the last minute on the hub"
    TIME = "the time"
    CLUSTER = "the ManagedCluster"
    FEEDBACK = "what the cluster reports through its ManifestWorks"
    TENANCY = "the cluster sets that are bound to the rollout's namespace"


class GateReason(Struct, frozen=True, kw_only=True):
    """One kind of reason that a closed gate gives, with everything that surfaces say about it."""

    meaning: Meaning
    delays: bool = False
    """Whether members only start one after the other: the step is not held, and goes on by
    itself."""
    lasting: bool = False
    """Whether the reason stays on the step until a person resumes, even if the gate opens."""
    stops_clock: bool = False
    """Whether the step's clock stands meanwhile, once nobody is in flight (R11.6)."""
    why_never_overdue: str = ""
    """Why the length of the reason tells nothing (R17.4); empty: it is overdue at some time, or a
    person has to act from the start."""
    foreseeable: bool = True
    """Whether a forecast can count the delay."""


class Gate(Struct, frozen=True, kw_only=True):
    """Gate declares what keeps members from starting, and for which actions it may do so.

    The engine's own gates guard safety and may hold every action. All others are policies': they
    never hold Abort, AbortOnFailure or Rollback, and give the reason GateClosed with their name.
    """

    name: str
    reasons: Mapping[ReasonKind, GateReason]
    """The kinds of reasons that the check gives."""
    needs: frozenset[GateInput]
    """The inputs that the check reads. A preview asks the gates whose inputs it knows."""
    holds: frozenset[Action] = EVERY_ACTION - RECOVERY_ACTIONS
    """The actions that the gate may keep from starting: of a rollout's or step's gate, the first
    one of the step."""
    chained: frozenset[Action] = frozenset()
    """The actions that the gate guards inside a chain, too: a member that has its slot keeps it,
    and waits before such an action (R19.3)."""
    scope: ClassVar[GateScope]
    own: bool = False
    """Whether the gate is one of the engine's own."""

    def __post_init__(self) -> None:
        if not self.chained <= self.holds:
            raise ValueError(f"gate {self.name} guards a chained action that it may not hold")
        if self.own:
            return
        if kept := sorted(self.holds & RECOVERY_ACTIONS):
            raise ValueError(f"gate {self.name} of a policy may not hold {', '.join(kept)}")
        if self.reasons.keys() != {ReasonKind.GATE}:
            raise ValueError(f"gate {self.name} of a policy gives no reason but {ReasonKind.GATE}")
        if any(reason != GateReason(meaning=reason.meaning) for reason in self.reasons.values()):
            raise ValueError(f"gate {self.name} of a policy declares more than a meaning")

    @property
    def lasting(self) -> frozenset[ReasonKind]:
        """The reasons that stay on a step until a person resumes."""
        return frozenset(kind for kind, reason in self.reasons.items() if reason.lasting)

    def named(self, reason: Reason | None) -> Reason | None:
        """Returns the answer of a check; that of a policy's gate carries the gate's name."""
        if reason is None or self.own:
            return reason
        return replace(reason, kind=ReasonKind.GATE, gate=self.name)


class RolloutGate(Gate, frozen=True, kw_only=True):
    """RolloutGate keeps all members of a rollout from starting."""

    scope: ClassVar[GateScope] = GateScope.ROLLOUT
    check: Callable[[Snapshot, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.named(self.check(snapshot, now))


class StepGate(Gate, frozen=True, kw_only=True):
    """StepGate keeps all members of a step from starting."""

    scope: ClassVar[GateScope] = GateScope.STEP
    check: Callable[[Snapshot, TrackedStep, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.named(self.check(snapshot, step, now))


class Candidate(Struct, frozen=True, kw_only=True):
    """A cluster that would start an action now, as the engine knows it."""

    action: Action
    cluster: ClusterView
    seen: Observation
    """A preview knows the ManagedCluster only, and asks no gate that needs FEEDBACK."""
    scope: Scope
    """The clusters that the rollout's namespace may use."""
    now: datetime


class MemberGate(Gate, frozen=True, kw_only=True):
    """MemberGate keeps one member from starting. Those behind it pass.

    The engine asks again when the cluster changes on the hub, before the member starts, and at the
    time that the reason names as `until`.
    """

    scope: ClassVar[GateScope] = GateScope.MEMBER
    check: Callable[[Candidate], Reason | None]
    """Returns why the gate is closed; None: it is open."""

    def ask(self, candidate: Candidate) -> Reason | None:
        return self.named(self.check(candidate))
