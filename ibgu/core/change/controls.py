"""Annotations that steer a rollout (docs/concepts.md)."""

from collections.abc import Sequence

from ibgu.core.change.model import Change, Target
from ibgu.core.works import names


def pause(target: Target, why: str = "") -> Change:
    if names.PAUSE in target.annotations:
        said = target.annotations[names.PAUSE]
        return Change(f"{target.name} is paused already{f' ({said})' if said else ''}")
    value = f"{target.who}: {why}" if why else target.who
    return target.annotate(
        f"{target.name} is paused: nothing new starts, what is in flight goes on to its end",
        {names.PAUSE: value},
    )


def resume(target: Target) -> Change:
    """Whatever a person may end: a pause, the brake, a changed payload, a restore."""
    marks: dict[str, str | None] = {}
    if names.PAUSE in target.annotations:
        marks[names.PAUSE] = None
    marks[names.RESUME] = f"{target.who} {target.stamp}"
    return target.annotate(f"{target.name} goes on", marks)


def skip(target: Target, clusters: Sequence[str] | None) -> Change:
    """None: all that wait. The time makes the value a new one."""
    value = ",".join([*(["waiting"] if clusters is None else clusters), target.stamp])
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
