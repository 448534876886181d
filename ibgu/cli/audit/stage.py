"""Shows a replay: an animated picture on a terminal, lines everywhere else."""

import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Protocol

import typer
from rich.live import Live
from rich.text import Text

from ibgu.cli.show import events
from ibgu.cli.show.output_style import PLAIN, OutputStyle, page, stdout
from ibgu.cli.show.status import StatusSnapshot, status_lines
from ibgu.db.views import EventRow

MAX_PAUSE = 3.0
"""The longest pause, in seconds."""
SHOWN = 8
"""Events under the picture."""
FRAME = 0.05
"""The shortest time between two pictures, in seconds."""

Picture = Callable[[], StatusSnapshot]


class ReplayStage(Protocol):
    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def pause(self, span: timedelta) -> None:
        """Pauses for the time that passed before the next event, scaled."""

    def show(self, event: EventRow, picture: Picture) -> None:
        """Shows the event; `picture` returns the rollout's state after it."""

    def end(self, seen: StatusSnapshot) -> None:
        """Shows the rollout's state after the last event."""


class Lines:
    """Lines prints every event as it comes, and the picture at the end."""

    def __init__(self, style: OutputStyle, *, by_hand: bool) -> None:
        self._style = style
        self._by_hand = by_hand

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def pause(self, span: timedelta) -> None:
        if self._by_hand:
            sys.stdin.readline()

    def show(self, event: EventRow, picture: Picture) -> None:
        typer.echo(_line(event, self._style))

    def end(self, seen: StatusSnapshot) -> None:
        typer.echo("")
        typer.echo(page(status_lines(seen, self._style)))


class Screen:
    """Screen redraws the picture in place, with the last events under it."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._live = Live(auto_refresh=False, vertical_overflow="crop")
        self._last: deque[str] = deque(maxlen=SHOWN)
        self._drawn = 0.0

    def __enter__(self) -> object:
        return self._live.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def pause(self, span: timedelta) -> None:
        time.sleep(min(MAX_PAUSE, max(0.0, span.total_seconds() / self._speed)))

    def show(self, event: EventRow, picture: Picture) -> None:
        self._last.append(_line(event, stdout()))
        if time.monotonic() - self._drawn >= FRAME:
            self._draw(picture())

    def end(self, seen: StatusSnapshot) -> None:
        self._draw(seen)

    def _draw(self, seen: StatusSnapshot) -> None:
        lines = [*status_lines(seen, stdout()), "", *self._last]
        self._live.update(Text.from_ansi(page(lines)), refresh=True)
        self._drawn = time.monotonic()


def _line(event: EventRow, style: OutputStyle) -> str:
    step = None if event.step is None else event.step + 1
    return events.event_line(event, step, event.at, style)


def stage_for(speed: float, *, step: bool) -> ReplayStage:
    """Returns the stage: lines, which do not wait for the clock, when stepping by hand or without a
    terminal."""
    style = stdout()
    if step or not style.bars:
        return Lines(style if style.bars else PLAIN, by_hand=step)
    return Screen(speed)
