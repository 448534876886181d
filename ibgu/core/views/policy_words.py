"""RolloutPolicies in sentences for people: what one allows, and what it holds (R50)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from ibgu.core.drivers import declared
from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.policies import CLUSTER_HOLD, faults
from ibgu.core.engine.timing.windows import local_time, opening, zone_of
from ibgu.core.model import ActingParty
from ibgu.core.model.kinds import JsonObject, LabelSelector
from ibgu.core.model.rollout_policy import (
    ApprovalMoment,
    Canaries,
    FailureBudget,
    Freeze,
    HealthChecks,
    PolicyApproval,
    PolicyBreaker,
    PolicyRetry,
    PolicyWindow,
    RolloutPolicySpec,
)
from ibgu.core.plan.approvers import Approvers
from ibgu.core.plan.policies import readable
from ibgu.core.text.counted import counted
from ibgu.core.text.held import written
from ibgu.core.text.spans import duration, utc

_GATE = policy_gate("")
_SHOWN = 10
"""The most entries of a field that the sentences name."""
_REPLACED = "The next cluster takes the place of one that is skipped before it has begun."
_ENDS = {
    ActingParty.IBGU: "the gate opens automatically when the policy allows it",
    ActingParty.CLUSTER: "the gate opens automatically for the next clusters as others end",
    ActingParty.PERSON: "a person corrects what the message says, or has the policy changed",
}
_APPROVED = "people approve it, as the message says, or the policy is changed"


def policy_of(gate: str) -> str:
    """Returns the name of the policy whose gate it is; empty: the gate is no single policy's."""
    return gate.removeprefix(_GATE) if gate.startswith(_GATE) else ""


def holder_of(gate: str) -> str:
    """Returns what holds clusters by a gate of policies, such as "policy ran-nights"; empty:
    somebody holds each of them by an annotation."""
    if gate == CLUSTER_HOLD.name:
        return ""
    policy = policy_of(gate)
    return f"policy {written(policy)}" if policy else "the policies of the hub"


def what_ends(
    who: ActingParty,
    until: datetime | None,
    spec: JsonObject | None = None,
    *,
    approves: bool = False,
    author: str = "",
) -> str:
    """Returns what ends a policy's hold. `until`: when the gate opens for the first cluster, if
    known. `spec`: the policy's, which may ask for an approval as well. `approves`: people end
    it by an approval. `author`: of the step; empty: that is not known, and one more must approve.
    """
    if approves:
        return _APPROVED
    words = f"{_ENDS[who]}, for the first at {utc(until)}" if until else _ENDS[who]
    found = readable(spec)
    if found is None or found.approval is None:
        return words
    needed = Approvers(found.approval, author, frozenset()).needed
    people = counted(needed, "person", "people")
    return f"{words}; the policy also asks for approval by {people}, which can come before"


def allowed(spec: JsonObject, now: datetime) -> list[str]:
    """Returns what the policy allows, a sentence each. Fields that have no sentence here are left
    out."""
    try:
        found = msgspec.convert(spec, RolloutPolicySpec)
        problem = next(faults(found, declared), "")
    except (ArithmeticError, LookupError, ValueError) as error:
        return [f"ibgu can't read the policy: {written(str(error))}."]
    if problem:
        return [f"ibgu can't follow the policy: {written(problem)}."]
    sentences = (*_limits(found), *_times(found, now), *_failures(found), *_demands(found))
    return [_scope(found), *sentences]


def _scope(spec: RolloutPolicySpec) -> str:
    rollouts, clusters = spec.rollouts, spec.clusters
    what = _listed(spec.actions) if spec.actions else "every action but those that lead back"
    of = _selected("rollout", "of the namespaces", rollouts.namespaces, rollouts.selector)
    on = _selected("cluster", "of the cluster sets", clusters.cluster_sets, clusters.selector)
    return f"It applies to {what}, in {of}, on {on}."


def _selected(noun: str, within: str, names: Sequence[str], selector: LabelSelector) -> str:
    labels = list(_labels(selector))
    parts = [
        *([f"{within} {_listed(names)}"] if names else []),
        *([f"with the labels {_listed(labels)}"] if labels else []),
    ]
    return f"the {noun}s {' '.join(parts)}" if parts else f"every {noun}"


def _labels(selector: LabelSelector) -> Iterator[str]:
    for key, value in sorted(selector.match_labels.items()):
        yield f"{key}={value}"
    for each in selector.match_expressions:
        yield f"{each.key} {each.operator} ({', '.join(each.values)})"


def _limits(spec: RolloutPolicySpec) -> Iterator[str]:
    if spec.in_flight:
        most = (
            f"{spec.in_flight} of its clusters"
            if isinstance(spec.in_flight, str)
            else counted(spec.in_flight, "cluster")
        )
        yield f"At most {most} may be in flight at once, in all rollouts together."
    for limit in spec.per_topology[:_SHOWN]:
        alike = f"with the same value of the label {written(limit.label)}"
        yield f"At most {counted(limit.maximum, 'cluster')} {alike} may be in flight at once."
    for group in spec.never_together[:_SHOWN]:
        yield f"Only one of {_listed(group.clusters)} may be in flight at once."
    if len(spec.never_together) > _SHOWN:
        more = len(spec.never_together) - _SHOWN
        yield f"So it is with {more} more groups of clusters."


def _times(spec: RolloutPolicySpec, now: datetime) -> Iterator[str]:
    for window in spec.windows[:_SHOWN]:
        yield _window(window, now)
    if spec.fit:
        yield "An action starts only if it, and a rollback from it, usually end in the window."
    for freeze in _to_come(spec.freezes, now)[:_SHOWN]:
        why = f": {written(freeze.reason)}" if freeze.reason else ""
        yield f"Nothing starts from {freeze.from_} until {freeze.until}{why}."


