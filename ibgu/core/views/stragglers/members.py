"""Judges whether a cluster is left behind, and which plan may take it on from where its labels are.

The plan is only a proposal: every run still probes the cluster before it acts (R8.1).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers import allowed, declared, table_of, traits
from ibgu.core.model import ActionName, Cause
from ibgu.core.model.actions import ActionTraits
from ibgu.core.views.stragglers.labels import done, unmet
from ibgu.core.views.stragglers.recovery import cleanup_action, needs_cleanup, runs_new_release

Plan = tuple[tuple[ActionName, ...], ...]
"""A plan: the actions of each step."""


class StragglerState(StrEnum):
    GOING = "going"
    """The cluster waits or runs: it is not finished."""
    ENDED = "ended"
    """The cluster's newest step ended without success."""
    ABORTED = "aborted"
    """Aborted to Idle after a failure."""
    NOT_TAKEN = "not taken"
    """Succeeded, but a later step began without it."""


class PlanProgress(Struct, frozen=True):
    """The rollout's plan, and how many of its steps have started. Someone may have written an
    action since that no kind of change has; it never begins."""

    plan: Plan
    started: int

    @property
    def aborts_later(self) -> int | None:
        """Returns the step, from 1, that is still to come and aborts failed clusters."""
        for index in range(self.started, len(self.plan)):
            if _is(self.plan[index][0], lambda action: action.after_failure):
                return index + 1
        return None

    def rest(self, step: int, action: ActionName) -> Plan:
        """Returns the plan from `action` of the step (from 1) on; empty: no valid plan."""
        first = self.plan[step - 1]
        later = (first[first.index(action) :], *self.plan[step:])
        return _legal(_forward(later)) or _legal(((action,),))

    def from_start(self) -> Plan:
        """Returns the plan from the start: the rollout's without aborts, with what begins it."""
        steps = _forward(self.plan)
        start = table_of(steps[0][0]).start if steps and declared(steps[0][0]) else None
        if start is not None and steps[0][0] != start:
            steps = ((start,), *steps)
        return _legal(steps)


def _forward(steps: Plan) -> Plan:
    kept = (tuple(action for action in step if not _is(action, _aborts)) for step in steps)
    return tuple(step for step in kept if step)


def _aborts(action: ActionTraits) -> bool:
    return action.aborts


def _is(action: ActionName, trait: Callable[[ActionTraits], bool]) -> bool:
    return declared(action) and trait(traits(action))


def _legal(steps: Plan) -> Plan:
    return steps if allowed(steps) else ()


class StragglerMember(Struct, frozen=True, kw_only=True):
    """A straggler: the cluster's newest member in the rollout."""

    cluster: str
    step: int
    """Counts from 1."""
    action: ActionName
    """The action that failed; else the current or next one, or the last one that succeeded."""
    finished: bool = True
    provable: bool = True
    """Whether a completed label proves that the cluster has got there since. The label may be older
    than a failure for which nothing was started, and which so has left no label."""
    outcome: str = ""
    kind: str = ""
    """The known failure's name, else cause or reason."""
    cause: str = ""
    words: str = ""
    means: str = ""
    fix: str = ""
    """What to mend or find out, for a known failure."""
    remedy: str = ""
    """The same, with the command that takes the cluster further then."""
    who: str = ""
    """Who must act, for an unfinished cluster."""
    check: str = ""
    """What that person checks, if the reason is overdue."""


class RecoveryWay(StrEnum):
    """The ways on that are no plan of their own (R45)."""

    ROLLBACK = "rollback"
    CLEANUP = "cleanup"


class Straggler(Struct, frozen=True):
    left: StragglerMember
    state: StragglerState
    plan: Plan = ()
    """The plan of a new ImageBasedGroupUpgrade that is possible now; empty: none."""
    note: str = ""
    """Why there is none, or what to consider."""
    way: RecoveryWay | None = None
    """The command that takes it further instead of a plan."""
    cleanup: ActionName | None = None
    """The action that cleans up again, if that is the way."""


