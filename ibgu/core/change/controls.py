"""Annotations that steer a rollout (docs/concepts.md)."""

from collections.abc import Sequence

from ibgu.core.change.allowed import NOTHING_TO_PAUSE, Standing, resumable
from ibgu.core.change.model import Change, Refused, Target
from ibgu.core.model import ReasonKind, StepState
from ibgu.core.works import names


def pause(target: Target, why: str = "") -> Change:
    """Raises Refused where nothing is left to start."""
    if names.PAUSE in target.annotations:
        said = target.annotations[names.PAUSE]
        return Change(f"{target.name} is paused already{f' ({said})' if said else ''}")
    if target.completed:
        raise Refused(f"{target.name} is complete: {NOTHING_TO_PAUSE}")
    value = f"{target.who}: {why}" if why else target.who
    return target.annotate(
        f"{target.name} is paused: nothing new starts, what is in flight goes on to its end",
        {names.PAUSE: value},
    )


def resume(target: Target, standing: Standing | None = None) -> Change:
    """One level at a time: a pause, else what holds behind it (brake, changed payload, restore).

    Without a standing only the object is known.
    """
    if names.PAUSE in target.annotations:
        return target.annotate(_unpaused(target, standing), {names.PAUSE: None})
    if standing is not None and standing.rollout.paused:
        return Change(f"the pause of {target.name} was taken away already{_behind(standing)}")
    return target.annotate(f"{target.name} goes on", {names.RESUME: f"{target.who} {target.stamp}"})


def _unpaused(target: Target, standing: Standing | None) -> str:
    if standing is None:
        return (
            f"{target.name} is no longer paused; if the brake, a changed payload or a restore "
            "holds it too, it stays held: a second resume ends that"
        )
    behind = _behind(standing)
    return f"{target.name} is no longer paused{behind}" if behind else f"{target.name} goes on"


def _behind(standing: Standing) -> str:
    """What else holds it, as far as the journal has seen."""
    step = standing.newest
    running = step is not None and step.state is not StepState.FINISHED
    holds = (standing.rollout.hold, step.hold if step is not None and running else None)
    others = [hold for hold in holds if hold is not None and hold.kind is not ReasonKind.PAUSED]
    if not others:
        return ""
    told = " and ".join(f"{hold.kind}: {hold.message}" for hold in others)
    way = "; a second resume ends that" if any(map(resumable, others)) else ""
    return f", but still held ({told}){way}"


def skip(target: Target, clusters: Sequence[str] | None, step: int | None = None) -> Change:
    """None: all that wait in the step (from 1; None: in the one that is running when it is read).

    The time makes the value a new one, and is ahead of names, of which one could be `waiting`.
    """
    if clusters is None:
        parts = ["waiting", *([] if step is None else [f"step-{step}"]), target.stamp]
    else:
        parts = [target.stamp, *clusters]
    value = ",".join(parts)
    who = "all waiting clusters" if clusters is None else _counted(clusters)
    return target.annotate(
        f"{who} of the running step of {target.name} will be skipped, those that still wait then",
        {names.SKIP: value},
    )


def adopt(target: Target) -> Change:
    return target.annotate(
        f"ibgu takes {target.name} over from TALM", {names.ADOPT: f"{target.who} {target.stamp}"}
    )


def _counted(clusters: Sequence[str]) -> str:
    return clusters[0] if len(clusters) == 1 else f"{len(clusters)} clusters"
