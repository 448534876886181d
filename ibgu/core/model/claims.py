"""Messages that name the rollout which has, or takes, the claim on a member's cluster.

A record names only rollouts of its own namespace: its readers may read those. For readers who are
known to see more, the name is added again.
"""

from msgspec.structs import replace

from ibgu.core.model import Cause, Ended, Finished, Member, ReasonKind, Run, RunResult

LAST_SEEN = ". Last seen: "
"""What comes before a member's last reason in the message of its end by a limit."""
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


_OF_CLUSTER = frozenset(
    {
        ReasonKind.SLOT,
        ReasonKind.UNREACHABLE,
        ReasonKind.PROBING,
        ReasonKind.READY,
        ReasonKind.NO_ANSWER,
        ReasonKind.BUSY,
        ReasonKind.ABSENT,
        ReasonKind.WRONG_STATE,
        ReasonKind.TERMINATING,
        ReasonKind.REOPENING,
        ReasonKind.START_JITTER,
        ReasonKind.FORBIDDEN,
        ReasonKind.MALFORMED,
        ReasonKind.PREPARING,
        ReasonKind.ARMING,
        ReasonKind.APPLY_ERROR,
        ReasonKind.REFUSED,
        ReasonKind.RUNNING,
        ReasonKind.REBOOTING,
        ReasonKind.DIVERGED,
        ReasonKind.SOAKING,
        ReasonKind.DISARMING,
    }
)
"""Reasons with words about the cluster alone. Those of gates and holds name rollouts, policies and
objects of the rollout's namespace."""


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
    if found.reason.kind not in _OF_CLUSTER | CLAIMS:
        found = replace(found, reason=replace(found.reason, message="", gate="", rule=""))
    if found.run is not None:
        found = replace(found, run=run_without_names(found.run))
    if isinstance(found, Finished):
        if found.cause in CANCELLATIONS:
            return replace(found, message=cancelled_by(ANOTHER_NAMESPACE))
        return replace(found, message=without_last_words(found.message, found.cause))
    return found


def without_last_words(message: str, cause: Cause | str | None) -> str:
    """Returns the message of an end without the reason that the member had before it, which may
    name what readers of other namespaces must not know."""
    if cause == Cause.NEVER_STARTED:
        return message.partition(": ")[0]
    return message.partition(LAST_SEEN)[0] if cause == Cause.TIMED_OUT else message


def run_without_names(run: Run) -> Run:
    if run.result is RunResult.PREEMPTED:
        return replace(run, message=cancelled_by(ANOTHER_NAMESPACE))
    if isinstance(run, Ended):
        return replace(run, message=without_last_words(run.message, run.cause))
    return run
