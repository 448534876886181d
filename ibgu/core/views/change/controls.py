"""Annotations that steer a rollout (docs/concepts.md)."""

from collections.abc import Mapping, Sequence

from ibgu.core.engine.decide.rollout.skippable import ALL_WAITING, listed
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.model import Reason, ReasonKind, StepState, names
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.counted import counted
from ibgu.core.views.change.allowed import (
    NOTHING_TO_PAUSE,
    RolloutSituation,
    resumable,
    risk_of_resume,
    risk_of_resume_by_status,
)
from ibgu.core.views.change.danger import ADOPT, SKIP
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange


def pause(target: ChangeTarget, why: str = "") -> RequestedChange:
    """Pauses the rollout. Raises ChangeRefused if nothing is left to start."""
    if names.PAUSE in target.annotations:
        said = target.annotations[names.PAUSE]
        return RequestedChange(f"{target.name} is paused already{f' ({said})' if said else ''}")
    if target.completed and not target.tries_again:
        raise ChangeRefused(f"{target.name} is complete: {NOTHING_TO_PAUSE}")
    value = f"{target.who}: {why}" if why else target.who
    return target.annotate(
        f"{target.who} pauses {target.name}: nothing new starts, clusters in flight finish",
        {names.PAUSE: value},
    )


def resume(target: ChangeTarget, situation: RolloutSituation | None = None) -> RequestedChange:
    """Ends one level: a pause, else the hold behind it (circuit breaker, changed payload, restore).

    Without `situation` only the object is known.
    """
    if situation is None:
        risk = risk_of_resume_by_status(target)
    else:
        risk = risk_of_resume(situation, target.actions)
    if names.PAUSE in target.annotations:
        marks = {names.PAUSE: None, names.RESUMED_BY: f"{target.who} {target.stamp}"}
        return target.annotate(_unpaused(target, situation), marks, risk)
    if situation is not None and situation.rollout.paused:
        return RequestedChange(
            f"the pause of {target.name} was removed already{_behind(situation)}"
        )
    marks = {names.RESUME: f"{target.who} {target.stamp}"}
    done = f"{target.name} goes on{_ended(situation) if situation is not None else ''}"
    return target.annotate(done, marks, risk)


def _ended(situation: RolloutSituation) -> str:
    """Returns which hold the resume ends, and what keeps clusters nevertheless."""
    hold = next(filter(resumable, _holds(situation)), None)
    if hold is None:
        return f"{_accepted(situation)}{_kept(situation)}"
    uncounted = "; the failures so far no longer count for this rollout"
    words = f" after the hold ({hold.kind}: {hold.message})"
    counts = GATE_REASONS[hold.kind].counts_failures
    return f"{words}{uncounted if counts else ''}{_kept(situation)}"


def _accepted(situation: RolloutSituation) -> str:
    number = situation.to_accept
    return f"; the warnings of {counted(number, 'cluster')} are accepted" if number else ""


def _kept(situation: RolloutSituation) -> str:
    """Returns which policies still keep clusters of the newest step, as far as the journal has
    seen."""
    kept = situation.kept.items()
    found = [f"{gate} still keeps {counted(number, 'cluster')}" for gate, number in kept]
    return f"; {', '.join(found)}" if found else ""


def _unpaused(target: ChangeTarget, situation: RolloutSituation | None) -> str:
    if situation is None:
        return (
            f"{target.name} is no longer paused; if the circuit breaker, a changed payload "
            "or a restore holds it too, resume it a second time"
        )
    behind = _behind(situation)
    if behind:
        return f"{target.name} is no longer paused{behind}"
    said = target.annotations[names.PAUSE]
    return f"{target.name} goes on after the pause{f' ({said})' if said else ''}{_kept(situation)}"


def _behind(situation: RolloutSituation) -> str:
    """Returns what else holds the rollout, as far as the journal has seen."""
    others = _holds(situation)
    if not others:
        return ""
    reasons = " and ".join(f"{hold.kind}: {hold.message}" for hold in others)
    way = "; resume it again to end that" if any(map(resumable, others)) else ""
    return f", but still held ({reasons}){way}"


def _holds(situation: RolloutSituation) -> list[Reason]:
    """Returns what holds the rollout and its running step, without a pause."""
    step = situation.newest
    running = step is not None and step.state is not StepState.FINISHED
    holds = (situation.rollout.hold, step.hold if step is not None and running else None)
    return [hold for hold in holds if hold is not None and hold.kind is not ReasonKind.PAUSED]


def skip(target: ChangeTarget, step: int | None = None) -> RequestedChange:
    """Skips all waiting clusters of the step (from 1; None: the one that runs when the value is
    read).

    The time makes the value a new one.
    """
    parts = [ALL_WAITING, *([] if step is None else [f"step-{step}"]), target.stamp]
    return _skipping(
        target, f"All waiting clusters of the running step of {target.name}", ",".join(parts)
    )


def skip_named(
    target: ChangeTarget,
    clusters: Sequence[str],
    others: Mapping[str, str] | None = None,
    *,
    if_waiting: bool = False,
) -> RequestedChange:
    """Skips these clusters in the running step.

    `others`: clusters that do not wait, with their state (None: read from the status). The whole
    change is refused for them, unless `if_waiting` leaves them out. The time comes before the
    names, of which one could be `waiting`. Raises ChangeRefused, also if no cluster is named.
    """
    if not clusters:
        raise ChangeRefused(f"no cluster of {target.name} is named: nothing to skip")
    left_out = _by_status(target, clusters) if others is None else others
    chosen = [cluster for cluster in clusters if cluster not in left_out]
    if left_out and not (if_waiting and chosen):
        raise ChangeRefused(_why_nobody(left_out, chosen), "some-wait" if chosen else "not-now")
    but = f"; left out: {listed(left_out)}" if left_out else ""
    who = chosen[0] if len(chosen) == 1 else f"{len(chosen)} clusters"
    return _skipping(target, who, ",".join([target.stamp, *chosen]), but)


def _skipping(target: ChangeTarget, who: str, value: str, but: str = "") -> RequestedChange:
    still = "it still waits" if who in value.split(",") else "they still wait"
    done = f"{who} will be skipped if {still}{but}"
    return target.annotate(done, {names.SKIP: value}, SKIP)


def _why_nobody(left_out: Mapping[str, str], chosen: Sequence[str]) -> str:
    words = f"nothing was skipped, because only waiting clusters can be: {listed(left_out)}"
    waiting = "1 other waits" if len(chosen) == 1 else f"{len(chosen)} others wait"
    return f"{words}; {waiting}" if chosen else words


def _by_status(target: ChangeTarget, clusters: Sequence[str]) -> dict[str, str]:
    """Returns who can't wait by the IBGU's status, which lacks some clusters of a large fleet."""
    entries = {each["name"]: each for each in target.status.get("clusters") or ()}
    states = {cluster: _by_entry(target, entries.get(cluster)) for cluster in clusters}
    return {cluster: words for cluster, words in states.items() if words}


def _by_entry(target: ChangeTarget, entry: JsonObject | None) -> str:
    """Returns the cluster's state; empty: it may wait."""
    if entry is None:
        return "in no step" if target.lists_all_clusters else ""
    running = entry.get("currentAction")
    return f"in flight ({running['action']})" if running else ""


def adopt(target: ChangeTarget) -> RequestedChange:
    marks = {names.ADOPT: f"{target.who} {target.stamp}"}
    return target.annotate(f"ibgu takes {target.name} over from TALM", marks, ADOPT)
