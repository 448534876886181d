"""A person's wishes: control annotations on the IBGU, acted on once per value (R22)."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ibgu.core.decide.adopting import adopt
from ibgu.core.decide.braking import kept, let_go
from ibgu.core.decide.ending import finish
from ibgu.core.decide.steps import start_clock
from ibgu.core.decide.turn import MOST, Turn
from ibgu.core.decide.words import count
from ibgu.core.fleet import TrackedStep
from ibgu.core.gates import LASTING
from ibgu.core.model import Cause, Kind, Member, MemberState, Outcome, ReasonKind
from ibgu.core.pacing import pacing_of
from ibgu.core.skippable import ALL_WAITING, listed, named, not_waiting
from ibgu.core.snapshot import UNNAMED
from ibgu.core.works import names


class _Said(Struct, frozen=True):
    """What came of a control."""

    words: str
    warning: bool = False
    """Something that was asked for is not done."""


def decide_controls(turn: Turn) -> None:
    found = turn.snapshot.object
    if found is None or turn.rollout.deleted_at is not None:
        return
    _follow_pace(turn, found.metadata.annotations)
    for key, act in _CONTROLS.items():
        value = found.metadata.annotations.get(key)
        known = names.journaled(value)
        if value is not None and known != turn.rollout.controls.get(key):
            said = act(turn, value)
            if said is None:
                continue
            turn.on_rollout(
                Kind.CONTROL,
                f"{key}={value}: {said.words}",
                warning=said.warning,
                actor=turn.snapshot.actor,
                controls={**turn.rollout.controls, key: known},
            )


def _follow_pace(turn: Turn, given: Mapping[str, str]) -> None:
    """The pace is a level: what stands there is in force, what was taken away is not."""
    known = turn.rollout.controls
    wanted = {key: names.journaled(given[key]) for key in names.PACING if key in given}
    before = {key: known[key] for key in names.PACING if key in known}
    if wanted == before:
        return
    changed = sorted({key for key, _ in wanted.items() ^ before.items()})
    told = ", ".join(f"{key}={wanted[key]}" if key in wanted else f"no {key}" for key in changed)
    others = {key: value for key, value in known.items() if key not in names.PACING}
    problem = pacing_of(wanted).problem
    turn.on_rollout(
        Kind.CONTROL,
        f"{told}: {problem or 'the pace of what starts from now on'}",
        warning=problem != "",
        actor=turn.snapshot.actor if wanted.items() - before.items() else UNNAMED,
        controls={**others, **wanted},
    )


def _resume(turn: Turn, value: str) -> _Said | None:
    """None: not yet; content can't be read, or clusters in flight be judged (`restored`)."""
    if turn.rollout.stands_still:
        return None
    tracked, payload = turn.tracked.current, turn.snapshot.payload
    hold = tracked.step.hold if tracked else None
    if tracked is None or hold is None or hold.kind not in LASTING:
        return _Said("nothing was held")
    if hold.kind is ReasonKind.PAYLOAD_CHANGED and (payload.problem or not payload.read):
        return None
    if tracked.step.stopped_since is not None:
        start_clock(turn, tracked.step)
    changes: dict[str, Any] = {"hold": None}
    if hold.kind is ReasonKind.BRAKE:
        changes["brake_from"] = turn.now
    else:
        changes["payload_digest"] = payload.digest
    waiting = kept(tracked)
    turn.on_step(Kind.STEP_RELEASED, tracked.step, "resumed by a person", **changes)
    let_go(turn, turn.tracked.steps[tracked.step.index], waiting)
    return _Said(f"goes on after: {hold.message}")


def _skip(turn: Turn, value: str) -> _Said | None:
    """None: many, and some are left for the next turn; until then nobody starts (`decide_into`).
    Whoever returns to waiting before the last of them is skipped, too."""
    tracked = turn.tracked.current
    if tracked is None:
        return _Said("no step is running", warning=True)
    chosen = _chosen(tracked, value)
    for member in chosen[:MOST]:
        finish(
            turn,
            member,
            Outcome.SKIPPED,
            cause=Cause.SKIPPED,
            message=f"skipped {turn.snapshot.actor}",
        )
    if len(chosen) > MOST:
        # They are found anew: thousands on the agenda would come before who is in flight.
        turn.answer.left.append(chosen[MOST].cluster)
        said = f"{names.SKIP}: {MOST} waiting clusters skipped, {len(chosen) - MOST} to go"
        turn.on_rollout(Kind.CONTROL, said, actor=turn.snapshot.actor)
        return None
    number = count(len(chosen), "waiting cluster") if chosen else "nothing"
    words = f"{number} skipped"
    if others := _left_out(tracked, value):
        return _Said(f"{words}; not skipped: {listed(others)}", warning=True)
    return _Said(words)


def _chosen(tracked: TrackedStep, value: str) -> list[Member]:
    """Only waiting members can be skipped; `_left_out` tells of the others.

    All of them by `waiting`, which comes first and may name a step: what was meant for one that is
    over skips nobody.
    """
    waiting = [m for m in tracked.members.values() if m.state is MemberState.WAITING]
    first, *others = (name.strip() for name in value.split(","))
    if first == ALL_WAITING:
        steps = [name for name in others if name.startswith("step-")]
        return waiting if not steps or f"step-{tracked.step.index + 1}" in steps else []
    wanted = {first, *others}
    return [member for member in waiting if member.cluster in wanted]


def _left_out(tracked: TrackedStep, value: str) -> dict[str, str]:
    """Who was named and does not wait; a step that is still taken into the books tells nobody."""
    if value.split(",")[0].strip() == ALL_WAITING or len(tracked.members) < tracked.step.total:
        return {}
    return not_waiting(named(value), tracked.members, tracked.step.index)


def _brake(turn: Turn, value: str) -> _Said | None:
    """None: not yet, as for a resume. Behind content that has changed a resume lets go."""
    if value != names.BRAKE_OFF:
        return _Said(f"unknown value, expected {names.BRAKE_OFF}: {value}")
    tracked = turn.tracked.current
    hold = tracked.step.hold if tracked else None
    if hold and hold.kind is ReasonKind.BRAKE and _resume(turn, value) is None:
        return None
    return _Said("the brake is off")


def _adopt(turn: Turn, value: str) -> _Said | None:
    words = adopt(turn, value)
    return None if words is None else _Said(words)


_CONTROLS: dict[str, Callable[[Turn, str], _Said | None]] = {
    names.RESUME: _resume,
    names.SKIP: _skip,
    names.BRAKE: _brake,
    names.ADOPT: _adopt,
}
