"""The assumptions of a rehearsal about the policies of its plan, in sentences."""

from collections.abc import Iterator
from datetime import timedelta

from ibgu.core.rehearsal.approvals import lacks_backup
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.rehearsal.policy_rules import holds
from ibgu.core.text.spans import duration


def assumed(plan: RehearsedPlan) -> Iterator[str]:
    """Yields what nobody knows before, by policy."""
    for policy in plan.policies:
        spec, name = policy.spec, f"RolloutPolicy {policy.metadata.name}"
        if spec.approval is not None:
            yield f"what {name} wants approved is approved {_delay(plan)}"
        if spec.canaries is not None and spec.canaries.health is not None:
            yield f"canaries of {name} are healthy from their success on"
        if spec.retry is not None:
            yield f"no cluster is tried again for {name}: what fails stays failed"
        if spec.preflight is not None:
            yield f"preflight finds no error, for which {name} would hold a cluster"
        if spec.warnings is not None:
            yield f"no cluster warns, for which {name} would hold it"


def _delay(plan: RehearsedPlan) -> str:
    if not plan.approval_after:
        return "at once"
    return (
        f"{duration(timedelta(seconds=plan.approval_after))} after the first cluster waits for it"
    )


def endless(plan: RehearsedPlan) -> Iterator[str]:
    """Yields which policies never let the rollout start what it plans."""
    for policy in plan.policies:
        held = (
            action
            for step in plan.steps
            for action in step.actions
            if holds(policy.spec, action) and lacks_backup(plan, policy.spec, action)
        )
        for action in dict.fromkeys(held):
            yield (
                f"RolloutPolicy {policy.metadata.name} requires a backup before {action}, which "
                f"never starts: {plan.lacks_backup}"
            )
