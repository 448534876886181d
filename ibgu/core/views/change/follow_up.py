"""Cancels, rolls back or finalizes clusters of a rollout: as the plan's next step where the plan
allows one that starts at once, else by a second IBGU for these clusters alone (decision 67)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import InFlight
from ibgu.core.model.actions import Risk
from ibgu.core.model.names import MANUAL_CLEANUP_DONE, NAME_LABEL
from ibgu.core.text.counted import counted
from ibgu.core.text.natural import natural_key
from ibgu.core.views.change.danger import risk_of
from ibgu.core.views.change.fitness import (
    CancelScope,
    RolloutCluster,
    UnfitCluster,
    unfit_to_cancel,
    unfit_to_clean_up,
    unfit_to_finalize,
    unfit_to_roll_back,
)
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.plan import NewStep, append, appendable, drawn
from ibgu.core.views.change.second import kubectl_create, second, some, with_bounds
from ibgu.core.views.stragglers.recovery import cleanup_action

Judge = Callable[[RolloutCluster], UnfitCluster | None]


class FollowUpRequest(Struct, frozen=True):
    """A person's request, whichever of the changes it is for."""

    named: bool = False
    """The clusters were named, so one that does not fit refuses all of them (R42.1)."""
    narrowed: bool = False
    """Whether some clusters of the rollout are meant, and not all."""
    idle: bool = False
    """The rollout is complete and nothing holds it: an appended step starts at once."""
    max_concurrency: int | None = None
    timeout: int | None = None
    """Minutes."""
    starts: str = "starts at once"
    """When a second object starts its clusters, as a verb; a preview of it tells."""


class FollowUp(Struct, frozen=True):
    """A change, and who carries it out for whom."""

    change: RequestedChange
    rollout: str
    """The rollout to watch: the same one, or the new one."""
    step: NewStep
    clusters: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    again: bool = False
    """The same request goes on when the rollout is over."""

    def takes_other_clusters(self, selected: Collection[str]) -> bool:
        """Whether it is a next step that would take other clusters; `selected`: those that the
        rollout's selectors match for this step now, which may have come later."""
        return self.change.create is None and {*selected} != {*self.clusters}

    def require_own(self, selected: Collection[str]) -> None:
        """Raises ChangeRefused if a second object would take other clusters, which carry the name
        of one of its own as their label; `selected`: those that it selects."""
        if others := sorted({*selected} - {*self.clusters}, key=natural_key):
            raise ChangeRefused(
                f"{some(others)} would be taken, too: the label {NAME_LABEL} of "
                f"{'that cluster' if len(others) == 1 else 'these clusters'} has the name of "
                "another one; correct it, then repeat"
            )


def cancel(
    target: ChangeTarget,
    found: Sequence[RolloutCluster],
    asked: FollowUpRequest,
    which: CancelScope = CancelScope.ALL,
) -> FollowUp:
    """Takes clusters that are not upgraded back to Idle. Raises ChangeRefused."""
    action = Action.ABORT_ON_FAILURE if which is CancelScope.FAILED else Action.ABORT
    narrowed = asked.narrowed or which is CancelScope.WAITING
    return _follow_up(
        target,
        found,
        replace(asked, narrowed=narrowed),
        _Verb("cancel", (action,), lambda each: unfit_to_cancel(each, which)),
    )


def roll_back(
    target: ChangeTarget,
    found: Sequence[RolloutCluster],
    asked: FollowUpRequest,
    *,
    finalize: bool = False,
    failed: bool = False,
) -> FollowUp:
    """Takes upgraded clusters back to the release from before, or those whose Upgrade has `failed`
    on the new release; `finalize`: for good. Raises ChangeRefused."""
    verb = _Verb(
        "rollback",
        (Action.ROLLBACK, Action.FINALIZE_ROLLBACK) if finalize else (Action.ROLLBACK,),
        partial(unfit_to_roll_back, failed=failed),
        selects=Action.UPGRADE.failed_label if failed else "",
    )
    return _follow_up(target, found, replace(asked, narrowed=asked.narrowed or failed), verb)


