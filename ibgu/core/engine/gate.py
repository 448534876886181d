"""The declaration of a gate: all that a gate says about itself, whatever it checks (R18).

A gate's declaration is its only registration: explain, the forecast, the preview, notifications,
the documentation and the engine itself read from it what they have to know about the gate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import (
    ActingParty,
    ActionName,
    ActionTraits,
    Reason,
    ReasonKind,
    traits,
)
from ibgu.core.model.meaning import Meaning, OverdueRule
from ibgu.core.model.topics import Topic

ActionFilter = Callable[[ActionTraits], bool]
"""Chooses actions by their traits."""


def every_action(action: ActionTraits) -> bool:
    return True


def no_action(action: ActionTraits) -> bool:
    return False


class GateScope(StrEnum):
    """The members that a closed gate keeps from starting."""

    ROLLOUT = "rollout"
    STEP = "step"
    MEMBER = "member"


class GateInput(StrEnum):
    """The inputs that a gate's check reads."""

    RECORDS = "the journal's records of the rollout and its steps"
    OBJECT = "the rollout's object on the hub"
    PAYLOAD = "the ConfigMaps and Secrets that the step carries"
    STARTS = "the starts of the last minute on the hub"
    SEEDS = "the catalogue of seed images"
    ENDS = "how actions have ended on the hub"
    POLICIES = "the RolloutPolicies in force"
    TIME = "the time"
    CLUSTER = "the ManagedCluster"
    FEEDBACK = "what the cluster reports through its ManifestWorks"
    IN_FLIGHT = "the clusters in flight on the hub"
    DURATIONS = "how long actions usually take on the hub"
    GRANTS = "the RolloutApprovals of the rollout"
    TENANCY = "the cluster sets that are bound to the rollout's namespace"


class Switch(Struct, frozen=True, kw_only=True):
    """An annotation of the IBGU that a gate obeys: in force while it is there."""

    annotation: str
    values: tuple[str, ...] = ()
    """The values that a person may give it; empty: its value does not matter."""
    others: frozenset[ReasonKind] = frozenset()
    """Reasons of other gates that obey the annotation, too."""
    title: str
    """What a list of a rollout's activity calls the change."""
    put: str
    """What happens while it is there."""
    removed: str
    """What happens once it is removed."""


class Alarm(Struct, frozen=True, kw_only=True):
    """The notification of a step's hold that is more serious than others."""

    topic: Topic
    """The topic of its own."""
    words: str
    """What happens, before the name of the step."""


RESUME_TO_GO_ON = "annotate the rollout with ibgu.dev/resume to go on"
"""The end of a message that asks for a resume."""


def no_longer(words: str) -> str:
    return f"no longer: {words}"


class GateReason(Struct, frozen=True, kw_only=True):
    """One kind of reason that a closed gate gives, with everything that differs between kinds: for
    the engine and for surfaces."""

    meaning: Meaning
    delays: bool = False
    """Whether members only start one after the other: the step is not held, and goes on by
    itself."""
    lasting: bool = False
    """Whether the reason stays on the step until a person resumes, even if the gate opens."""
    counts_failures: bool = False
    """Whether failures bring it about; they count again from a person's resume on."""
    resumable: bool = False
    """Whether a person's resume ends the hold."""
    acceptable: str = ""
    """What a person's resume accepts so that the member goes on in spite of its reason, such as "a
    warning"; another message is asked about again. Empty: a resume accepts nothing."""
    stops_clock: bool = False
    """Whether the step's clock stands meanwhile, once no cluster is in flight (R11.6)."""
    new_starts_only: bool = False
    """Whether a run goes on that its cluster took after all (R9.5), as all that is in flight."""
    by_message: bool = False
    """Whether the same kind with another message is another hold, which is noted again."""
    needs_slot: bool = False
    """Whether a member that this alone keeps needs the place of one in flight (R11.3)."""
    opened: str = ""
    """What is said of a member that the gate has kept inside its chain, once the gate is open;
    empty: the member goes on, and nothing is said."""
    asks: str = ""
    """What the message asks a person for, at its end and after a semicolon; nothing quotes it once
    the hold is over."""
    ended: Callable[[str], str] = no_longer
    """Returns what is said when the hold ends, by its message without what that asks for."""
    title: str = ""
    """What a list of a rollout's activity calls the hold; empty: as any other."""
    alarm: Alarm | None = None
    """None: notifications tell the hold as any other."""
    overdue: OverdueRule | None = None
    """When ibgu takes longer than usual (R17.4); None: never, or a person has to act from the
    start."""
    why_never_overdue: str = ""
    """Why the length of the reason tells nothing; empty: it is overdue at some time, or a person
    has to act from the start."""
    uncounted: str = ""
    """What a forecast can't count of the delay; empty: it counts all of it."""


