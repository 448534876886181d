"""The types of gates, by what they check and whom they keep (R18)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from ibgu.core.engine.gate import Gate, GateScope, policy_gate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.demands import PolicyDemands
from ibgu.core.engine.state.snapshot import Consent, Snapshot
from ibgu.core.model import ActionName, ClusterView, Observation, Reason, Step
from ibgu.core.model.preflight import PreflightRecord
from ibgu.core.model.rollout_policy import PolicyApproval
from ibgu.core.plan import Scope


class RolloutGate(Gate, frozen=True, kw_only=True):
    """RolloutGate keeps all members of a rollout from starting."""

    scope: ClassVar[GateScope] = GateScope.ROLLOUT
    check: Callable[[Snapshot, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.named(self.check(snapshot, now))


def _as_it_is(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return step


class StepGate(Gate, frozen=True, kw_only=True):
    """StepGate keeps all members of a step from starting."""

    scope: ClassVar[GateScope] = GateScope.STEP
    check: Callable[[Snapshot, TrackedStep, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""
    resumed: Callable[[Snapshot, Step, datetime], Step] = _as_it_is
    """Returns the step as a person's resume leaves it, behind a hold of this gate that lasts. The
    engine takes the hold itself away."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.named(self.check(snapshot, step, now))


class Candidate(Struct, frozen=True, kw_only=True):
    """A cluster that would start an action now, as the engine knows it."""

    action: ActionName
    rest: Sequence[ActionName]
    """That action and those that follow it in the step, which the cluster takes in one slot."""
    begun: bool = False
    """Whether the cluster has carried out an action of the step already."""
    cluster: ClusterView
    seen: Observation
    """A preview knows the ManagedCluster only, and asks no gate that needs FEEDBACK."""
    scope: Scope
    """The clusters that the rollout's namespace may use."""
    annotations: Mapping[str, str] = {}
    """The IBGU's annotations."""
    accepted: str = ""
    """The message of a gate's reason that a person has accepted for the cluster."""
    preflight: PreflightRecord | None = None
    """What preflight has found for the step."""
    step: TrackedStep | None = None
    """None: in a preview, which asks no gate that needs RECORDS."""
    consent: Consent = Consent()
    """What people allow the rollout."""
    canaries: Sequence[PolicyCanaries] = ()
    """The canaries of all policies that hold the rollout."""
    demands: Sequence[PolicyDemands] = ()
    """What these policies demand beyond the annotations."""
    lacks_backup: Callable[[ActionName], str]
    """Returns why the rollout does not have the cluster backed up before the action; empty: it
    does, or the action needs no backup."""
    now: datetime

    def demanding(self) -> Iterator[PolicyDemands]:
        """Yields the demands of policies that are about the cluster and its action, and that nobody
        lets the rollout pass."""
        for each in self.demands:
            if each.concern(self.action, self.cluster) and not self.consent.grants.passes(
                policy_gate(each.policy), self.now
            ):
                yield each


class RequiredApproval(Struct, frozen=True):
    """RequiredApproval is what a policy wants people to approve."""

    asked: PolicyApproval
    selects: Callable[[ClusterView], bool]
    """Chooses the clusters that need it."""


class MemberGate(Gate, frozen=True, kw_only=True):
    """MemberGate keeps one member from starting. Those behind it pass.

    The engine asks again when the cluster changes on the hub, before the member starts, and at the
    time that the reason names as `until`.
    """

    scope: ClassVar[GateScope] = GateScope.MEMBER
    check: Callable[[Candidate], Reason | None]
    """Returns why the gate is closed; None: it is open."""
    approval: RequiredApproval | None = None
    """The approval that a policy's gate asks for."""

    def ask(self, candidate: Candidate) -> Reason | None:
        """Returns why the gate is closed. One of a policy is open to a rollout for which somebody
        has broken the glass."""
        if not self.own and candidate.consent.grants.passes(self.name, candidate.now):
            return None
        return self.named(self.check(candidate))