def confirm_cleanup(
    target: ChangeTarget,
    found: Sequence[RolloutCluster],
    asked: FollowUpRequest,
    reason: str,
    action: Action | None = None,
) -> FollowUp:
    """Runs aborts or finalizes again that failed to clean up, where someone has cleaned up by
    hand; `reason`: what they did. Raises ChangeRefused, also where it would take several actions:
    each is confirmed on its own."""
    actions = _cleanups(found, action)
    if len(actions) > 1 and not asked.named:
        counts = ", ".join(
            f"{counted(number, 'cluster')} {each}" for each, number in actions.items()
        )
        raise ChangeRefused(f"nothing was done: {counts} again; confirm each action on its own")
    again = action or next(iter(actions), Action.ABORT)
    verb = _Verb(
        "cleanup",
        (again,),
        lambda each: unfit_to_clean_up(each, again),
        annotations={MANUAL_CLEANUP_DONE: f"{target.who} {target.stamp}: {reason}"},
        states=f"{target.who} confirms a manual cleanup there: {reason}. ",
    )
    return _follow_up(target, found, replace(asked, narrowed=True), verb)


def _cleanups(found: Sequence[RolloutCluster], action: Action | None) -> Counter[Action]:
    """Returns the actions that run again, with the number of clusters."""
    fit = (each for each in found if unfit_to_clean_up(each, action) is None)
    members = ((each.member, each.labels or {}) for each in fit)
    actions = (cleanup_action(each.cause, each.failed_action, labels) for each, labels in members)
    return Counter(each for each in actions if each)


def finalize(
    target: ChangeTarget, found: Sequence[RolloutCluster], asked: FollowUpRequest
) -> FollowUp:
    """Ends upgrades, or rollbacks if the rollout rolls back. Raises ChangeRefused."""
    action = finalizing(target.actions)
    if not asked.idle and not asked.narrowed and any(action in step for step in target.actions):
        raise ChangeRefused(f"the plan {drawn(target.actions)} has {action} already")
    verb = _Verb("finalize", (action,), lambda each: unfit_to_finalize(each, action))
    return _follow_up(target, found, asked, verb)


def finalizing(plan: Sequence[Sequence[str]]) -> Action:
    """Returns the action that finalizes what the plan does."""
    back = {Action.ROLLBACK, Action.FINALIZE_ROLLBACK}
    rolls_back = any(action in back for step in plan for action in step)
    return Action.FINALIZE_ROLLBACK if rolls_back else Action.FINALIZE_UPGRADE


class _Verb(Struct, frozen=True):
    word: str
    actions: tuple[Action, ...]
    judge: Judge
    selects: str = ""
    """A label that the second IBGU's selector asks for, too."""
    annotations: Mapping[str, str] = {}
    """More annotations of the second IBGU."""
    states: str = ""
    """What the person states with the change, as a sentence."""


def _follow_up(
    target: ChangeTarget, found: Sequence[RolloutCluster], asked: FollowUpRequest, verb: _Verb
) -> FollowUp:
    judged = [(each, verb.judge(each)) for each in found]
    unfit = [(each, why) for each, why in judged if why is not None]
    chosen = [each for each, why in judged if why is None]
    if not chosen or (asked.named and unfit):
        raise ChangeRefused(_why_nobody(target, verb, asked, unfit, len(chosen)))
    step = NewStep(verb.actions, asked.max_concurrency, asked.timeout)
    # A next step takes no cluster from another rollout, in which it would begin again later.
    cancels = traits(verb.actions[0]).cancels
    waits_elsewhere = cancels and any(each.waits_in for each in chosen)
    alone = asked.narrowed or waits_elsewhere or any(why.elsewhere for _, why in unfit)
    next_step = (
        asked.idle and not alone and verb.actions in appendable(target.actions, target.table)
    )
    change, rollout = (
        _appended(target, step) if next_step else _created(target, verb, step, chosen, asked.starts)
    )
    rest = _skip_messages([(each, why) for each, why in unfit if not why.expected])
    whom = f"{' and '.join(verb.actions)} for {counted(len(chosen), 'cluster')} of {target.name}"
    done = f"{whom}, {change.done}{rest and f'; left out: {rest}'}"
    return FollowUp(
        change=replace(change, done=done, risk=_risk(verb)),
        rollout=rollout,
        step=step,
        clusters=tuple(each.name for each in chosen),
        warnings=tuple(_warnings(chosen, cancels=cancels)),
    )


