"""Judges whether a cluster is left behind, and which plan may take it on from where its labels are.

The plan is only a proposal: every run still probes the cluster before it acts (R8.1).
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import LABEL_PREFIX, NEEDS, Action, Cause
from ibgu.core.plan import allowed

Plan = tuple[tuple[Action, ...], ...]
"""A plan: the actions of each step."""

_FAILED_LABELS = NEEDS[Action.ABORT_ON_FAILURE].any_of
_FORWARD = frozenset(Action) - {Action.ABORT, Action.ABORT_ON_FAILURE}


class StragglerState(StrEnum):
    GOING = "going"
    """Not finished: the cluster waits or runs."""
    ENDED = "ended"
    """Its newest step ended without success."""
    ABORTED = "aborted"
    """Aborted to Idle after a failure."""
    NOT_TAKEN = "not taken"
    """Succeeded, but a later step began without it."""


class PlanProgress(Struct, frozen=True):
    """The rollout's plan, and how many of its steps have started."""

    plan: Plan
    started: int

    @property
    def aborts_later(self) -> int | None:
        """Returns the step, from 1, that is still to come and aborts failed clusters."""
        for index in range(self.started, len(self.plan)):
            if self.plan[index] == (Action.ABORT_ON_FAILURE,):
                return index + 1
        return None

    def rest(self, step: int, action: Action) -> Plan:
        """Returns the plan from `action` of the step (from 1) on; empty: no valid plan."""
        first = self.plan[step - 1]
        later = (first[first.index(action) :], *self.plan[step:])
        return _legal(_forward(later)) or _legal(((action,),))

    def anew(self) -> Plan:
        """Returns the plan from Idle on: the rollout's without aborts, with Prep before it."""
        steps = _forward(self.plan)
        if steps and steps[0][0] is not Action.PREP:
            steps = ((Action.PREP,), *steps)
        return _legal(steps)


def _forward(steps: Plan) -> Plan:
    kept = (tuple(action for action in step if action in _FORWARD) for step in steps)
    return tuple(step for step in kept if step)


def _legal(steps: Plan) -> Plan:
    return steps if allowed(steps) else ()


class Left(Struct, frozen=True, kw_only=True):
    """A straggler: the cluster's newest member in the rollout."""

    cluster: str
    step: int
    """From 1."""
    action: Action
    """The action that failed; else the current or next one, or the last one that succeeded."""
    finished: bool = True
    outcome: str = ""
    kind: str = ""
    """The known failure's name, else cause or reason."""
    cause: str = ""
    words: str = ""
    means: str = ""
    remedy: str = ""
    who: str = ""
    """Who must act, for an unfinished cluster."""
    check: str = ""
    """What that person checks, if the reason is overdue."""


class Straggler(Struct, frozen=True):
    left: Left
    state: StragglerState
    plan: Plan = ()
    """The plan of a new ImageBasedGroupUpgrade that is possible now; empty: none."""
    note: str = ""
    """Why there is none, or what to consider."""


def judge(left: Left, course: PlanProgress, labels: Mapping[str, str] | None) -> Straggler | None:
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
    if done(left.action, labels):
        aborted = left.action is Action.ABORT_ON_FAILURE
        return _aborted(left, course) if aborted else None
    plan, note = _way_on(left, course, labels)
    return Straggler(left, StragglerState.ENDED, plan, note)


def _after_success(
    left: Left, course: PlanProgress, labels: Mapping[str, str] | None
) -> Straggler | None:
    if labels is None:
        return None
    if left.action is Action.ABORT_ON_FAILURE:
        return _aborted(left, course) if done(left.action, labels) else None
    following = _following(left, course)
    if following is None or done(following[1], labels):
        return None
    step, action = following
    if _meets(action, labels):
        return Straggler(left, StragglerState.NOT_TAKEN, course.rest(step, action))
    note = f"{unmet(action, labels)}, so step {step} did not take it"
    return Straggler(left, StragglerState.NOT_TAKEN, note=note)


def _aborted(left: Left, course: PlanProgress) -> Straggler | None:
    """Returns the aborted straggler; None: the plan only aborts, and has reached its aim."""
    ahead = course.anew()
    return Straggler(left, StragglerState.ABORTED, ahead) if ahead else None


def _following(left: Left, course: PlanProgress) -> tuple[int, Action] | None:
    """Returns the started step after the member's own that should have taken it, and its first
    action."""
    for index in range(left.step, course.started):
        if (first := course.plan[index][0]) in _FORWARD:
            return index + 1, first
    return None


def _way_on(left: Left, course: PlanProgress, labels: Mapping[str, str]) -> tuple[Plan, str]:
    if left.cause == Cause.TAKEN_OVER:
        return (), "somebody works on it by hand: see what they are at first"
    if any(label in labels for label in _FAILED_LABELS):
        return _back(left, course)
    if _meets(left.action, labels):
        return course.rest(left.step, left.action), ""
    if left.action is Action.UPGRADE:
        return course.anew(), ""
    return (), f"its labels forbid {left.action}: {unmet(left.action, labels)}"


def _back(left: Left, course: PlanProgress) -> tuple[Plan, str]:
    """Returns the plan back to Idle, from where the cluster can begin again."""
    step = course.aborts_later
    if step is not None:
        return (), f"step {step} of the plan, {Action.ABORT_ON_FAILURE}, will take it back to Idle"
    note = ""
    if left.action is Action.UPGRADE:
        note = "where the cluster runs the new release already, it is left as it is"
    return ((Action.ABORT_ON_FAILURE,),), note


def done(action: Action, labels: Mapping[str, str]) -> bool:
    """Whether the cluster has got there since: late, by hand or by another rollout."""
    if action.clears_labels:
        return not any(label.startswith(LABEL_PREFIX) for label in labels)
    done = action.completed_label in labels and action.failed_label not in labels
    if action is Action.PREP:
        later = Action.UPGRADE.completed_label in labels
        return (done or later) and Action.UPGRADE.failed_label not in labels
    return done


def _meets(action: Action, labels: Mapping[str, str]) -> bool:
    return not unmet(action, labels)


def unmet(action: Action, labels: Mapping[str, str]) -> str:
    """Returns the label needs of `action` that are not met; empty: none."""
    need = NEEDS[action]
    if need.any_of and not any(label in labels for label in need.any_of):
        return f"the label {' or '.join(need.any_of)} is missing"
    held = next((label for label in need.none_of if label in labels), "")
    return held and f"the label {held} is there"
