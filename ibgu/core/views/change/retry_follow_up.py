"""Retries failed clusters as a follow-up, which may have to abort them first.

No plan aborts and then prepares, so this takes two follow-ups: the request writes the abort, and,
once that is over, the same request writes the retry.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ibgu.core.drivers import declared, traits
from ibgu.core.model import Outcome
from ibgu.core.model.actions import Risk
from ibgu.core.views.change.danger import risk_of_going_on
from ibgu.core.views.change.fitness import (
    CancelScope,
    RolloutCluster,
    UnfitCluster,
    failed_by,
    taken_back,
    unfit_to_cancel,
)
from ibgu.core.views.change.follow_up import FollowUp, FollowUpRequest, cancel
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget
from ibgu.core.views.change.plan import NewStep
from ibgu.core.views.change.retry import (
    LABELS_PENDING,
    FailedCluster,
    failure,
    retry,
    to_abort,
)
from ibgu.core.views.change.second import some


def retry_failed(
    target: ChangeTarget,
    found: Sequence[RolloutCluster],
    asked: FollowUpRequest,
    *,
    abort_first: bool = False,
) -> FollowUp:
    """Returns the retry, or, with `abort_first`, the abort that must come before, within the bounds
    of the plan. Raises ChangeRefused."""
    failures = [_failure(each) for each in found if _has_failed(each)]
    if abort_first:
        unfit = {each.name: unfit_to_cancel(each, CancelScope.FAILED) for each in found}
        if stuck := {
            each.cluster for each in failures if to_abort(each) and not unfit[each.cluster]
        }:
            return _abort(target, found, asked, stuck)
        _require_labels(failures)
        failures = [_not_to_abort(each, unfit[each.cluster]) for each in failures]
    change = retry(target, failures, asked.max_concurrency, asked.timeout)
    assert change.create is not None
    (selector,) = change.create["spec"]["clusterLabelSelectors"]
    return FollowUp(
        change=replace(change, risk=risk_of_retry(target.actions)),
        rollout=str(change.create["metadata"]["name"]),
        step=NewStep(tuple(change.create["spec"]["plan"][0]["actions"])),
        clusters=tuple(selector["matchExpressions"][0]["values"]),
    )


def _abort(
    target: ChangeTarget, found: Sequence[RolloutCluster], asked: FollowUpRequest, stuck: set[str]
) -> FollowUp:
    if asked.narrowed:
        found = [each for each in found if each.name in stuck]
    unbounded = replace(asked, named=False, max_concurrency=None, timeout=None)
    first = cancel(target, found, unbounded, CancelScope.FAILED)
    done = f"{first.change.done}; when it is over, the same request retries them"
    abort = first.change.risk
    risk = replace(abort, lost=f"{abort.lost} {risk_of_retry(target.actions).lost}".strip())
    return replace(first, change=replace(first.change, done=done, risk=risk), again=True)


def _require_labels(failures: Sequence[FailedCluster]) -> None:
    """Raises ChangeRefused while labels of aborted clusters are still to be removed: a retry now
    would leave these clusters out."""
    if pending := [each.cluster for each in failures if each.unproven == LABELS_PENDING]:
        words = f"nothing is retried yet: {some(pending)} ({LABELS_PENDING})"
        raise ChangeRefused(words, "labels-pending")


def risk_of_retry(plan: Sequence[Sequence[str]]) -> Risk:
    """Returns the risk of the plan without its aborts."""
    again = [action for step in plan for action in step if declared(action)]
    again = [action for action in again if not traits(action).aborts]
    return risk_of_going_on("The failed clusters go through", again)


def _failure(each: RolloutCluster) -> FailedCluster:
    return failure(each.member, each.labels, each.newer, aborted=each.aborted)


def _has_failed(each: RolloutCluster) -> bool:
    """Whether the cluster has failed or was cancelled, also one that is being aborted now."""
    member = each.member
    if member.finished:
        return member.outcome in (Outcome.FAILED, Outcome.CANCELLED) or taken_back(member)
    return failed_by(each.labels or {})


def _not_to_abort(each: FailedCluster, unfit: UnfitCluster | None) -> FailedCluster:
    """An abort that failed would fail again, and some can't be aborted now; the others don't wait
    for them."""
    if unfit and to_abort(each):
        return replace(each, unproven=f"can't be aborted: {unfit.why}")
    if each.unproven or not each.action or not traits(each.action).aborts:
        return each
    return replace(each, unproven=f"its {each.action} failed")