def _risk(verb: _Verb) -> Risk:
    risk = risk_of(verb.actions)
    return replace(risk, lost=f"{verb.states}{risk.lost}")


def _appended(target: ChangeTarget, step: NewStep) -> tuple[RequestedChange, str]:
    change = append(target, step, idle=True)
    return replace(change, done=f"as the next step of its plan: {change.done}"), target.name


def _created(
    target: ChangeTarget,
    verb: _Verb,
    step: NewStep,
    chosen: Sequence[RolloutCluster],
    starts: str,
) -> tuple[RequestedChange, str]:
    labels = {each.name: each.labels or {} for each in chosen}
    body = second(target, verb.word, labels, (verb.actions,))
    body = with_bounds(body, step.max_concurrency, step.timeout)
    if verb.selects:
        asks = {"key": verb.selects, "operator": "Exists"}
        body["spec"]["clusterLabelSelectors"][0]["matchExpressions"].append(asks)
    if verb.annotations:
        body["metadata"]["annotations"] = {
            **body["metadata"].get("annotations", {}),
            **verb.annotations,
        }
    name = str(body["metadata"]["name"])
    done = f"by the new rollout {name}, which {starts}"
    return RequestedChange(done, kubectl_create(body), create=body), name


def _why_nobody(
    target: ChangeTarget,
    verb: _Verb,
    asked: FollowUpRequest,
    unfit: Sequence[tuple[RolloutCluster, UnfitCluster]],
    fit: int,
) -> str:
    if not unfit:
        return f"{target.name} has no such cluster: nothing to {_WORDS[verb.word]}"
    listed = sorted(unfit, key=lambda pair: pair[1].expected and not asked.named)
    words = f"nothing of {target.name} to {_WORDS[verb.word]}" if not fit else "nothing was done"
    others = f"; {counted(fit, 'cluster')} could be: name those alone" if fit else ""
    return f"{words}: {_skip_messages(listed)}{others}"


_WORDS = {
    "cancel": "cancel",
    "rollback": "roll back",
    "finalize": "finalize",
    "cleanup": "clean up again",
}


def _skip_messages(unfit: Sequence[tuple[RolloutCluster, UnfitCluster]]) -> str:
    by_why: dict[str, list[str]] = {}
    for each, judged in unfit:
        by_why.setdefault(judged.why, []).append(each.name)
    return ", ".join(f"{some(names)} ({why})" for why, names in by_why.items())


def _warnings(chosen: Sequence[RolloutCluster], *, cancels: bool) -> Iterator[str]:
    """`cancels`: whether the follow-up takes the clusters over from all older rollouts."""
    upgrading = [
        each.name
        for each in chosen
        if isinstance(each.member, InFlight) and each.member.run.action == Action.UPGRADE
    ]
    if upgrading:
        yield (
            f"Upgrade is under way on {some(upgrading)}: a cluster that has restarted already "
            "can't be cancelled. Its Upgrade goes on, and you can roll it back when that is done"
        )
    others = sorted({each.waits_in for each in chosen if each.waits_in})
    if others and cancels:
        also = [each.name for each in chosen if each.waits_in]
        yield f"{some(also)} also wait in {', '.join(others)}, which is cancelled there, too"
