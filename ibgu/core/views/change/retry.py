"""Retries failed clusters by a new IBGU, as the Lifecycle Agent allows it.

A cluster whose Prep or Upgrade has failed must go to Idle first. So the failed clusters are aborted
(AbortOnFailure); then a new IBGU takes them alone through the plan. Clusters that are further
already skip the actions they have reached (R8.1).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from ibgu.core.model import Action, Cause, Member, Outcome
from ibgu.core.plan import natural_key
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.plan import appendable
from ibgu.core.views.stragglers.left import Plan, PlanProgress, done, unmet
from ibgu.core.views.stragglers.retry import NAME_LABEL, manifest

ABORTS = (Action.ABORT, Action.ABORT_ON_FAILURE)
_NAMED = 5
_BASE = 200
"""Characters of the old name that the new one keeps."""


class FailedCluster(Struct, frozen=True):
    cluster: str
    action: str
    """The failed action, to retry from; "" is the whole plan."""
    labels: Mapping[str, str] | None
    """The ManagedCluster's labels; None: it is gone."""
    unproven: str = ""
    """Why the cluster is not retried; empty: it has failed, and nobody has taken it further."""


def failure(member: Member, labels: Mapping[str, str] | None, newer: str = "") -> FailedCluster:
    """Returns the failure of a cluster's newest member in the rollout; `newer`: a later rollout
    that selects the cluster."""
    if newer:
        why = f"owned by {newer} now"
    elif labels is None:
        why = "no ManagedCluster of that name is on the hub"
    else:
        why = _unproven(member, labels)
    return FailedCluster(member.cluster, str(member.failed_action or ""), labels, why)


def _unproven(member: Member, labels: Mapping[str, str]) -> str:
    if _taken_back(member):
        return "" if done(Action.ABORT_ON_FAILURE, labels) else "was taken further since"
    if member.outcome is not Outcome.FAILED:
        return str(member.outcome) if member.outcome else "is not finished"
    if member.late:
        return "completed late"
    if member.cause in _HANDS or member.failed_action is None:
        return str(member.cause or "it is not known what failed")
    if _to_abort(labels, member.failed_action):
        return ""
    if done(member.failed_action, labels) or member.cause in _LABELLED:
        return "its labels have changed since"
    return unmet(member.failed_action, labels)


_HANDS = (Cause.TAKEN_OVER, Cause.CANCELLED, Cause.PREEMPTED, Cause.GONE, Cause.RECREATED)
_LABELLED = (Cause.PREP_FAILED, Cause.UPGRADE_FAILED)
"""Causes that leave a failure label, which only an abort removes."""


def _taken_back(member: Member) -> bool:
    """Whether the plan's own AbortOnFailure, which takes only failed clusters, has reset the
    cluster."""
    last = member.completed[-1].action if member.completed else None
    return member.outcome is Outcome.SUCCEEDED and last is Action.ABORT_ON_FAILURE


def retry(target: ChangeTarget, failures: Sequence[FailedCluster]) -> RequestedChange:
    """Returns the retry. Raises Refused if it would have no effect, or if no failure is proven."""
    if not failures:
        raise ChangeRefused("none of these clusters has failed; nothing is to be tried again")
    chosen = _ready(target, failures)
    names = sorted({each.cluster for each in chosen}, key=natural_key)
    plan = _plan(target, chosen)
    name = _name(target, names, plan)
    body = manifest(target.object, name, names, plan)
    rest = _left_out(target, failures)
    return RequestedChange(
        f"{name} takes {_failed(len(names))} of {target.name} through the plan again"
        f"{rest and '; left out: '}{rest}",
        f"kubectl create -f - <<'EOF'\n{_json(body)}\nEOF",
        create=body,
    )


def _failed(number: int) -> str:
    return "1 failed cluster" if number == 1 else f"{number} failed clusters"


def why_no_retry(target: ChangeTarget, failures: Sequence[FailedCluster]) -> str:
    """Returns why no retry is possible; empty: some or all that failed in one of the actions can be
    retried."""
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
    """Returns the failures without those that are not proven, or that the Lifecycle Agent would
    refuse."""
    ready = [each for each in failures if not _why_not(each)]
    if not ready:
        raise ChangeRefused(f"can't be retried: {_left_out(target, failures)}")
    unlabelled = [each.cluster for each in ready if not _selectable(each)]
    if unlabelled:
        raise ChangeRefused(
            f"{_some(unlabelled)} can't be selected: the ManagedCluster lacks the label "
            f"{NAME_LABEL} with its name; set it (kubectl label managedcluster {unlabelled[0]} "
            f"{NAME_LABEL}={unlabelled[0]}), then retry"
        )
    return ready


def _left_out(target: ChangeTarget, failures: Sequence[FailedCluster]) -> str:
    found: dict[str, list[str]] = {}
    for each in failures:
        if why := _why_not(each):
            found.setdefault(why, []).append(each.cluster)
    told = [f"{_some(clusters)} ({why})" for why, clusters in found.items()]
    if not told:
        return ""
    way = f"see ibgu stragglers {target.name} -n {target.namespace} -o yaml"
    if _FAILED in found and (Action.ABORT_ON_FAILURE,) in appendable(_actions(target)):
        way = f"append AbortOnFailure (ibgu abort) and retry when it has finished, or {way}"
    return f"{', '.join(told)}; {way}"


_FAILED = "must be aborted first"


def _why_not(failure: FailedCluster) -> str:
    if failure.unproven:
        return failure.unproven
    return _FAILED if _to_abort(failure.labels or {}, failure.action) else ""


def _to_abort(labels: Mapping[str, str], action: str) -> bool:
    """Whether the cluster must be aborted first; a failed abort runs once more instead."""
    failed = any(each.failed_label in labels for each in (Action.PREP, Action.UPGRADE))
    return failed and action not in ABORTS


def _actions(target: ChangeTarget) -> list[list[str]]:
    return [item["actions"] for item in target.plan]


def _selectable(failure: FailedCluster) -> bool:
    return failure.labels is not None and failure.labels.get(NAME_LABEL) == failure.cluster


def _plan(target: ChangeTarget, failures: Sequence[FailedCluster]) -> Plan:
    """Returns the plan from the failed action on, without its aborts."""
    firsts = _firsts(failures)
    if len(firsts) > 1:
        failed = ", ".join(sorted({failure.action or "none" for failure in failures}))
        raise ChangeRefused(
            f"these clusters failed in different actions ({failed}), which "
            "takes plans of their own: choose by cluster or cause"
        )
    plan = _left(tuple(tuple(map(Action, step)) for step in _actions(target)), *firsts)
    if not plan:
        raise ChangeRefused(
            "what is left of the plan for them is no plan of its own; write a new one"
        )
    return plan


def _first(action: str) -> str:
    """Returns the action to begin with; "" is the whole plan: a failed Upgrade, too, needs Prep
    first."""
    return "" if action in (Action.PREP, Action.UPGRADE) else action


def _left(plan: Plan, first: str) -> Plan:
    """Returns the steps from that action on; for an abort that step alone, for others no abort."""
    if first in ABORTS:
        return ((Action(first),),)
    course = PlanProgress(plan, len(plan))
    step = next((number for number, step in enumerate(plan, 1) if first in step), None)
    return course.anew() if step is None else course.rest(step, Action(first))


def _name(target: ChangeTarget, clusters: Sequence[str], plan: Plan) -> str:
    """Returns a name that follows from the clusters, so that two requests create one IBGU."""
    digest = sha256(_json([clusters, plan]).encode()).hexdigest()[:8]
    return f"{target.name[:_BASE]}-retry-{digest}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
