"""The failure budgets of policies: a rollout that fails too often waits for a person (R50.9)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.gate import Alarm, GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import CanaryState
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Outcome, Reason, ReasonKind, Step
from ibgu.core.model.meaning import RESUME, Meaning
from ibgu.core.model.rollout_policy import BudgetScope
from ibgu.core.model.topics import Topic
from ibgu.core.text.counted import counted
from ibgu.core.text.spans import duration


def spent_budget(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Returns why the step is held for what has failed; None: it is not."""
    words = next(_reasons(snapshot, step, now), "")
    if not words:
        return None
    words += "; annotate the rollout with ibgu.dev/resume to go on"
    return Reason(ReasonKind.FAILURE_BUDGET, now, words, None, ActingParty.PERSON)


def _reasons(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Iterator[str]:
    for canaries in snapshot.canaries:
        state = canaries.state(step, now) if canaries.concern(step) else CanaryState()
        yield from (each.words for each in state.follow_ups)
        failures = state.failed
        if failures:
            count = len(canaries.of(step, now))
            yield (
                f"{len(failures)} of {count} canaries {_ended(step, failures)}, and RolloutPolicy "
                f"{canaries.policy} allows none"
            )
    for budget in snapshot.budgets:
        found = budget.spent(snapshot.fleet.failures, snapshot.tracked, step)
        if found is not None:
            yield _words(budget, found.failed, found.allowed)


def _ended(step: TrackedStep, canaries: Iterable[str]) -> str:
    failed = all(step.members[name].outcome is Outcome.FAILED for name in canaries)
    return "failed" if failed else "ended without success"


def held_by_budget(step: TrackedStep) -> Reason | None:
    """Returns the step's hold if a spent budget holds it."""
    hold = step.step.hold
    return hold if hold is not None and hold.kind is ReasonKind.FAILURE_BUDGET else None


def raised(snapshot: Snapshot, step: TrackedStep, now: datetime) -> bool:
    """Returns whether nothing is left of what has spent a budget of the step. It is not while a
    policy can't be followed. A failed canary must have been seen by a person."""
    known = snapshot.policies_known and not any(each.concern(step) for each in snapshot.canaries)
    return known and spent_budget(snapshot, step, now) is None


_OF = {
    BudgetScope.STEP: "of this step",
    BudgetScope.ROLLOUT: "of this rollout",
    BudgetScope.HUB: "of the hub",
}


def _words(budget: PolicyBudget, failed: int, allowed: int) -> str:
    window = budget.budget.window
    within = f" within {duration(window)}" if window is not None else ""
    have = "has" if failed == 1 else "have"
    allows = str(allowed) if allowed else "none"
    return (
        f"{counted(failed, 'cluster')} {_OF[budget.budget.per]} {have} failed{within}, and "
        f"RolloutPolicy {budget.policy} allows {allows}"
    )


def _without_failures_so_far(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, budget_resumed_at=now)


def _leads_on(action: ActionTraits) -> bool:
    """Chooses the actions of which a failed one says something of the next cluster."""
    return not action.leads_back and not action.resumes


FAILURE_BUDGET = StepGate(
    name="failure-budget",
    check=spent_budget,
    reasons={
        ReasonKind.FAILURE_BUDGET: GateReason(
            meaning=Meaning(
                "more clusters have failed than a RolloutPolicy allows, so nothing new starts in "
                "the step",
                "a person resumes this rollout, or the policy's owner raises the budget",
                f"find out why they failed (ibgu status), {RESUME}",
            ),
            lasting=True,
            resumable=True,
            stops_clock=True,
            alarm=Alarm(topic=Topic.STEP_CIRCUIT_BREAKER, words="the circuit breaker holds"),
        ),
    },
    resumed=_without_failures_so_far,
    needs=frozenset({GateInput.RECORDS, GateInput.POLICIES, GateInput.ENDS, GateInput.CLUSTER}),
    actions=_leads_on,
    own=True,
    chained=lambda action: action.reboots,
)
