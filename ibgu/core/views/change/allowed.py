"""Decides which changes a rollout's state allows, and why not the others: the text of disabled
buttons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import RESUMABLE
from ibgu.core.model import ActionName, ActionTable, Reason, Rollout, Step, StepState
from ibgu.core.model.actions import Danger, Risk
from ibgu.core.model.grants import point_words
from ibgu.core.plan.approvers import missing_approvers
from ibgu.core.text.counted import counted
from ibgu.core.views.change.danger import (
    ADOPT,
    SKIP,
    danger_of,
    rank_of,
    risk_of,
    risk_of_approval,
    risk_of_going_on,
)
from ibgu.core.views.change.fitness import UpgradeLabels, may_finalize, may_roll_back
from ibgu.core.views.change.follow_up import finalizing
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget
from ibgu.core.views.change.plan import appendable, drawn
from ibgu.core.views.change.policies_asked import (
    Policies,
    approvals_asked,
    points_of,
    specs_within,
)
from ibgu.core.views.change.retry_follow_up import risk_of_retry
from ibgu.core.views.policy_words import policy_of
from ibgu.core.views.status import complete, hold_of

NOTHING_TO_PAUSE = "there is nothing left to start"


class RolloutSituation(Struct, frozen=True):
    rollout: Rollout
    table: ActionTable
    """The actions of the rollout's kind."""
    newest: Step | None
    waiting: int
    """Waiting members of the newest step."""
    failed: int
    """Failed members of all steps."""
    to_accept: int = 0
    """Members of the newest step that wait until a person accepts their reason, such as a
    warning."""
    uncleaned: int = 0
    """Clusters on which someone has to clean up by hand (R45.2)."""
    approvals: tuple[str, ...] = ()
    """What members of the newest step wait to be approved, as an approval's `before`."""
    ahead: tuple[tuple[int, str], ...] = ()
    """What policies ask people to approve of the step that runs and of the next one, whether
    clusters wait for it or not: the step's index, and an approval's `before`."""
    kept: Mapping[str, int] = {}
    """How many members of the newest step each gate of a policy keeps, by its name."""
    upgrade_labels: frozenset[UpgradeLabels] | None = None
    """What the labels of its clusters say of upgrades; None: it is not known of all."""
    planned: int = 0
    """Attempts that policies will make after the end of the plan (R50.20)."""


class AwaitedApproval(Struct, frozen=True):
    """AwaitedApproval is what a person may approve, as clusters wait for it or will."""

    step: int
    """The number of the step, from 1."""
    before: str
    """See RolloutApprovalSpec."""
    danger: Danger
    """That of what may start then."""
    ahead: bool = False
    """Whether no cluster waits for it yet."""

    @property
    def what(self) -> str:
        return point_words(self.step, self.before)


class Permit(Struct, frozen=True):
    name: str
    why: str = ""
    """Why the change is not allowed; empty: it is."""
    plans: tuple[tuple[ActionName, ...], ...] = ()
    """The plans that append-step allows: the steps of which one may come next, the least dangerous
    first."""
    approvals: tuple[AwaitedApproval, ...] = ()
    """What may be approved, if the change is to approve: what clusters wait for comes first."""
    danger: Danger = Danger.REVERSIBLE
    """That of the change itself; a new step has that of its actions, an approval its own."""

    @property
    def allowed(self) -> bool:
        return not self.why


def permits(situation: RolloutSituation) -> list[Permit]:
    """Returns all changes, the least dangerous first."""
    plan = [item.actions for item in situation.rollout.spec.plan]
    table = situation.table
    next_steps = tuple(sorted(appendable(plan, table), key=danger_of))
    nothing = "" if next_steps else f"nothing may follow {drawn(plan)}"
    if table.no_follow_ups:
        retry, *others = [Permit(name, table.no_follow_ups) for name in FOLLOW_UPS]
    else:
        retry, *others = _follow_ups(situation, plan)
    found = [
        Permit("pause", _pause(situation)),
        _resume(situation, plan),
        Permit("approve", _approve(situation), approvals=tuple(_awaited(situation))),
        retry,
        Permit("append-step", nothing, next_steps),
        Permit("adopt", _adopt(situation), danger=ADOPT.danger),
        Permit("skip", _skip(situation), danger=SKIP.danger),
        *others,
    ]
    if situation.rollout.deleted_at is None:
        return sorted(found, key=lambda permit: rank_of(permit.danger))
    return [Permit(each.name, _deleted(situation.rollout)) for each in found]