def policy_gate(policy: str) -> str:
    """Returns the name of the gates of a policy, which reasons show."""
    return f"RolloutPolicy/{policy}"


def of_policies(meaning: Meaning) -> dict[ReasonKind, GateReason]:
    """Returns the reasons of a policy's gate, which all have one kind."""
    return {ReasonKind.GATE: GateReason(meaning=meaning)}


def kept_by_policy(
    words: str,
    now: datetime,
    until: datetime | None = None,
    who: ActingParty = ActingParty.IBGU,
    rule: str = "",
    approval: str = "",
) -> Reason:
    """Returns why a policy's gate is closed. `rule`: empty: that of the gate."""
    return Reason(ReasonKind.GATE, now, words, until, who, rule=rule, approval=approval)


class Gate(Struct, frozen=True, kw_only=True):
    """Gate declares what keeps members from starting, and for which actions it may do so.

    The engine's own gates guard safety and may hold every action. All others are policies': they
    never hold what leads a cluster back, and give the reason GateClosed with their name.
    """

    name: str
    reasons: Mapping[ReasonKind, GateReason]
    """The kinds of reasons that the check gives."""
    needs: frozenset[GateInput]
    """The inputs that the check reads. A preview asks the gates whose inputs it knows."""
    actions: ActionFilter = every_action
    """Chooses the actions that the gate may keep from starting: of a rollout's or step's gate, the
    first one of the step. A policy's gate never holds one that leads a cluster back."""
    ahead: bool = False
    """Whether the gate is asked before the first action of the step on behalf of all of them: it
    does not guard those inside a chain."""
    chained: ActionFilter = no_action
    """Chooses those of them that the gate guards inside a chain, too: a member that has
    its slot keeps it, and waits before such an action (R19.3)."""
    concerns: ActionFilter = every_action
    """Chooses the actions of which a step must have one: the gate is open to every other step."""
    scope: ClassVar[GateScope]
    switch: Switch | None = None
    """The annotation that one of the engine's own gates obeys."""
    own: bool = False
    """Whether the gate is one of the engine's own."""
    rule: str = ""
    """The rule of the policy, which says what the reasons of its gate mean."""

    def __post_init__(self) -> None:
        if self.own:
            return
        if self.reasons.keys() != {ReasonKind.GATE}:
            raise ValueError(f"gate {self.name} of a policy gives no reason but {ReasonKind.GATE}")
        plain = {kind: GateReason(meaning=each.meaning) for kind, each in self.reasons.items()}
        if self.switch is not None or self.reasons != plain:
            raise ValueError(f"gate {self.name} of a policy declares more than a meaning")

    def keeps(self, action: ActionName) -> bool:
        """Whether the gate may keep the action from starting."""
        found = traits(action)
        return self.actions(found) and (self.own or not found.leads_back)

    def keeps_step(self, actions: Sequence[ActionName]) -> bool:
        """Whether the gate of a rollout or a step may keep members from starting the step."""
        return any(map(self.keeps, actions if self.ahead else actions[:1]))

    def guards(self, action: ActionName) -> bool:
        """Whether the gate guards the action inside a chain."""
        return self.keeps(action) and self.chained(traits(action))

    def concerns_step(self, actions: Iterable[ActionName]) -> bool:
        """Whether the gate may be closed to a member that has these actions before it."""
        return any(self.concerns(traits(action)) for action in actions)

    @property
    def lasting(self) -> frozenset[ReasonKind]:
        """The reasons that stay on a step until a person resumes."""
        return frozenset(kind for kind, reason in self.reasons.items() if reason.lasting)

    def named(self, reason: Reason | None) -> Reason | None:
        """Returns the answer of a check; that of a policy's gate carries the gate's name."""
        if reason is None or self.own:
            return reason
        rule = reason.rule or self.rule
        return replace(reason, kind=ReasonKind.GATE, gate=self.name, rule=rule)
