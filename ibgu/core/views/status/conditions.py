"""The conditions of an IBGU's status; Progressing keeps TALM's words (R27.2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import to_builtins

from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.state.step import Keeper
from ibgu.core.model import Reason, StepState
from ibgu.core.model.kinds import Condition, JsonObject
from ibgu.core.model.preflight import errors
from ibgu.core.text.counted import counted
from ibgu.core.text.held import for_all
from ibgu.core.text.spans import utc
from ibgu.core.views.status.phase import complete, hold_of

_FINDINGS = 10
"""Findings that a condition names."""
_ATTEMPTS = 10
"""Attempts that a condition names."""
_GATES = 10
"""Policies that a condition names."""
_DONE = "All plan steps are completed"
_WAITING = "Waiting for plan step {} to be completed"
"""Steps count from 0."""


def conditions(
    tracked: TrackedRollout,
    payload: PayloadState,
    before: Iterable[Condition],
    now: datetime,
    *,
    counted: bool,
    mistakes: Sequence[str] = (),
) -> list[JsonObject]:
    """Returns all conditions; `before` (those on the hub) keeps the transition times of unchanged
    ones.

    `mistakes`: messages about the IBGU's annotations. `counted`: the status has a field for the
    counts, so that Progressing's message needs none.
    """
    old = {condition.type: condition for condition in before}
    wanted = [
        _progressing(tracked, "" if counted else _counts(tracked)),
        *_held(tracked),
        *_kept(tracked),
        *_payload(payload),
        *_preflight(tracked),
        *_nobody(tracked),
        *_reports(tracked),
        *_attempts(tracked),
        *_annotations(mistakes),
    ]
    return [_stamped(condition, old.get(condition["type"]), tracked, now) for condition in wanted]


def unlisted(tracked: TrackedRollout, before: Iterable[Condition], now: datetime) -> JsonObject:
    """Returns the condition for clusters that are left out; "{}" in its message is their number."""
    words = (
        "{} are not listed here for lack of space; `ibgu members` and ibgu's REST API list all of "
        "them"
    )
    wanted = _condition("ClustersListed", "False", "TooMany", words)
    old = next((condition for condition in before if condition.type == wanted["type"]), None)
    return _stamped(wanted, old, tracked, now)


def _stamped(
    condition: JsonObject, old: Condition | None, tracked: TrackedRollout, now: datetime
) -> JsonObject:
    same = old is not None and old.status == condition["status"] and old.last_transition_time
    since = same or utc(now)
    generation = tracked.rollout.generation
    return {**condition, "lastTransitionTime": since, "observedGeneration": generation}


def _condition(type_: str, status: str, reason: str, message: str) -> JsonObject:
    return {"type": type_, "status": status, "reason": reason, "message": message[:32768]}


def _progressing(tracked: TrackedRollout, counts: str) -> JsonObject:
    if complete(tracked.rollout, tracked.newest):
        return _condition("Progressing", "False", "Completed", f"{_DONE}{counts}")
    current = tracked.current
    index = current.step.index if current else len(tracked.steps)
    return _condition("Progressing", "True", "InProgress", f"{_WAITING.format(index)}{counts}")


def _counts(tracked: TrackedRollout) -> str:
    if not tracked.steps:
        return ""
    counts = tracked.counts
    failed = f", {counts.failed} failed" if counts.failed else ""
    return f" ({counts.succeeded} of {counts.total} clusters done{failed})"


def _held(tracked: TrackedRollout) -> list[JsonObject]:
    hold = hold_of(tracked.rollout, tracked.newest)
    if hold is None:
        return []
    type_ = "InvalidPlan" if tracked.rollout.plan_refused else "Held"
    return [_condition(type_, "True", hold.kind, hold.message)]


def _kept(tracked: TrackedRollout) -> list[JsonObject]:
    """Returns a condition if policies keep clusters of the current step, with what the one says
    that may start first."""
    step = tracked.current
    if step is None or not step.kept:
        return []
    examples = {each: _soonest(step, each) for each in sorted(step.kept)}
    messages = []
    for each, reason in examples.items():
        count = len(step.kept[each])
        waits = counted(count, "cluster waits", "clusters wait")
        message = for_all(reason.message, alike=_alike(step, each, reason))
        messages.append(f"{waits} for {reason.gate}: {message}")
    if len(messages) > _GATES:
        messages[_GATES:] = [f"{len(messages) - _GATES} more"]
    kind = next(iter(examples.values())).kind
    return [_condition("KeptByPolicies", "True", kind, "; ".join(messages))]


def _alike(step: TrackedStep, keeper: Keeper, reason: Reason) -> bool:
    """Returns whether all whom it keeps have the message of that one."""
    kept = (step.members[cluster] for _, cluster in step.kept[keeper])
    return all(each.reason.message == reason.message for each in kept)


def _soonest(step: TrackedStep, keeper: Keeper) -> Reason:
    """Returns the reason that ends first; if that is not known, the first one in R4's order."""
    reasons = [step.members[cluster].reason for _, cluster in step.kept[keeper]]
    ends = [(each.until, index) for index, each in enumerate(reasons) if each.until is not None]
    return reasons[min(ends)[1] if ends else 0]