def judge(
    left: StragglerMember, course: PlanProgress, labels: Mapping[str, str] | None
) -> Straggler | None:
    """Returns the straggler; None: the cluster is not left behind. `labels`: the ManagedCluster's
    now; None: it is gone."""
    if not left.finished:
        return Straggler(left, StragglerState.GOING)
    if left.outcome == "succeeded":
        return _after_success(left, course, labels)
    if labels is None:
        return Straggler(
            left, StragglerState.ENDED, note="no ManagedCluster of that name is on the hub"
        )
    if _completed_since(left, labels):
        return _aborted(left, course) if traits(left.action).after_failure else None
    if stuck := _stuck(left, labels):
        return stuck
    plan, note = _way_on(left, course, labels)
    return Straggler(left, StragglerState.ENDED, plan, note)


def _completed_since(left: StragglerMember, labels: Mapping[str, str]) -> bool:
    provable = left.provable or traits(left.action).clears_labels
    return provable and done(left.action, labels)


def _stuck(left: StragglerMember, labels: Mapping[str, str]) -> Straggler | None:
    """Returns the straggler, if no plan takes it further."""
    ended = StragglerState.ENDED
    if runs_new_release(left.cause, labels):
        return Straggler(left, ended, way=RecoveryWay.ROLLBACK)
    if not needs_cleanup(left.cause, left.words):
        return None
    again = cleanup_action(left.cause, left.action, labels)
    if again is None:
        return Straggler(left, ended, note="its labels allow neither an abort nor a finalize")
    return Straggler(left, ended, way=RecoveryWay.CLEANUP, cleanup=again)


def _after_success(
    left: StragglerMember, course: PlanProgress, labels: Mapping[str, str] | None
) -> Straggler | None:
    if labels is None:
        return None
    if traits(left.action).after_failure:
        return _aborted(left, course) if done(left.action, labels) else None
    following = _following(left, course)
    if following is None or done(following[1], labels):
        return None
    step, action = following
    if _meets(action, labels):
        return Straggler(left, StragglerState.NOT_TAKEN, course.rest(step, action))
    note = f"{unmet(action, labels)}, so step {step} did not take it"
    return Straggler(left, StragglerState.NOT_TAKEN, note=note)


def _aborted(left: StragglerMember, course: PlanProgress) -> Straggler | None:
    """Returns the aborted straggler; None: the plan only aborts, and has reached its aim."""
    ahead = course.from_start()
    return Straggler(left, StragglerState.ABORTED, ahead) if ahead else None


def _following(left: StragglerMember, course: PlanProgress) -> tuple[int, ActionName] | None:
    """Returns the started step after the member's own that should have taken it, and its first
    action."""
    for index in range(left.step, course.started):
        if not traits(first := course.plan[index][0]).aborts:
            return index + 1, first
    return None


def _way_on(
    left: StragglerMember, course: PlanProgress, labels: Mapping[str, str]
) -> tuple[Plan, str]:
    if left.cause == Cause.TAKEN_OVER:
        return (), "someone works on it by hand: see what they are at first"
    if left.cause == Cause.WRONG_STATE and traits(left.action).aborts:
        return (), f"no {left.action} is possible in its state: `ibgu explain` says what can follow"
    abortable = table_of(left.action).abortable
    if any(label in labels for label in abortable):
        return _back(left, course)
    if _is_rolled_back(left.action, labels):
        return (), "it is rolled back: finalize the rollback first, with `ibgu finalize`"
    if _meets(left.action, labels):
        return course.rest(left.step, left.action), ""
    if traits(left.action).failed_label in abortable:
        return course.from_start(), ""
    return (), f"its labels forbid {left.action}: {unmet(left.action, labels)}"


def _is_rolled_back(action: ActionName, labels: Mapping[str, str]) -> bool:
    """Whether a rollback has to be finalized before the action can start."""
    marks = {
        each.completed_label
        for each in map(traits, table_of(action).names)
        if each.leads_back and not each.clears_labels
    }
    return not marks.isdisjoint(labels) and marks.isdisjoint(traits(action).need.any_of)


def _back(left: StragglerMember, course: PlanProgress) -> tuple[Plan, str]:
    """Returns the plan back to Idle, from where the cluster can begin again."""
    step, action = course.aborts_later, traits(left.action)
    if step is not None:
        return (), f"step {step} of the plan, {course.plan[step - 1][0]}, will take it back to Idle"
    note = ""
    if action.rolls_back:
        note = "where the cluster runs the new release already, it is left as it is"
    abort = table_of(left.action).abort
    assert abort is not None
    return ((abort,),), note


def _meets(action: ActionName, labels: Mapping[str, str]) -> bool:
    return not unmet(action, labels)
