"""Formats an event in one line."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock

_SYMBOLS = {
    "MemberJoined": (symbols.WAITING, None),
    "RunIntended": (symbols.PROBING, None),
    "RunArming": (symbols.PROBING, None),
    "RunArmed": (symbols.PROBING, None),
    "RunAccepted": (symbols.RUNNING, "blue"),
    "RunReopened": (symbols.RUNNING, "blue"),
    "ActionAlreadyDone": (symbols.SUCCEEDED, "green"),
    "ActionRepeated": (symbols.WAITING, None),
    "StepHeld": (symbols.HELD, "yellow"),
    "RolloutHeld": (symbols.HELD, "yellow"),
}
_RESULTS = {
    "succeeded": (symbols.SUCCEEDED, "green"),
    "skipped": (symbols.SKIPPED, None),
    "withdrawn": (symbols.WAITING, None),
    "taken over": (symbols.TAKEN_OVER, "yellow"),
}


class ShownEvent(Protocol):
    """ShownEvent is an event of the journal or of the REST API."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def cluster(self) -> str | None: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def run(self) -> str | None: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def event_line(event: ShownEvent, step: int | None, now: datetime, style: OutputStyle) -> str:
    """Returns the line; `step` from 1. Local time; with the date unless it is that of `now`."""
    symbol, colour = _symbol(event)
    where = [f"step {step}"] if step is not None else []
    where += [event.cluster] if event.cluster else []
    who = f" ({event.actor})" if event.actor else ""
    what = style.paint(f"{symbol} {event.kind}", colour)
    message = " ".join(event.why.split())
    return f"{clock(event.at, now)} #{event.seq} {' '.join([*where, what])}: {message}{who}"


def wide_line(event: ShownEvent, step: int | None, now: datetime, style: OutputStyle) -> str:
    """Returns the line with the cause, the run and what else was recorded."""
    more = {"cause": event.cause, "run": event.run, **event.data}
    details = " ".join(f"{key}={value}" for key, value in more.items() if value not in (None, ""))
    return f"{event_line(event, step, now, style)}{details and f'  {details}'}"


def _symbol(event: ShownEvent) -> tuple[str, str | None]:
    if event.kind in ("RunEnded", "MemberFinished"):
        result = event.data.get("result" if event.kind == "RunEnded" else "outcome")
        return _RESULTS.get(str(result), (symbols.FAILED, "red"))
    return _SYMBOLS.get(event.kind, ("·", None))
