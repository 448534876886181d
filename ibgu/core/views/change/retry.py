"""Retries failed clusters by a new rollout.

A cluster whose failure only an abort removes must be taken back first. So the failed clusters are
aborted; then a new object takes them alone through the plan. Clusters that are further already skip
the actions they have reached (R8.1).
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ibgu.core.drivers import table_of, traits
from ibgu.core.model import ActionName, Cause, Member, Outcome
from ibgu.core.text.counted import counted
from ibgu.core.views.change.fitness import taken_back
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.second import kubectl_create, second, some, with_bounds
from ibgu.core.views.stragglers.labels import done, unmet
from ibgu.core.views.stragglers.members import Plan, PlanProgress
from ibgu.core.views.stragglers.recovery import needs_cleanup, runs_new_release

LABELS_PENDING = "is back at Idle, but its labels are not removed yet: try again in a moment"


class FailedCluster(Struct, frozen=True):
    cluster: str
    action: str
    """The failed action, to retry from; "" is the whole plan."""
    labels: Mapping[str, str] | None
    """The ManagedCluster's labels; None: it is gone."""
    unproven: str = ""
    """Why the cluster is not retried; empty: it has failed, and no rollout has taken it further."""


def failure(
    member: Member,
    labels: Mapping[str, str] | None,
    newer: str = "",
    *,
    aborted: bool = False,
) -> FailedCluster:
    """Returns the failure of a cluster's newest member in the rollout; `newer`: a later rollout
    that selects the cluster; `aborted`: one that did nothing else has taken it back to Idle."""
    if newer:
        why = f"owned by {newer} now"
    elif labels is None:
        why = "no ManagedCluster of that name is on the hub"
    else:
        why = _unproven(member, labels, aborted=aborted)
    return FailedCluster(member.cluster, str(member.failed_action or ""), labels, why)


def _unproven(member: Member, labels: Mapping[str, str], *, aborted: bool) -> str:
    if taken_back(member):
        return _at_idle(member.completed[-1].action, labels)
    if aborted and member.outcome is Outcome.FAILED and member.failed_action is not None:
        return _at_idle(member.failed_action, labels)
    if member.outcome is not Outcome.FAILED:
        return str(member.outcome) if member.outcome else "is not finished"
    if member.late:
        return "completed late"
    if member.cause in _BY_PEOPLE or member.failed_action is None:
        return str(member.cause or "the failed action is unknown")
    if runs_new_release(member.cause, labels):
        return "must be rolled back first, by `ibgu rollback --failed`"
    if needs_cleanup(member.cause, member.message):
        return "must be cleaned up by hand first, then by `ibgu confirm-cleanup`"
    if _to_abort(labels, member.failed_action):
        return ""
    if done(member.failed_action, labels) or member.cause in _LABELLED:
        return "its labels have changed since"
    return unmet(member.failed_action, labels)


def _at_idle(action: ActionName, labels: Mapping[str, str]) -> str:
    """Returns why a cluster that was taken back is not as it was; `action`: any of its kind."""
    if any(label in labels for label in table_of(action).abortable):
        return LABELS_PENDING
    used = any(label.startswith(traits(action).label_prefix) for label in labels)
    return "has continued since" if used else ""


_BY_PEOPLE = (Cause.TAKEN_OVER, Cause.CANCELLED, Cause.PREEMPTED, Cause.GONE, Cause.RECREATED)
_LABELLED = (Cause.PREP_FAILED, Cause.UPGRADE_FAILED, Cause.UPGRADE_FAILED_AFTER_PIVOT)
"""Causes that leave a failure label, which only an abort removes."""


def retry(
    target: ChangeTarget,
    failures: Sequence[FailedCluster],
    max_concurrency: int | None = None,
    timeout: int | None = None,
) -> RequestedChange:
    """Returns the retry; `timeout`: minutes; None: as in the plan. Raises ChangeRefused if it would
    have no effect, or if no failure is proven."""
    if not failures:
        raise ChangeRefused("none of these clusters has failed; there is nothing to retry")
    chosen = _ready(target, failures)
    labels = {each.cluster: each.labels or {} for each in chosen}
    body = second(target, "retry", labels, _plan(target, chosen))
    body = with_bounds(body, max_concurrency, timeout)
    rest = _left_out(target, failures)
    return RequestedChange(
        f"{body['metadata']['name']} takes {counted(len(labels), 'failed cluster')} of "
        f"{target.name} through the plan again{rest and '; left out: '}{rest}",
        kubectl_create(body),
        create=body,
    )


