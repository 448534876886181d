"""Toy gates of policies, which are registered in tests only."""

from datetime import datetime, timedelta

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import (
    Candidate,
    GateInput,
    GateReason,
    MemberGate,
    RolloutGate,
    StepGate,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, Reason, ReasonKind
from ibgu.core.model.meaning import Meaning
from tests.core.engine.decide.builders import START

CLOSED = {"ring": "closed"}
OPENS = START + timedelta(hours=6)
MEANING = Meaning("the ring of the cluster is closed", "the ring opens", "open the ring")


def _ring(candidate: Candidate) -> Reason | None:
    """Closes for clusters whose label says so."""
    if candidate.cluster.labels.get("ring") != "closed":
        return None
    return Reason(ReasonKind.GATE, candidate.now, "its ring is closed", None, ActingParty.PERSON)


RING = MemberGate(
    name="ClosedRing",
    check=_ring,
    reasons={ReasonKind.GATE: GateReason(meaning=MEANING)},
    needs=frozenset({GateInput.CLUSTER}),
    chained=lambda action: action.name == Action.UPGRADE,
)


def _night(candidate: Candidate) -> Reason | None:
    """Closes in the second hour of the test, for clusters of the day."""
    begins = START + timedelta(hours=1)
    if not begins <= candidate.now < OPENS or candidate.cluster.labels.get("shift") != "day":
        return None
    return Reason(ReasonKind.GATE, candidate.now, "its site works by day", OPENS)


NIGHT = MemberGate(
    name="Night",
    check=_night,
    reasons={ReasonKind.GATE: GateReason(meaning=MEANING)},
    needs=frozenset({GateInput.CLUSTER, GateInput.TIME}),
    actions=lambda action: action.rate_limited,
)


def _freeze(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Closes until OPENS; its words change after three hours."""
    if now >= OPENS:
        return None
    words = "freeze" if now < OPENS - timedelta(hours=3) else "freeze, soon over"
    return Reason(ReasonKind.GATE, now, words, OPENS)


FREEZE = StepGate(
    name="Freeze",
    check=_freeze,
    reasons={ReasonKind.GATE: GateReason(meaning=MEANING)},
    needs=frozenset({GateInput.TIME}),
    chained=lambda action: action.name == Action.UPGRADE,
)
WIDE_FREEZE = RolloutGate(
    name="WideFreeze",
    check=lambda snapshot, now: Reason(ReasonKind.GATE, now, "all are frozen"),
    reasons={ReasonKind.GATE: GateReason(meaning=MEANING)},
    needs=frozenset(),
)