def require_on_hub(rollout: Rollout) -> None:
    """Raises ChangeRefused if the rollout was deleted."""
    if rollout.deleted_at is not None:
        raise ChangeRefused(_deleted(rollout))


def _deleted(rollout: Rollout) -> str:
    return f"the {rollout.kind} was deleted"


FOLLOW_UPS = ("retry", "finalize", "cancel", "rollback", "confirm-cleanup")
"""The changes that make a second object."""


def _follow_ups(situation: RolloutSituation, plan: Sequence[Sequence[str]]) -> list[Permit]:
    table = situation.table
    back, rollback = filter(None, [table.abort_all]), filter(None, [table.rollback])
    aborts = risk_of(back).danger
    return [
        _retry(situation, plan),
        _finalize(situation, finalizing(plan)),
        Permit("cancel", _begun(situation), danger=aborts),
        Permit("rollback", _roll_back(situation), danger=risk_of(rollback).danger),
        Permit("confirm-cleanup", _uncleaned(situation), danger=aborts),
    ]


def denied(found: Iterable[Permit], why: Mapping[str, str]) -> list[Permit]:
    """Returns the permits with those in `why` denied, by name; the others stay as they are."""
    return [replace(each, why=why.get(each.name) or each.why) for each in found]


def _pause(situation: RolloutSituation) -> str:
    if situation.rollout.paused:
        return "it is paused already"
    over = complete(situation.rollout, situation.newest) and not situation.planned
    return f"it is complete: {NOTHING_TO_PAUSE}" if over else ""


def _resume(situation: RolloutSituation, plan: Sequence[Sequence[str]]) -> Permit:
    if why := _why_no_resume(situation):
        return Permit("resume", why)
    return Permit("resume", danger=risk_of_resume(situation, plan).danger)


def _why_no_resume(situation: RolloutSituation) -> str:
    """Returns why a resume is not possible; a step's hold may be hidden by that of the rollout."""
    hold = hold_of(situation.rollout, situation.newest)
    if hold is None:
        return "" if situation.to_accept else _not_held(situation)
    if resumable(hold) or (situation.newest is not None and resumable(situation.newest.hold)):
        return ""
    return f"a resume does not end this hold: {hold.message}"


def _not_held(situation: RolloutSituation) -> str:
    """Returns that a resume would end nothing, and what to do about clusters that policies keep."""
    rollout, newest = situation.rollout, situation.newest
    nothing = f"nothing of {rollout.name} is held"
    if newest is None or not situation.kept:
        return nothing
    kept = situation.kept.items()
    gates = ", ".join(f"{gate} keeps {counted(number, 'cluster')}" for gate, number in kept)
    where = f"{rollout.name} -n {rollout.namespace}"
    approve = f"ibgu approve {where} --step {newest.index + 1} --before"
    policies = filter(None, map(policy_of, situation.kept))
    ways = [f"`{approve} {each}`" for each in situation.approvals]
    ways = ways or [f"`ibgu policy explain {each}`" for each in policies]
    way = f"; {' and '.join(ways)}" if ways else ""
    return f"{nothing} but by policies, which a resume does not end: {gates}{way}"


def resumable(hold: Reason | None) -> bool:
    return hold is not None and hold.kind in RESUMABLE


def _approve(situation: RolloutSituation) -> str:
    asked = situation.approvals or situation.ahead
    return "" if asked else "no cluster waits for an approval, and no policy asks for one"


