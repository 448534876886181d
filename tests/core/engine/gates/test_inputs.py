"""R18.1: a gate reads nothing but what it declares, so that anyone who has that can ask it."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import (
    GATES,
    Candidate,
    Gate,
    GateInput,
    MemberGate,
    RolloutGate,
    StepGate,
)
from ibgu.core.engine.state.snapshot import Facts, PayloadState, Snapshot
from ibgu.core.model import ReasonKind
from ibgu.core.model.names import (
    HOLD_ON_WARNING,
    PREFLIGHT,
    RAMP_UP,
    START_JITTER,
    STARTS_PER_MINUTE,
)
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.core.plan import Scope
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu

HIDDEN: Any = object()
"""Stands for what a gate has not declared: anyone who reads it fails."""
FOUND = PreflightRecord(
    at=START, findings=(RecordedFinding("P3", FindingSeverity.ERROR, "too old", ("site-1",)),)
)
FIELDS = {
    GateInput.RECORDS: "tracked",
    GateInput.OBJECT: "object",
    GateInput.PAYLOAD: "payload",
    GateInput.STARTS: "fleet",
}


def asked(gate: Gate, **given: Any) -> ReasonKind | None:
    """Asks the gate with nothing but its declared inputs; `given` are fields of the snapshot."""
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until_started()
    tracked = engine.tracked(uid)
    controls = given.pop("controls", {})
    tracked.rollout = replace(tracked.rollout, controls=controls)
    now = START if GateInput.TIME in gate.needs else HIDDEN
    if isinstance(gate, MemberGate):
        reason = gate.ask(candidate(gate, engine, uid))
    else:
        snapshot = shown(gate, replace(engine.snapshot(tracked), **given))
        assert isinstance(gate, RolloutGate | StepGate)
        reason = gate.ask(snapshot, tracked.steps[0], now)
    return reason.kind if reason else None


def shown(gate: Gate, snapshot: Snapshot) -> Snapshot:
    hidden = {name: HIDDEN for need, name in FIELDS.items() if need not in gate.needs}
    return replace(snapshot, **hidden)


def candidate(gate: Gate, engine: InMemoryEngine, uid: str) -> Candidate:
    seen = engine.observe(uid, "site-1")
    assert seen.cluster is not None
    return Candidate(
        action=Action.PREP,
        rest=[Action.PREP],
        cluster=seen.cluster if GateInput.CLUSTER in gate.needs else HIDDEN,
        seen=seen if GateInput.FEEDBACK in gate.needs else HIDDEN,
        scope=Scope("fleet", ()) if GateInput.TENANCY in gate.needs else HIDDEN,
        annotations={HOLD_ON_WARNING: "", PREFLIGHT: "enforce"}
        if GateInput.OBJECT in gate.needs
        else HIDDEN,
        lacks_backup=lambda action: "",
        preflight=FOUND if GateInput.RECORDS in gate.needs else HIDDEN,
        now=HIDDEN,
    )


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"payload": PayloadState(digest="other")},
        {"controls": {STARTS_PER_MINUTE: "1", RAMP_UP: "true"}},
        {"controls": {START_JITTER: "much"}},
        {"facts": Facts(in_sync_since=START, starts_per_minute=1)},
    ],
    ids=["plain", "payload", "limits", "wrong limits", "hub"],
)
def test_a_gate_reads_what_it_declares(gate: Gate, given: dict[str, Any]) -> None:
    answer = asked(gate, **given)
    assert answer is None or answer in gate.reasons
