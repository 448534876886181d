"""Implements `ibgu status --wait`: until the rollout has ended or stopped."""

from collections.abc import Callable, Iterator

import typer

from ibgu.cli.read.polling import Draw, Outage, TimeIsUpError, pictures, polls_until
from ibgu.cli.read.verdict import WaitResult, verdict
from ibgu.cli.show.form import Form, print_body
from ibgu.cli.show.output_style import page, stdout
from ibgu.cli.show.status import StatusSnapshot, body_of

POLLS_FROM_THE_START = 10
"""The polls, two seconds apart, that must agree on a rollout that was over before: a change takes
up to 16 seconds to reach ibgu while its controller is being replaced."""


def wait(
    poll: Callable[[], StatusSnapshot],
    draw: "Draw[StatusSnapshot]",
    form: Form,
    seconds: float | None,
    *,
    shown: bool,
    judge: Callable[[StatusSnapshot], WaitResult | None] = verdict,
) -> int:
    """Waits and returns the exit code. The rollout is shown continuously on a terminal, or on
    demand; else once at the end. `judge` says how it has ended; None: it goes on."""
    moving = form is Form.TEXT and (shown or stdout().bars)
    outage = Outage()
    found = polls_until(poll, seconds, outage)
    seen: list[StatusSnapshot] = []
    try:
        result = _until_over(pictures(found, draw, outage) if moving else found, seen, judge)
    except TimeIsUpError:
        typer.echo("ibgu: timed out; the rollout has not ended", err=True)
        result = WaitResult.TIMED_OUT
    except KeyboardInterrupt:
        return WaitResult.INTERRUPTED
    for last in seen if not moving else ():
        if form is Form.TEXT:
            typer.echo(page(draw(last, stdout())))
        else:
            print_body(body_of(last), form)
    return result


def _until_over(
    found: Iterator[StatusSnapshot],
    last: list[StatusSnapshot],
    judge: Callable[[StatusSnapshot], WaitResult | None],
) -> WaitResult:
    """Waits until two consecutive polls say that the rollout is over. One that was over from the
    first poll on is waited for longer: it may miss a step appended, or a hold lifted, a moment ago.
    The only poll that the time was enough for counts alone. `last` holds the newest poll, if
    any."""
    before: WaitResult | None = None
    agreed, needed, polls = 0, POLLS_FROM_THE_START, 0
    try:
        for seen in found:
            last[:] = [seen]
            polls += 1
            now = judge(seen)
            if now is None:
                needed = 2
            agreed = agreed + 1 if now is before else 1
            if now is not None and agreed >= needed:
                return now
            before = now
    except TimeIsUpError:
        if before is not None and (agreed >= 2 or polls == 1):
            return before
        raise
    raise AssertionError("it is read until it is over or the time is")
