"""Polls for `--watch` and `--wait`."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from ibgu.cli.show import symbols

if TYPE_CHECKING:
    from ibgu.cli.show.output_style import OutputStyle
    from ibgu.client import RestError


class PollResult(Protocol):
    """PollResult is the result of one poll."""

    @property
    def facts(self) -> object:
        """Returns all but the time."""


S = TypeVar("S", bound=PollResult)
Draw = Callable[[S, "OutputStyle"], list[str]]

REFRESH_SECONDS = 2.0
UNKNOWN_SECONDS = 15.0
"""Seconds for which an awaited rollout may be unknown: it was applied a moment ago."""
NOT_FOUND = 404
UNAVAILABLE = (0, 429, 502, 503, 504)
"""Statuses that a later poll may no longer meet; 0: there was no response."""


class TimeIsUpError(Exception):
    """TimeIsUpError: the time to wait is over."""


class Outage:
    """Outage says that polls fail, once for each error, and that they succeed again. `show` takes
    the words: below the picture on a terminal, which else looks like the present."""

    def __init__(self) -> None:
        self.show: Callable[[str], None] = _on_stderr
        self._words = ""
        self._since: datetime | None = None

    def note(self, error: "RestError") -> None:
        from ibgu.cli.show.times import clock

        now = datetime.now(UTC)
        self._since = self._since or now
        if str(error) != self._words:
            self._words = str(error)
            self.show(f"no answer since {clock(self._since, now)}: {error}")

    def end(self) -> None:
        if self._since is not None:
            self._words, self._since = "", None
            self.show("")


def _on_stderr(words: str) -> None:
    typer.echo(f"ibgu: {words or 'the REST API answers again'}", err=True)


def polls(poll: Callable[[], S], outage: Outage) -> Iterator[S]:
    """Yields polls periodically; waits out an outage once the first poll has succeeded."""
    yield poll()
    while True:
        time.sleep(REFRESH_SECONDS)
        if (seen := _tried(poll, outage)) is not None:
            yield seen


def polls_until(poll: Callable[[], S], seconds: float | None, outage: Outage) -> Iterator[S]:
    """Yields like `polls`, up to a deadline, and then raises TimeIsUpError, or that the rollout is
    unknown. An unknown one is waited for briefly; so is an API that is away at first, or until the
    deadline, if there is one."""
    began = time.monotonic()
    known, unknown = False, None
    while True:
        if known:
            seen = _tried(poll, outage)
        else:
            seen, unknown = _first(poll, began, outage, patient=seconds is not None)
        if seen is not None:
            known = True
            yield seen
        left = REFRESH_SECONDS if seconds is None else began + seconds - time.monotonic()
        if left <= 0:
            raise unknown or TimeIsUpError
        time.sleep(min(REFRESH_SECONDS, left))


def _first(
    poll: Callable[[], S], began: float, outage: Outage, *, patient: bool
) -> "tuple[S | None, RestError | None]":
    """Returns the poll, or that the rollout is still unknown."""
    from ibgu.client import RestError

    try:
        return _noted(poll, outage), None
    except RestError as error:
        away = error.status in UNAVAILABLE
        soon = time.monotonic() - began <= UNKNOWN_SECONDS
        if not (away and patient) and not (soon and (away or error.status == NOT_FOUND)):
            raise
        if not away:
            return None, error
        outage.note(error)
        return None, None


def _tried(poll: Callable[[], S], outage: Outage) -> S | None:
    from ibgu.client import RestError

    try:
        return _noted(poll, outage)
    except RestError as error:
        if error.status not in UNAVAILABLE:
            raise
        outage.note(error)
        return None


def _noted(poll: Callable[[], S], outage: Outage) -> S:
    seen = poll()
    outage.end()
    return seen


def pictures(found: Iterator[S], draw: "Draw[S]", outage: Outage) -> Iterator[S]:
    """Yields each poll after drawing it: on a terminal in place, elsewhere whenever it changes."""
    from ibgu.cli.show.output_style import stdout

    return _in_place(found, draw, outage) if stdout().bars else _in_turn(found, draw)


def _in_place(found: Iterator[S], draw: "Draw[S]", outage: Outage) -> Iterator[S]:
    from rich.live import Live
    from rich.text import Text

    from ibgu.cli.show.output_style import page, stdout

    before = ""
    with Live(auto_refresh=False, vertical_overflow="ellipsis") as live:

        def stale(words: str) -> None:
            """Says above the picture, whose end may be cut, that it is an old one."""
            said = page(stdout().under(f"{symbols.WARNING} ", words)) if words else ""
            text = "\n".join(filter(None, (stdout().paint(said, "red"), before)))
            live.update(Text.from_ansi(text), refresh=True)

        outage.show = stale
        for seen in found:
            text = page(draw(seen, stdout()))
            if text != before:
                before = text
                live.update(Text.from_ansi(text), refresh=True)
            yield seen


def _in_turn(found: Iterator[S], draw: "Draw[S]") -> Iterator[S]:
    """Draws again whenever something but the time has changed."""
    from ibgu.cli.show.output_style import PLAIN, page

    before: object = None
    for seen in found:
        if (now := seen.facts) != before:
            before = now
            typer.echo(page(draw(seen, PLAIN)) + "\n")
        yield seen


def watch(poll: Callable[[], S], draw: "Draw[S]") -> None:
    """Polls and draws until Ctrl-C."""
    outage = Outage()
    try:
        for _ in pictures(polls(poll, outage), draw, outage):
            pass
    except KeyboardInterrupt:
        return
