"""The types of gates: what each one declares about itself (R18).

A gate's declaration is its only registration: explain, the forecast, the preview, the documentation
and the engine itself read from it what they have to know about the gate.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from ibgu.core.fleet import TrackedStep
from ibgu.core.meaning import Meaning
from ibgu.core.model import Action, Reason, ReasonKind
from ibgu.core.snapshot import Snapshot

EVERY_ACTION = frozenset(Action)
"""The actions that the engine's own safety gates may hold."""


class GateScope(StrEnum):
    """The members that a closed gate keeps from starting."""

    ROLLOUT = "rollout"
    STEP = "step"


class GateInput(StrEnum):
    """The inputs that a gate's check reads."""

    RECORDS = "the journal's records of the rollout and its steps"
    OBJECT = "the IBGU on the hub"
    PAYLOAD = "the ConfigMaps and Secrets that the step carries"
    STARTS = "the starts of the last minute on the hub"
    TIME = "the time"


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
    never_overdue: str = ""
    """Why the length of the reason tells nothing (R17.4); empty: it is overdue at some time, or a
    person has to act from the start."""
    foreseeable: bool = True
    """Whether a forecast can count the delay."""


class Gate(Struct, frozen=True, kw_only=True):
    """Gate declares what keeps members from starting, and for which actions it may do so."""

    name: str
    reasons: Mapping[ReasonKind, GateReason]
    """The kinds of reasons that the check gives."""
    needs: frozenset[GateInput]
    holds: frozenset[Action]
    """The actions that the gate may keep from starting: of a rollout's or step's gate, the first
    one of the step."""


class RolloutGate(Gate, frozen=True, kw_only=True):
    """RolloutGate keeps all members of a rollout from starting."""

    scope: ClassVar[GateScope] = GateScope.ROLLOUT
    check: Callable[[Snapshot, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.check(snapshot, now)


class StepGate(Gate, frozen=True, kw_only=True):
    """StepGate keeps all members of a step from starting."""

    scope: ClassVar[GateScope] = GateScope.STEP
    check: Callable[[Snapshot, TrackedStep, datetime], Reason | None]
    """Returns why the gate is closed; None: it is open."""
    chained: frozenset[Action] = frozenset()
    """The actions that the gate guards inside a chain, too: a member that has its slot keeps it,
    and waits before such an action (R19.3)."""

    def ask(self, snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
        return self.check(snapshot, step, now)
