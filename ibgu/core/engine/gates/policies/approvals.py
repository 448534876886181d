"""The gate of approvals: what a policy lets start once people have approved it (R50.13)."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.engine.gate import (
    ActionFilter,
    GateInput,
    every_action,
    kept_by_policy,
    of_policies,
    policy_gate,
)
from ibgu.core.engine.gates.gate import Candidate, MemberGate, RequiredApproval
from ibgu.core.engine.gates.policies.times import ClosingTime
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.snapshot import Consent
from ibgu.core.model import ActingParty, ClusterView, PolicyRule, Reason, names, traits
from ibgu.core.model.accounts import is_service_account
from ibgu.core.model.grants import Approval, ApprovalPoint
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.rollout_policy import ApprovalMoment, PolicyApproval
from ibgu.core.plan.approvers import Approvers
from ibgu.core.plan.grants import MAX_GRANTS
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line

MEANING = Meaning(
    "the policy lets this start once people have approved it",
    "as many people as the policy asks for have approved it, the author of the step not counted",
    "have somebody who may approve it run the `ibgu approve` that the reason names",
)
_MAX_CHARACTERS = 100
"""Characters that are shown of a user's name."""


class _Asked(Struct, frozen=True):
    """_Asked is what has to be approved."""

    step: int
    before: str
    words: str

    @property
    def point(self) -> tuple[int, str]:
        """The step, and what of it has to be approved."""
        return (self.step, self.before)


def approvals_gate(
    policy: str,
    asked: PolicyApproval,
    actions: ActionFilter,
    selects: Callable[[ClusterView], bool],
    canaries: PolicyCanaries | None,
    closing: ClosingTime,
) -> MemberGate:
    """Returns a gate. Before an action it also guards inside a chain, and otherwise does so once
    what was approved has changed."""
    within = asked.before is ApprovalMoment.ACTION

    def check(candidate: Candidate) -> Reason | None:
        step, now = candidate.step, candidate.now
        if step is None or not selects(candidate.cluster):
            return None
        if not within and not any(actions(traits(action)) for action in candidate.rest):
            return None
        rest = canaries if asked.before is ApprovalMoment.REST else None
        if rest is not None and _goes_before(rest, step, candidate):
            return None
        what = _what(asked, step, candidate)
        if candidate.begun and not within and not _has_changed(what, candidate.consent):
            return None
        lacking = _lacking(asked, what, candidate.consent, now)
        if not lacking:
            closing.note(_ends(what, candidate.consent, now))
            return None
        return kept_by_policy(lacking, now, who=ActingParty.PERSON, approval=what.before)

    return MemberGate(
        name=policy_gate(policy),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.APPROVAL,
        needs=frozenset({GateInput.CLUSTER, GateInput.RECORDS, GateInput.GRANTS}),
        actions=actions if within else every_action,
        chained=actions,
        concerns=actions,
        approval=RequiredApproval(asked, selects),
    )


def _goes_before(canaries: PolicyCanaries, step: TrackedStep, candidate: Candidate) -> bool:
    """Whether the cluster is a canary. If one has failed, the gate of failure budgets holds the
    step, and approval is not what is missing."""
    now = candidate.now
    return candidate.cluster.name in canaries.of(step, now) or bool(
        canaries.state(step, now).failed
    )


def _what(asked: PolicyApproval, step: TrackedStep, candidate: Candidate) -> _Asked:
    index = step.step.index
    number = f"step {index + 1}"
    if asked.before is ApprovalMoment.ACTION:
        return _Asked(index, candidate.action, f"{candidate.action} of {number}")
    if asked.before is ApprovalMoment.REST:
        return _Asked(index, ApprovalPoint.REST, f"the rest of {number} behind its canaries")
    return _Asked(index, ApprovalPoint.STEP, number)


def _has_changed(what: _Asked, consent: Consent) -> bool:
    """Whether people had approved it, and it has become another thing since."""
    grants = consent.grants
    found = (*grants.approvals, *grants.withdrawn)
    return any(each.changed and each.point == what.point for each in found)


def _ends(what: _Asked, consent: Consent, now: datetime) -> datetime | None:
    """Returns when the first of the approvals ends that count; None: none does."""
    counting = (each for each in consent.grants.approvals if each.counts(*what.point, now))
    return min((each.until for each in counting if each.until is not None), default=None)


def _lacking(asked: PolicyApproval, what: _Asked, consent: Consent, now: datetime) -> str:
    """Returns what is missing; empty: it is approved."""
    if consent.problem:
        return f"the policy asks for approval of {what.words}, and {consent.problem}"
    found = consent.grants.approvals
    users = {each.user for each in found if each.counts(*what.point, now)}
    author = consent.authors.get(what.step, "")
    approvers = Approvers(asked, author, frozenset(users))
    if not approvers.missing:
        return ""
    counting = approvers.counting
    words = f"{counted(approvers.needed, 'person', 'people')} must approve {what.words}"
    command = f"ibgu approve {consent.rollout} -n {consent.namespace}"
    words += f" (`{command} --step {what.step + 1} --before {what.before}`)"
    if counting:
        words += f", and {_named(counting)} {'has' if len(counting) == 1 else 'have'}"
        words += _of_accounts(approvers)
    if asked.four_eyes:
        words += _of_author(asked, what, author, consent)
    words += _refused(what, found, counting)
    return f"{words}; {_too_many(consent)}" if consent.grants.unread else words


def _of_accounts(approvers: Approvers) -> str:
    """Returns why fewer people have approved than users; empty: as many have."""
    if approvers.people == len(approvers.counting):
        return ""
    return " (the service accounts of a namespace count as one person)"


def _refused(what: _Asked, found: Iterable[Approval], counting: Container[str]) -> str:
    """Returns why the newest approval of somebody who does not count does not; empty: there is
    none."""
    others = (each for each in found if each.point == what.point and each.user not in counting)
    refused = [each for each in others if each.refused]
    if not refused:
        return ""
    last = refused[-1]
    return f"; the approval by {_named([last.user])} does not count: {last.refused}"


def _too_many(consent: Consent) -> str:
    """Returns that some approvals are not read, and what to do."""
    written = len(consent.grants.approvals) + consent.grants.unread
    listed = "kubectl get rolloutapprovals --sort-by=.metadata.creationTimestamp"
    return (
        f"the rollout has {written} RolloutApprovals, and only the {MAX_GRANTS} oldest are read: "
        f"delete those of no use, then approve again (`{listed} -n {consent.namespace}`)"
    )


def _of_author(asked: PolicyApproval, what: _Asked, author: str, consent: Consent) -> str:
    """Returns who does not count as the author of the step, or why that is not known."""
    if author:
        words = f"; {_named([author])}, who is the step's author, does not count"
        if is_service_account(author):
            words += ", and one person more must approve: one of them may make its tokens"
        return words
    key, former = names.step_author(what.step), consent.former_authors.get(what.step, "")
    if former:
        return (
            f"; the step has become another one since {_named([former])} has written it, so one "
            "person more must approve it, who may be its author"
        )
    if not consent.can_prove:
        return (
            "; the author of the step can't be proven, because the rollout is older than the "
            "admission policy ibgu-grants"
        )
    enough = f"{asked.approvers} {'is' if asked.approvers == 1 else 'are'} enough"
    return f"; {enough} once the step's author is proven: they annotate the rollout with {key}"


def _named(users: Iterable[str]) -> str:
    return ", ".join(one_line(each[:_MAX_CHARACTERS]) for each in sorted(users))
