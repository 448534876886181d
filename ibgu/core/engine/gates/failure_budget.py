"""The failure budgets of policies: a rollout that fails too often waits for a person (R50.9)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.gate import RESUME_TO_GO_ON, Alarm, GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import CancellingStep, TrackedStep
from ibgu.core.engine.state.budgets import budget_words
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import (
    ActingParty,
    ActionTraits,
    Outcome,
    Reason,
    ReasonKind,
    Step,
    traits,
)
from ibgu.core.model.claims import name_within
from ibgu.core.model.meaning import RESUME, Meaning
from ibgu.core.model.topics import Topic
from ibgu.core.text.counted import first_names

_NAMED = 3
"""The canaries that a reason names."""


def spent_budget(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Returns why the step is held for what has failed; None: it is not."""
    words = next(_reasons(snapshot, step, now), "")
    if not words:
        return None
    words += f"; {RESUME_TO_GO_ON}"
    return Reason(ReasonKind.FAILURE_BUDGET, now, words, None, ActingParty.PERSON)


def _reasons(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Iterator[str]:
    for canaries in snapshot.canaries:
        if not canaries.concern(step):
            continue
        state, names = canaries.state(step, now), canaries.of(step, now)
        yield from (each.words for each in state.follow_ups)
        failures = state.failed
        if failures:
            lost = first_names(failures, _NAMED)
            yield (
                f"{len(failures)} of {len(names)} canaries {_ended(step, failures)} ({lost}), and "
                f"RolloutPolicy {canaries.policy} allows none"
            )
        yield from _taken_back(snapshot, step, names, canaries.policy)
    if traits(step.step.first).resumes:
        return  # What is paused is resumed whatever others have failed at, except behind canaries.
    for budget in snapshot.budgets:
        found = budget.spent(snapshot.fleet.failures, snapshot.tracked, step)
        if found is not None:
            yield budget_words(budget, found)


def _taken_back(
    snapshot: Snapshot, step: TrackedStep, canaries: Iterable[str], policy: str
) -> Iterator[str]:
    """Yields why a canary that has succeeded has proven nothing: a newer rollout, which no policy
    has asked for, takes back what it did, and nobody has resumed the step since."""
    if not snapshot.fleet.cancellers:
        return
    resumed, own = step.step.budget_resumed_at, step.step.follow_ups.uids
    for name in sorted(canaries):
        member = step.members[name]
        if member.outcome is not Outcome.SUCCEEDED or member.uid in own:
            continue
        other = snapshot.fleet.canceller(member)
        if other is not None and (resumed is None or resumed < _joined(snapshot, other, name)):
            by = name_within(snapshot.tracked.rollout.namespace, other.name)
            yield f"{by} takes back what canary {name} of RolloutPolicy {policy} did"


def _joined(snapshot: Snapshot, other: CancellingStep, cluster: str) -> datetime:
    """Returns when the other rollout began to take back what was done on the cluster; of a rollout
    that is no longer in memory, when it was created."""
    tracked = snapshot.fleet.rollouts.get(other.rollout)
    begun = (
        each.step.started_at
        for each in (tracked.steps if tracked is not None else ())
        if cluster in each.members and traits(each.step.first).cancels
    )
    return min((at for at in begun if at is not None), default=other.age[0])


def _ended(step: TrackedStep, canaries: Iterable[str]) -> str:
    failed = all(step.members[name].outcome is Outcome.FAILED for name in canaries)
    return "failed" if failed else "ended without success"


def held_by_budget(step: TrackedStep) -> Reason | None:
    """Returns the step's hold if a spent budget holds it."""
    hold = step.step.hold
    return hold if hold is not None and hold.kind is ReasonKind.FAILURE_BUDGET else None


def raised(snapshot: Snapshot, step: TrackedStep) -> bool:
    """Returns whether nothing is left of what has spent a budget of the step. It is not while a
    policy can't be followed. A failed canary must have been seen by a person."""
    if not snapshot.policies_known or any(each.concern(step) for each in snapshot.canaries):
        return False
    failures, tracked = snapshot.fleet.failures, snapshot.tracked
    return traits(step.step.first).resumes or all(
        each.is_whole(failures, tracked, step) for each in snapshot.budgets
    )


def _without_failures_so_far(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, budget_resumed_at=now)


def _leads_on(action: ActionTraits) -> bool:
    """Chooses the actions of which a failed one says something of the next cluster."""
    return not action.leads_back


def _reboots_without_resuming(action: ActionTraits) -> bool:
    """Chooses the actions that are kept even inside a chain, but for those that resume what the
    action before has paused."""
    return action.reboots and not action.resumes


FAILURE_BUDGET = StepGate(
    name="failure-budget",
    check=spent_budget,
    reasons={
        ReasonKind.FAILURE_BUDGET: GateReason(
            meaning=Meaning(
                "more clusters have failed than a RolloutPolicy allows, so nothing new starts in "
                "the step",
                "a person resumes this rollout, or the policy's owner raises the budget",
                f"find out why they failed (`ibgu status NAME`), {RESUME}",
            ),
            lasting=True,
            counts_failures=True,
            resumable=True,
            stops_clock=True,
            asks=RESUME_TO_GO_ON,
            ended=lambda words: "no failure budget is spent any more",
            alarm=Alarm(topic=Topic.STEP_CIRCUIT_BREAKER, words="the circuit breaker holds"),
        ),
    },
    resumed=_without_failures_so_far,
    needs=frozenset({GateInput.RECORDS, GateInput.POLICIES, GateInput.ENDS, GateInput.CLUSTER}),
    actions=_leads_on,
    own=True,
    chained=_reboots_without_resuming,
)
