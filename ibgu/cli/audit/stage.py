"""Where a replay is shown: a picture that moves on a terminal, lines everywhere else."""

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

from ibgu.cli.show.paper import PLAIN, Paper, page, stdout
from ibgu.cli.show.playback import event_line
from ibgu.cli.show.status import Seen, status_lines
from ibgu.db.views import EventRow

LONGEST = 3.0
"""Seconds that nothing moves, at most."""
SHOWN = 8
"""Events under the picture."""
FRAME = 0.05
"""Seconds between two pictures, at least."""

Picture = Callable[[], Seen]


class Stage(Protocol):
    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def pause(self, span: timedelta) -> None:
        """So much time passed before the next event."""

    def show(self, event: EventRow, picture: Picture) -> None:
        """The event, and how to see where the rollout is after it."""

    def end(self, seen: Seen) -> None:
        """Where the rollout is after the last event."""


class Lines:
    """Every event as it comes; the picture at the end."""

    def __init__(self, paper: Paper, *, by_hand: bool) -> None:
        self._paper = paper
        self._by_hand = by_hand

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def pause(self, span: timedelta) -> None:
        if self._by_hand:
            sys.stdin.readline()

    def show(self, event: EventRow, picture: Picture) -> None:
        typer.echo(event_line(event, event.at, self._paper))

    def end(self, seen: Seen) -> None:
        typer.echo("")
        typer.echo(page(status_lines(seen, self._paper)))


class Screen:
    """The picture in place, with the last events under it."""

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
        time.sleep(min(LONGEST, max(0.0, span.total_seconds() / self._speed)))

    def show(self, event: EventRow, picture: Picture) -> None:
        self._last.append(event_line(event, event.at, stdout()))
        if time.monotonic() - self._drawn >= FRAME:
            self._draw(picture())

    def end(self, seen: Seen) -> None:
        self._draw(seen)

    def _draw(self, seen: Seen) -> None:
        lines = [*status_lines(seen, stdout()), "", *self._last]
        self._live.update(Text.from_ansi(page(lines)), refresh=True)
        self._drawn = time.monotonic()


def stage_for(speed: float, *, step: bool) -> Stage:
    """By hand, or where the output is no terminal, it is lines; these do not wait for the clock."""
    paper = stdout()
    if step or not paper.bars:
        return Lines(paper if paper.bars else PLAIN, by_hand=step)
    return Screen(speed)