def _payload(payload: PayloadState) -> list[JsonObject]:
    missing = "; ".join(payload.warnings)
    messages = {
        ("PayloadComplete", "Missing"): missing,
        ("PayloadChecked", "OlderThanPolicy"): payload.unchecked,
    }
    return [
        _condition(type_, "False", why, words) for (type_, why), words in messages.items() if words
    ]


def _preflight(tracked: TrackedRollout) -> list[JsonObject]:
    """Returns a condition if preflight has found something for the newest step (R46.8)."""
    record = tracked.steps[-1].step.preflight if tracked.steps else None
    if record is None or not record.findings:
        return []
    wrong = errors(record.findings)
    shown = wrong or record.findings
    messages = [
        f"{counted(len(each.clusters), 'cluster') if each.clusters else 'the plan'}: "
        f"{each.message} [{each.rule}]"
        for each in shown[:_FINDINGS]
    ]
    if len(shown) > len(messages):
        messages.append(f"{len(shown) - len(messages)} more")
    status, why = ("False", "Errors") if wrong else ("True", "Warnings")
    words = "; ".join(messages)
    return [_condition("PreflightPassed", status, why, words)]


def _nobody(tracked: TrackedRollout) -> list[JsonObject]:
    """Returns a condition if no step found a cluster: the plan completes, but rarely as
    intended."""
    begun = [each for each in tracked.steps if each.step.state is not StepState.OPENING]
    if not begun or any(each.members or each.step.total for each in begun):
        return []
    words = (
        "no cluster takes part: none was to be selected when the step started, for which an Event "
        "and `ibgu events` have the reason; do: compare spec.clusterLabelSelectors with the labels "
        "of the ManagedClusters"
    )
    return [_condition("ClustersSelected", "False", "NobodyMatches", words)]


def _reports(tracked: TrackedRollout) -> list[JsonObject]:
    """Returns what clusters report that a person should know before the next step, or after the
    last one."""
    found, entries = tracked.reports, []
    if found.warned:
        words = (
            f"{counted(found.warned, 'cluster')} completed an action with a warning; `ibgu members "
            f"{tracked.rollout.name} -n {tracked.rollout.namespace} --warned` and ibgu's REST API "
            "show it"
        )
        entries.append(_condition("ClustersWarned", "True", "ValidationWarning", words))
    if found.rollback_until is not None:
        words = (
            f"{counted(found.rollback, 'cluster')} can be rolled back: finalize or roll back by "
            f"{utc(found.rollback_until)}"
        )
        entries.append(_condition("RollbackPossible", "True", "NotFinalized", words))
    if found.paused_since is not None:
        words = (
            f"{counted(found.paused, 'cluster')} have parts that are paused, the first since "
            f"{utc(found.paused_since)}; Pools resumes them, or the end of the rollout"
        )
        entries.append(_condition("ClustersPaused", "True", "NotResumed", words))
    return entries


def _attempts(tracked: TrackedRollout) -> list[JsonObject]:
    """Returns a condition if policies have clusters tried again, or would have (R50.20)."""
    made = [each for step in tracked.steps for each in step.step.follow_ups.made if each.attempt]
    if not made:
        return []
    made.sort(key=lambda each: not each.planned)
    messages = [each.words for each in made[:_ATTEMPTS]]
    if len(made) > len(messages):
        messages.append(f"{len(made) - len(messages)} more")
    planned, for_person = any(each.planned for each in made), all(each.refused for each in made)
    why = "Planned" if planned else "NotBegun" if for_person else "Begun"
    status = "False" if for_person or planned else "True"
    return [_condition("ClustersTriedAgain", status, why, "; ".join(messages))]


def _annotations(mistakes: Sequence[str]) -> list[JsonObject]:
    if not mistakes:
        return []
    return [_condition("AnnotationsValid", "False", "NotUnderstood", "; ".join(mistakes))]


def held_only(
    tracked: TrackedRollout, before: Iterable[Condition], now: datetime
) -> list[JsonObject]:
    """Returns the conditions on the hub, with only the hold replaced."""
    old = {condition.type: condition for condition in before}
    wanted = _held(tracked)
    replaced = {"Held", *(condition["type"] for condition in wanted)}
    kept = [_as_it_is(each) for type_, each in old.items() if type_ not in replaced]
    return kept + [_stamped(each, old.get(each["type"]), tracked, now) for each in wanted]


def _as_it_is(condition: Condition) -> JsonObject:
    """Returns the condition without empty values: the hub refuses an empty time."""
    return {key: value for key, value in to_builtins(condition).items() if value != ""}
