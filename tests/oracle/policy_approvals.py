"""Judges whether what a policy lets start with approval only was approved (R50.13)."""

from collections.abc import Iterator

from ibgu.core.model.accounts import holder_of, is_service_account
from ibgu.core.model.grants import ApprovalPoint
from ibgu.core.model.rollout_policy import ApprovalMoment, RolloutPolicySpec
from tests.oracle.policy_failures import canary_of
from tests.oracle.policy_starts import (
    CLUSTERS,
    Objection,
    Start,
    holds,
    own_selection,
)

AUTHORS = "the authors of steps"


def of_approvals(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields that too few have approved the start. Where the history does not have the author, as
    many approvals as the policy asks for are enough only if the author is none of them."""
    asked = spec.approval
    if asked is None:
        return
    point, unknown = _point(spec, asked.before, start)
    if not point:
        return
    approvals, authors = start.grants.approvals, start.grants.authors
    counting = (each.user for each in approvals if each.counts(start.step, point, start.at))
    people = set(map(holder_of, counting))
    author = start.facts.author if asked.four_eyes else ""
    if any(each.changed and (each.step, each.user) == (start.step, author) for each in authors):
        author = ""
    others = people - {None if author is None else holder_of(author)}
    # Of one person more who approves, none but one can be the author.
    may_approve = author == "" or (author is not None and is_service_account(author))
    needed = asked.approvers + (asked.four_eyes and may_approve)
    if len(others) < needed:
        words = f"with {len(others)} of {needed} approvals of {point}"
        yield Objection("R50.13", words, unknown or own_selection(spec, start))
    elif author is None and len(people) == asked.approvers:
        yield Objection(unknown=AUTHORS)


def _point(spec: RolloutPolicySpec, before: ApprovalMoment, start: Start) -> tuple[str, str]:
    """Returns what of the step must be approved, empty: nothing; and what is not known of
    that."""
    if before is ApprovalMoment.ACTION:
        return (start.action if start.action in spec.actions else ""), ""
    point = ApprovalPoint.STEP if before is ApprovalMoment.STEP else ApprovalPoint.REST
    # What has begun goes on, also if the cluster has lost its slot meanwhile, for as long as the
    # step is what was approved. Inside a chain a policy only keeps the actions that it holds.
    begun = not start.rest or start.cluster in start.progress.begun
    kept = start.ahead if start.rest else (start.action,)
    if not any(holds(spec, action) for action in kept):
        return "", ""
    if begun and not _has_changed(start, point):
        return "", ""
    if point is ApprovalPoint.STEP:
        return point.value, ""
    if begun and (start.progress.failures or start.progress.left):
        # Behind a failed canary it is the failure that holds, and not the approval.
        return "", ""
    canary = canary_of(spec, start)
    if canary:
        return "", ""
    return point.value, CLUSTERS if canary is None else ""


def _has_changed(start: Start, point: ApprovalPoint) -> bool:
    """Whether people had approved it, and it has become another thing since."""
    found = (*start.grants.approvals, *start.grants.withdrawn)
    return any(each.changed and each.point == (start.step, point) for each in found)