def why_no_retry(target: ChangeTarget, failures: Sequence[FailedCluster]) -> str:
    """Returns why no retry is possible; empty: some or all that failed in one of the actions can be
    retried, or must only be aborted first."""
    if any(map(to_abort, failures)):
        return ""
    try:
        retry(target, failures)
    except ChangeRefused as refused:
        return (
            ""
            if any(_alone(target, failures, first) for first in _firsts(failures))
            else str(refused)
        )
    return ""


def _firsts(failures: Sequence[FailedCluster]) -> set[str]:
    return {_first(each.action) for each in failures}


def _alone(target: ChangeTarget, failures: Sequence[FailedCluster], first: str) -> bool:
    try:
        retry(target, [each for each in failures if _first(each.action) == first])
    except ChangeRefused:
        return False
    return True


def _ready(target: ChangeTarget, failures: Sequence[FailedCluster]) -> list[FailedCluster]:
    """Returns the failures without those that are not proven, or that the cluster would refuse."""
    ready = [each for each in failures if not _why_not(each)]
    if not ready:
        raise ChangeRefused(f"can't be retried: {_left_out(target, failures)}")
    return ready


def _left_out(target: ChangeTarget, failures: Sequence[FailedCluster]) -> str:
    found: dict[str, list[str]] = {}
    for each in failures:
        if why := _why_not(each):
            found.setdefault(why, []).append(each.cluster)
    reasons = [f"{some(clusters)} ({why})" for why, clusters in found.items()]
    if not reasons:
        return ""
    way = f"see `ibgu stragglers {target.name} -n {target.namespace} -o yaml`"
    if _FAILED in found:
        way = f"use --abort-first (on the page: First abort clusters), or {way}"
    return f"{', '.join(reasons)}; {way}"


_FAILED = "must be aborted first"


def _why_not(failure: FailedCluster) -> str:
    if failure.unproven:
        return failure.unproven
    return _FAILED if _to_abort(failure.labels or {}, failure.action) else ""


def _to_abort(labels: Mapping[str, str], action: str) -> bool:
    """Whether the cluster must be aborted first; a failed abort runs once more instead."""
    if not action or traits(action).aborts:
        return False
    return any(label in labels for label in table_of(action).abortable)


def to_abort(each: FailedCluster) -> bool:
    """Whether the failure is proven, and the cluster must be aborted before it is retried."""
    return not each.unproven and _to_abort(each.labels or {}, each.action)


def _plan(target: ChangeTarget, failures: Sequence[FailedCluster]) -> Plan:
    """Returns the plan from the failed action on, without its aborts."""
    firsts = _firsts(failures)
    if len(firsts) > 1:
        failed = ", ".join(sorted({failure.action or "none" for failure in failures}))
        raise ChangeRefused(
            f"these clusters failed in different actions ({failed}), so each needs its own "
            "plan: select by cluster or cause"
        )
    plan = _left(tuple(map(tuple, target.actions)), *firsts)
    if not plan:
        raise ChangeRefused("the rest of the plan is not a valid plan for them; write a new one")
    return plan


def _first(action: str) -> str:
    """Returns the action to begin with; "" is the whole plan, after an abort."""
    again = action and traits(action).failed_label in table_of(action).abortable
    return "" if again else action


def _left(plan: Plan, first: str) -> Plan:
    """Returns the steps from that action on; for an abort that step alone, for others no abort."""
    if first and traits(first).aborts:
        return ((first,),)
    course = PlanProgress(plan, len(plan))
    step = next((number for number, step in enumerate(plan, 1) if first in step), None)
    return course.from_start() if step is None else course.rest(step, first)
