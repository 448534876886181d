"""Is a cluster left behind, and which plan may take it from where its labels say that it is?

The plan is only proposed: whatever a person makes of it, every run still looks at the cluster
before it acts (R8.1).
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import LABEL_PREFIX, NEEDS, Action, Cause
from ibgu.core.plan import allowed

Plan = tuple[tuple[Action, ...], ...]
"""The actions of each step."""

_FAILED_LABELS = NEEDS[Action.ABORT_ON_FAILURE].any_of
_FORWARD = frozenset(Action) - {Action.ABORT, Action.ABORT_ON_FAILURE}


class Standing(StrEnum):
    GOING = "going"
    """Not finished: it waits or runs."""
    ENDED = "ended"
    """Its newest step ended without success."""
    ABORTED = "aborted"
    """Taken back to Idle after a failure."""
    NOT_TAKEN = "not taken"
    """It succeeded, and a later step began without it."""


class Course(Struct, frozen=True):
    """The rollout's plan, and how much of it has started."""

    plan: Plan
    started: int

    @property
    def aborts_later(self) -> int | None:
        """The step, from 1, that is still to come and takes failed clusters back."""
        for index in range(self.started, len(self.plan)):
            if self.plan[index] == (Action.ABORT_ON_FAILURE,):
                return index + 1
        return None

    def rest(self, step: int, action: Action) -> Plan:
        """What leads further from `action` of the step (from 1) on; empty: no legal plan."""
        first = self.plan[step - 1]
        later = (first[first.index(action) :], *self.plan[step:])
        return _legal(_forward(later)) or _legal(((action,),))

    def anew(self) -> Plan:
        """The way from Idle on: what it does without the aborts, and Prep before it."""
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
    """The newest member that a cluster was in the rollout."""

    cluster: str
    step: int
    """From 1."""
    action: Action
    """That failed; else the current one or the next, or the last one that succeeded."""
    finished: bool = True
    outcome: str = ""
    kind: str = ""
    """The failure's name where it is known, else cause or reason."""
    cause: str = ""
    words: str = ""
    means: str = ""
    remedy: str = ""
    who: str = ""
    """Who must act, for those that are not finished."""
    check: str = ""
    """What that person checks, where it lasts longer than usual."""


class Straggler(Struct, frozen=True):
    left: Left
    standing: Standing
    plan: Plan = ()
    """What a new ImageBasedGroupUpgrade may do with it now; empty: nothing."""
    note: str = ""
    """Why nothing, or what is to be known."""


def judge(left: Left, course: Course, labels: Mapping[str, str] | None) -> Straggler | None:
    """None: it is not left behind. `labels`: of the ManagedCluster now; None: there is none."""
    if not left.finished:
        return Straggler(left, Standing.GOING)
    if left.outcome == "succeeded":
        return _after_success(left, course, labels)
    if labels is None:
        return Straggler(left, Standing.ENDED, note="no ManagedCluster of that name is on the hub")
    if done(left.action, labels):
        aborted = left.action is Action.ABORT_ON_FAILURE
        return _aborted(left, course) if aborted else None
    plan, note = _way_on(left, course, labels)
    return Straggler(left, Standing.ENDED, plan, note)


def _after_success(
    left: Left, course: Course, labels: Mapping[str, str] | None
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
        return Straggler(left, Standing.NOT_TAKEN, course.rest(step, action))
    note = f"{unmet(action, labels)}, so step {step} did not take it"
    return Straggler(left, Standing.NOT_TAKEN, note=note)


def _aborted(left: Left, course: Course) -> Straggler | None:
    """A plan that only aborts has reached its aim."""
    ahead = course.anew()
    return Straggler(left, Standing.ABORTED, ahead) if ahead else None


def _following(left: Left, course: Course) -> tuple[int, Action] | None:
    """The started step after the member's own that should have taken it, and its first action."""
    for index in range(left.step, course.started):
        if (first := course.plan[index][0]) in _FORWARD:
            return index + 1, first
    return None


def _way_on(left: Left, course: Course, labels: Mapping[str, str]) -> tuple[Plan, str]:
    if left.cause == Cause.TAKEN_OVER:
        return (), "somebody works on it by hand: see what they are at first"
    if any(label in labels for label in _FAILED_LABELS):
        return _back(left, course)
    if _meets(left.action, labels):
        return course.rest(left.step, left.action), ""
    if left.action is Action.UPGRADE:
        return course.anew(), ""
    return (), f"its labels forbid {left.action}: {unmet(left.action, labels)}"


def _back(left: Left, course: Course) -> tuple[Plan, str]:
    """To Idle, from where it can begin anew."""
    step = course.aborts_later
    if step is not None:
        return (), f"step {step} of the plan, {Action.ABORT_ON_FAILURE}, will take it back to Idle"
    note = ""
    if left.action is Action.UPGRADE:
        note = "where the cluster runs the new release already, it is left as it is"
    return ((Action.ABORT_ON_FAILURE,),), note


def done(action: Action, labels: Mapping[str, str]) -> bool:
    """It has come true since: late, by hand or by another rollout."""
    if action.clears_labels:
        return not any(label.startswith(LABEL_PREFIX) for label in labels)
    done = action.completed_label in labels and action.failed_label not in labels
    later = Action.UPGRADE.completed_label in labels
    return done or (action is Action.PREP and later)


def _meets(action: Action, labels: Mapping[str, str]) -> bool:
    return not unmet(action, labels)


def unmet(action: Action, labels: Mapping[str, str]) -> str:
    """What `action` needs and the labels do not give; empty: nothing."""
    need = NEEDS[action]
    if need.any_of and not any(label in labels for label in need.any_of):
        return f"the label {' or '.join(need.any_of)} is missing"
    held = next((label for label in need.none_of if label in labels), "")
    return held and f"the label {held} is there"