def _window(window: PolicyWindow, now: datetime) -> str:
    span = duration(timedelta(minutes=window.duration_minutes))
    words = f'Clusters start in a window of {span} from "{written(window.cron)}" (cron)'
    zone = zone_of(window.time_zone)
    if zone is None:
        return f"{words}, in the time zone of each cluster."
    found = opening([window], zone, now)
    if found.until is not None:
        state = f"it is open until {local_time(found.until, zone)}"
    elif found.opens is not None:
        state = f"it opens at {local_time(found.opens, zone)}"
    else:
        state = "it does not open within fifty years"
    return f"{words}, in the time zone {window.time_zone}; {state}."


def _failures(spec: RolloutPolicySpec) -> Iterator[str]:
    if spec.canaries is not None:
        yield from _canaries(spec.canaries)
    if spec.approval is not None:
        yield _approval(spec.approval)
    if spec.retry is not None:
        yield _retry(spec.retry)
    if spec.failure_budget is not None:
        yield _budget(spec.failure_budget, spec.actions)
    if spec.breaker is not None:
        yield _breaker(spec.breaker)


def _canaries(canaries: Canaries) -> Iterator[str]:
    labels = list(_labels(canaries.selector)) if canaries.selector is not None else []
    first = f"first {counted(canaries.count, 'cluster')}" if canaries.count else "clusters"
    goes = "goes" if canaries.count == 1 else "go"
    chosen = f" with the labels {_listed(labels)}" if labels else ""
    soak = duration(timedelta(minutes=canaries.soak_minutes))
    state = "available and well" if canaries.health is not None else "available"
    well = f" and were {state} for {soak}" if canaries.soak_minutes else ""
    replaced = f" {_REPLACED}" if canaries.count else ""
    if canaries.health is not None and not canaries.soak_minutes:
        well = f" and are {state}"
    yield (
        f"The {first} of a step{chosen} {goes} first. The others start once these have "
        f"succeeded{well}; if one fails, a person has to resume the rollout.{replaced}"
    )
    if canaries.health is not None:
        yield f"A canary is well while {_listed(list(health_words(canaries.health)))}."
    if canaries.rollback:
        after = duration(timedelta(minutes=canaries.rollback_after_minutes))
        yield (
            "A canary that was well after its upgrade and then is reported as not well for "
            f"{after} is rolled back by ibgu, and a person has to resume the rollout."
        )


def _retry(retry: PolicyRetry) -> str:
    after = duration(timedelta(minutes=retry.backoff_minutes))
    often = f"up to {retry.attempts} times" if retry.attempts > 1 else "once"
    doubled = ", and twice as long before each further one" if retry.attempts > 1 else ""
    return (
        "Clusters whose Prep has failed of a transient cause are tried again by ibgu "
        f"{often}: {after} after AbortOnFailure has taken them back{doubled}."
    )


def _budget(budget: FailureBudget, actions: Sequence[str]) -> str:
    of = {"Step": "a step", "Rollout": "a rollout", "Hub": "all rollouts together"}[budget.per]
    most = budget.maximum
    share = f"{most} of the clusters" if isinstance(most, str) else counted(most, "cluster")
    have = "has" if most == 1 else "have"
    doing = f" in {_listed(actions)}" if actions else ""
    window = budget.window
    within = f" within {duration(window)}" if window is not None else ""
    return (
        f"If more than {share} of {of} {have} failed{doing}{within}, nothing new "
        "starts until a person resumes the rollout."
    )


def _breaker(breaker: PolicyBreaker) -> str:
    limits = [
        *([f"{breaker.same_cause} upgrades to it with one cause"] if breaker.same_cause else []),
        *(
            [f"{breaker.percent}% of at least {breaker.minimum_upgrades} upgrades to it"]
            if breaker.percent
            else []
        ),
    ]
    return (
        f"Nothing new starts with an image once {' or '.join(limits)} failed within "
        f"{duration(breaker.window)}, in any rollout of the hub."
    )


def _approval(approval: PolicyApproval) -> str:
    people = counted(approval.approvers, "person", "people")
    what = {
        ApprovalMoment.STEP: "A step starts",
        ApprovalMoment.ACTION: "Each of its actions starts",
        ApprovalMoment.REST: "What comes behind the canaries starts",
    }[approval.before]
    words = f"{what} once {people} approved it"
    if not approval.four_eyes:
        return f"{words}."
    more = f"{approval.approvers + 1} while that author is not known"
    return f"{words}, the step's author not counted; {more}."


def _demands(spec: RolloutPolicySpec) -> Iterator[str]:
    if spec.preflight is not None:
        yield "A cluster with an error of preflight does not start, whatever annotations say."
    if spec.warnings is not None:
        yield (
            "A cluster that has completed Prep or Check with a warning waits before Upgrade or "
            "Update until a person resumes the rollout."
        )
    if spec.backup is not None:
        yield "No Upgrade or Update starts unless its rollout backs each cluster up before."


def health_words(health: HealthChecks) -> Iterator[str]:
    """Yields what must be true of a canary."""
    for each in health.conditions:
        yield f"its condition {each.type} is {each.status}"
    if health.cluster_operators:
        yield "its cluster operators are available and not degraded"
    if health.nodes:
        yield "its nodes are ready"
    if health.policies:
        yield "it complies with its policies"
    for metric in health.metrics:
        yield f'the source {metric.source} answers "{metric.query}" with no 0'


def _to_come(freezes: Sequence[Freeze], now: datetime) -> list[Freeze]:
    """Returns the freezes that are not over."""
    return [each for each in freezes if datetime.fromisoformat(each.until) > now]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return written(", ".join(names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
