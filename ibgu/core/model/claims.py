"""Messages that name the rollout which has, or takes, the claim on a member's cluster.

A record names only rollouts of its own namespace: its readers may read those. For readers who are
known to see more, the name is added again.
"""

from msgspec.structs import replace

from ibgu.core.model import Cause, Finished, Member, ReasonKind, Run, RunResult

ANOTHER_NAMESPACE = "a rollout of another namespace"


def name_within(namespace: str, full_name: str) -> str:
    """Returns the namespace/name of a rollout as a record of that namespace may show it."""
    return full_name if full_name.startswith(f"{namespace}/") else ANOTHER_NAMESPACE


def works_on(rollout: str) -> str:
    return f"{rollout} works on the cluster"


def takes_over_from(rollout: str) -> str:
    return f"takes it over from {rollout}"


def cancelled_by(rollout: str) -> str:
    return f"cancelled by {rollout}"


_SENTENCES = {ReasonKind.CLAIM: works_on, ReasonKind.PREEMPTING: takes_over_from}
CLAIMS = frozenset(_SENTENCES)
"""Reasons that name the rollout which has claimed the cluster."""
CANCELLATIONS = frozenset({Cause.CANCELLED, Cause.PREEMPTED})
"""Causes that name the rollout which has taken the cluster."""


def with_holder(member: Member, rollout: str) -> Member:
    """Returns the member with the name of the rollout that has its cluster, if it waits for that
    one."""
    sentence = _SENTENCES.get(member.reason.kind)
    if sentence is None:
        return member
    return replace(member, reason=replace(member.reason, message=sentence(rollout)))


def without_names(member: Member) -> Member:
    """Returns the member for readers who may not read its rollout, nor others of the namespace."""
    found = with_holder(member, ANOTHER_NAMESPACE)
    if found.run is not None:
        found = replace(found, run=run_without_names(found.run))
    if isinstance(found, Finished) and found.cause in CANCELLATIONS:
        found = replace(found, message=cancelled_by(ANOTHER_NAMESPACE))
    return found


def run_without_names(run: Run) -> Run:
    if run.result is RunResult.PREEMPTED:
        return replace(run, message=cancelled_by(ANOTHER_NAMESPACE))
    return run