def _awaited(situation: RolloutSituation) -> Iterator[AwaitedApproval]:
    """Yields what clusters of the newest step wait for, then what they will."""
    newest = situation.newest
    waiting = [] if newest is None else [(newest.index, each) for each in situation.approvals]
    plan = [item.actions for item in situation.rollout.spec.plan]
    for step, before in dict.fromkeys([*waiting, *situation.ahead]):
        own = newest is not None and step == newest.index
        actions = newest.actions if newest is not None and own else plan[step]
        danger = risk_of_approval(before, actions).danger
        yield AwaitedApproval(step + 1, before, danger, (step, before) not in waiting)


def approvals_ahead(
    rollout: Rollout, newest: Step | None, policies: Policies, now: datetime
) -> tuple[tuple[int, str], ...]:
    """Returns what policies in force ask people to approve of the step that runs and of the next
    one, without what enough people have approved. A policy that selects rollouts by their labels is
    left out: the journal does not know these."""
    specs = specs_within(policies, rollout.namespace)
    runs = newest is not None and newest.state is not StepState.FINISHED
    first = 0 if newest is None else newest.index + (not runs)
    plan = [item.actions for item in rollout.spec.plan]
    return tuple(
        (index, before)
        for index, actions in enumerate(plan)
        if first <= index <= first + runs
        for before in points_of(specs, actions)
        if missing_approvers(
            approvals_asked(specs, actions, before), rollout.grants, index, before, now
        )
    )


def risk_of_resume(situation: RolloutSituation, plan: Sequence[Sequence[str]]) -> Risk:
    """Returns the risk of the step that goes on at once, or opens then. `plan`: that of the object,
    which the journal may not have read yet."""
    newest = situation.newest
    if newest is not None and newest.state is not StepState.FINISHED:
        return _going_on(newest.actions)
    index = newest.index + 1 if newest else 0
    return _going_on([action for step in plan[index : index + 1] for action in step])


def risk_of_resume_by_status(target: ChangeTarget) -> Risk:
    """Returns the same by the object alone: its status names the step. Before it does, any step of
    the plan may be the next."""
    if target.completed:
        return Risk()
    index = target.current
    plan = target.actions if index is None else target.actions[index : index + 1]
    return _going_on([action for step in plan for action in step])


def _going_on(actions: Iterable[str]) -> Risk:
    return risk_of_going_on("The rollout goes on with", actions)


def _retry(situation: RolloutSituation, plan: Sequence[Sequence[str]]) -> Permit:
    """Returns the permit to retry: the plan runs again without its aborts. An abort that failed
    itself runs once more; the person who appended it has confirmed that."""
    if not situation.failed:
        return Permit("retry", "no cluster has failed")
    return Permit("retry", danger=risk_of_retry(plan).danger)


def _skip(situation: RolloutSituation) -> str:
    newest = situation.newest
    if newest is None or newest.state is not StepState.RUNNING:
        return "no step is running"
    return "" if situation.waiting else "no cluster waits in the running step"


def _begun(situation: RolloutSituation) -> str:
    """Returns why no cluster can be finalized, cancelled or rolled back; a request says of each
    cluster whether it can, by its labels."""
    return "" if situation.newest else "it has no clusters yet: to stop it, delete it"


def _finalize(situation: RolloutSituation, action: Action) -> Permit:
    danger = risk_of([action]).danger
    if why := _begun(situation):
        return Permit("finalize", why, danger=danger)
    found = situation.upgrade_labels
    fit = found is None or any(may_finalize(each, action) for each in found)
    state = "rolled back" if action == Action.FINALIZE_ROLLBACK else "upgraded"
    return Permit("finalize", "" if fit else _in_no_cluster(state), danger=danger)


def _roll_back(situation: RolloutSituation) -> str:
    if why := _begun(situation):
        return why
    found = situation.upgrade_labels
    return "" if found is None or any(map(may_roll_back, found)) else _in_no_cluster("upgraded")


def _in_no_cluster(state: str) -> str:
    return f"none of its clusters is {state} and not finalized"


def _uncleaned(situation: RolloutSituation) -> str:
    return "" if situation.uncleaned else "no abort or finalize has failed to clean up"


def _adopt(situation: RolloutSituation) -> str:
    if situation.rollout.awaits_adoption:
        return ""
    return "TALM left nothing unfinished; there is nothing to adopt"
