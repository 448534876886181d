"""`ibgu status`."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.errors import MISUSED, NOBODY, fail
from ibgu.cli.read.options import Namespace, RestOptions, Selector, without_namespace
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.cli.show.status import StatusSnapshot
    from ibgu.client import Client
    from ibgu.client.responses import RolloutResponse, ViewResponse

STALLED = 3
"""The most stalled clusters that are shown."""
MIN_CLUSTERS = 2
"""Points of a timeline, which is not shown."""


def status(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the rollout; default: all rollouts.",
            show_default=False,
            autocompletion=complete.rollouts,
            callback=without_namespace,
        ),
    ] = "",
    namespace: Namespace = "",
    selector: Selector = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait until the rollout has ended or stopped; see the exit codes."
        ),
    ] = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout",
            help="With --wait: maximum time to wait, such as 90m or 2h30m.",
            show_default=False,
        ),
    ] = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Show a rollout: steps, slots, failures, holds."""
    from ibgu.cli.read import polling, waiting
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.overview import overview
    from ibgu.cli.read.verdict import WaitResult
    from ibgu.cli.show.status import status_lines

    if wait and not name:
        fail("--wait needs a rollout's name", MISUSED)
    if selector and (wait or not name):
        fail("--selector needs a rollout's name, and doesn't work with --wait", MISUSED)
    text_alone(output, watch=watch)
    seconds = _seconds(timeout, wait=wait)
    with asking(WaitResult.UNASKED) if wait else asking():
        target = rest.target(namespace)
        if not name:
            overview(target, output, watch=watch)
            return
        client, where = target.client(), target.in_namespace()
        poll = partial(see, client, where, name, selector)
        if wait:
            raise typer.Exit(waiting.wait(poll, status_lines, output, seconds, shown=watch))
        if watch:
            polling.watch(poll, status_lines)
        else:
            _print(poll(), output)


def text_alone(output: Form, *, watch: bool) -> None:
    """Ends the command if another form than text is to be refreshed on the screen."""
    if watch and output is not Form.TEXT:
        fail("--watch shows text alone: leave out -o, or ask again and again", MISUSED)


def _unmatched(view: "ViewResponse", label: str) -> str:
    from ibgu.cli.show.names import nobody_matches

    total = view.rollout.counts.total
    if view.selected is None or view.selected.counts.total or not total:
        return ""
    return nobody_matches(view.rollout.name, total, label)


def see(client: "Client", namespace: str, name: str, label: str = "") -> "StatusSnapshot":
    """Returns the rollout; `label`: counted over the clusters with such labels alone. Raises
    RestError."""
    from ibgu.cli.show.status import StatusSnapshot

    view = client.view(namespace, name, label=label or None, points=MIN_CLUSTERS, failures="all")
    return StatusSnapshot(
        rollout=_selected(view),
        steps=view.selected.steps if view.selected else view.steps,
        failures=view.failures,
        now=view.now,
        seq=view.seq,
        stalled=view.stalled[:STALLED],
        grid=view.grid,
        unmatched=_unmatched(view, label),
        newer=None if label else client.newer(namespace, name, uid=view.rollout.uid),
    )


def _selected(view: "ViewResponse") -> "RolloutResponse":
    """Returns the rollout with the counts of the selected clusters, without what is known of all of
    them alone: the forecast, warnings, and the deadline for a rollback. So are newer rollouts."""
    from msgspec.structs import replace

    if view.selected is None:
        return view.rollout
    current, steps = view.rollout.current, view.selected.steps
    return replace(
        view.rollout,
        counts=view.selected.counts,
        current=current and replace(current, counts=steps[current.step - 1].counts),
        stalled=sum(step.stalled for step in steps),
        eta=None,
        warned=0,
        rollback=None,
    )


def _seconds(timeout: str, *, wait: bool) -> float | None:
    from ibgu.cli.read.spans import span

    if timeout and not wait:
        fail("--timeout needs --wait", MISUSED)
    try:
        return span(timeout).total_seconds() if timeout else None
    except ValueError as error:
        fail(f"--timeout: {error}", MISUSED)


def _print(seen: "StatusSnapshot", output: Form) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.status import body_of, status_lines

    if output is Form.TEXT:
        typer.echo(page(status_lines(seen, stdout())))
    else:
        print_body(body_of(seen), output)
    if seen.unmatched:
        raise typer.Exit(NOBODY)
