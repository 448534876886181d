"""The gate of what a step carries to the clusters (R25)."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import PayloadState, Snapshot
from ibgu.core.model import ActingParty, Reason, ReasonKind, Step, carry_payload
from ibgu.core.model.meaning import RESUME, Meaning

_TAKE_IT = "annotate the IBGU with ibgu.dev/resume to go on with the new content"


def _payload(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Closes when the content changes: a step's payload is frozen when it starts (R25.4)."""
    if not carry_payload(step.step.actions):
        return None
    state = snapshot.payload
    if (reason := unusable(state, now)) is not None or state.digest == step.step.payload_digest:
        return reason
    words = f"a ConfigMap or Secret that this step carries has changed on the hub; {_TAKE_IT}"
    return Reason(ReasonKind.PAYLOAD_CHANGED, now, words, None, ActingParty.PERSON)


def unusable(payload: PayloadState, now: datetime) -> Reason | None:
    """Returns why no cluster may be sent the payload; None: every one may.

    It is not read yet for a moment after every start of ibgu, and while the hub does not respond.
    """
    if not payload.read:
        words = "the ConfigMaps and Secrets that this step carries are not read yet"
        return Reason(ReasonKind.PAYLOAD_BLOCKED, now, words)
    if payload.problem:
        return Reason(ReasonKind.PAYLOAD_BLOCKED, now, payload.problem, None, ActingParty.PERSON)
    return None


def _with_present_content(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, payload_digest=snapshot.payload.digest)


PAYLOAD = StepGate(
    name="payload",
    check=_payload,
    reasons={
        ReasonKind.PAYLOAD_CHANGED: GateReason(
            meaning=Meaning(
                "what the step carries to its clusters has changed on the hub since it began",
                "a person resumes it with the new content",
                f"check whether the change is intended, {RESUME}",
            ),
            lasting=True,
            resumable=True,
            stops_clock=True,
            asks=_TAKE_IT,
        ),
        ReasonKind.PAYLOAD_BLOCKED: GateReason(
            meaning=Meaning(
                "the objects that the rollout delivers to its clusters are invalid",
                "the objects on the hub are fixed",
                "fix what the line above names",
            ),
        ),
    },
    resumed=_with_present_content,
    needs=frozenset({GateInput.RECORDS, GateInput.PAYLOAD}),
    own=True,
)
