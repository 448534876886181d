"""The circuit breaker: a bad seed must not go through a fleet (R19)."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from math import ceil

from msgspec.structs import replace

from ibgu.core.engine.gate import RESUME_TO_GO_ON, Alarm, GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import ActionEnd, TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import (
    ActingParty,
    Reason,
    ReasonKind,
    Step,
    names,
)
from ibgu.core.model.meaning import RESUME, Meaning
from ibgu.core.model.topics import Topic


def _circuit_breaker(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    if (
        snapshot.object
        and snapshot.object.metadata.annotations.get(names.CIRCUIT_BREAKER)
        == names.CIRCUIT_BREAKER_OFF
    ):
        return None
    needed = threshold(step.step)
    ended = _ended(step)
    found = first_failed(ended, needed) or streak(ended, needed)
    if not found:
        return None
    words = f"{found}; {RESUME_TO_GO_ON}"
    return Reason(ReasonKind.CIRCUIT_BREAKER, now, words, None, ActingParty.PERSON)


def threshold(step: Step) -> int:
    """Returns how many failures open the circuit: 5, or 10% of maxConcurrency if that is more."""
    return max(5, ceil(step.max_concurrency / 10))


def _ended(step: TrackedStep) -> list[ActionEnd]:
    """Returns the ends in order; those before a person's resume no longer count."""
    since = step.step.breaker_reset_at
    if since is None:
        return step.ends
    return step.ends[bisect_right(step.ends, since, key=lambda end: end.at) :]


def first_failed(ended: Sequence[ActionEnd], needed: int) -> str:
    if len(ended) < needed or any(end.cause is None for end in islice(ended, needed)):
        return ""
    return f"the first {needed} clusters of this step have all failed"


def streak(ended: Sequence[ActionEnd], needed: int) -> str:
    if len(ended) < needed:
        return ""
    cause = ended[-1].cause
    if cause is None or any(end.cause is not cause for end in islice(reversed(ended), needed)):
        return ""
    return f"{needed} clusters in a row have failed with {cause}"


def _without_failures_so_far(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, breaker_reset_at=now)


CIRCUIT_BREAKER = StepGate(
    name="circuit-breaker",
    check=_circuit_breaker,
    reasons={
        ReasonKind.CIRCUIT_BREAKER: GateReason(
            meaning=Meaning(
                "too many clusters have failed alike, so nothing new starts in the step",
                "a person resumes it",
                f"find out why they failed (`ibgu status NAME`), {RESUME}",
            ),
            lasting=True,
            counts_failures=True,
            resumable=True,
            stops_clock=True,
            asks=RESUME_TO_GO_ON,
            alarm=Alarm(topic=Topic.STEP_CIRCUIT_BREAKER, words="the circuit breaker holds"),
        ),
    },
    resumed=_without_failures_so_far,
    needs=frozenset({GateInput.RECORDS, GateInput.OBJECT}),
    own=True,
    chained=lambda action: action.reboots,
)
