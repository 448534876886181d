"""`ibgu events`."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from ibgu.cli import complete
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import MAX_COUNT, Namespace, RestOptions, Rollout
from ibgu.cli.show.form import WideForm, as_yaml

if TYPE_CHECKING:
    from ibgu.client import Client, RestError
    from ibgu.client.responses import EventResponse

REFRESH_SECONDS = 1.0


class EventFilter(Struct, frozen=True):
    cluster: str
    """Empty: of all clusters, and of the rollout itself."""
    warnings: bool
    details: bool
    """Whether to show single clusters too; else only their warnings."""
    since: datetime | None

    def has(self, event: "EventResponse") -> bool:
        return (
            self.cluster in ("", event.cluster)
            and (event.warning or (not self.warnings and self._level(event)))
            and (self.since is None or event.at >= self.since)
        )

    def _level(self, event: "EventResponse") -> bool:
        return self.details or bool(self.cluster) or event.cluster is None


def events(
    name: Rollout,
    namespace: Namespace = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new events until Ctrl-C.")
    ] = False,
    after: Annotated[
        int, typer.Option("--after", min=0, help="Only events after the one with this number.")
    ] = 0,
    tail: Annotated[
        int,
        typer.Option(
            "--tail", min=-1, max=MAX_COUNT, help="Number of newest events to show; -1: all."
        ),
    ] = -1,
    since: Annotated[
        str,
        typer.Option(
            "--since", help="Only events newer than this, such as 15m.", show_default=False
        ),
    ] = "",
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            help="Only events of this cluster.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ] = "",
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Only warnings: failures, holds, refused controls.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Include every step of every cluster.")
    ] = False,
    output: Annotated[
        WideForm, typer.Option("--output", "-o", help="Output format; json: one object per line.")
    ] = WideForm.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Show what happened in a rollout: its steps, its failures, who did what, when and why."""
    from ibgu.cli.read.asking import asking

    wanted = EventFilter(cluster, warnings, verbose, _since(since))
    with asking():
        target = rest.target(namespace)
        client, where = target.client(), target.in_namespace()
        past = EventCursor(client.events(where, name, after=after), after)
        shown = _print(_last(filter(wanted.has, past), tail), output)
        if cluster and not shown:
            _require_member(client, where, name, cluster)
        if follow:
            _follow(client, where, name, past.seq, wanted, output)


class EventCursor:
    """EventCursor yields events as they are read, and keeps the number of the last one."""

    def __init__(self, found: "Iterable[EventResponse]", seq: int) -> None:
        self._found = found
        self.seq = seq

    def __iter__(self) -> "Iterator[EventResponse]":
        for event in self._found:
            self.seq = event.seq
            yield event


def _last(found: "Iterable[EventResponse]", count: int) -> "Iterable[EventResponse]":
    return found if count < 0 else deque(found, maxlen=count)


def _since(text: str) -> datetime | None:
    from ibgu.cli.read.spans import span

    try:
        return datetime.now(UTC) - span(text) if text else None
    except ValueError as error:
        fail(f"--since: {error}", MISUSED)


def _follow(
    client: "Client", namespace: str, name: str, seq: int, wanted: EventFilter, output: WideForm
) -> None:
    """Follows the events and waits out an outage; by the events' numbers nothing is lost or shown
    twice."""
    from ibgu.client import RestError

    unavailable = False
    try:
        while True:
            new = EventCursor(client.stream(namespace, name, after=seq), seq)
            try:
                _print(filter(wanted.has, new), output)
                unavailable = False
            except RestError as error:
                _print_once(error, already_printed=unavailable and new.seq == seq)
                unavailable = True
            seq = new.seq
            time.sleep(REFRESH_SECONDS)
    except KeyboardInterrupt:
        return


def _print_once(error: "RestError", *, already_printed: bool) -> None:
    from ibgu.cli.read.polling import UNAVAILABLE

    if error.status not in UNAVAILABLE:
        raise error
    if not already_printed:
        typer.echo(f"ibgu: {error}", err=True)


def _require_member(client: "Client", namespace: str, name: str, cluster: str) -> None:
    """Raises RestError if the rollout has no such cluster: a typing error is no empty history."""
    from ibgu.client import RestError

    if next(iter(client.members(namespace, name, clusters=[cluster])), None) is None:
        raise RestError(f"{namespace}/{name} has no cluster {cluster}")


def _print(found: "Iterable[EventResponse]", output: WideForm) -> int:
    """Prints the events; returns how many there were."""
    form, count = _form(output), 0
    for event in found:
        typer.echo(form(event))
        count += 1
    return count


def _form(output: WideForm) -> "Callable[[EventResponse], str]":
    import msgspec

    from ibgu.cli.show.events import event_line, wide_line
    from ibgu.cli.show.output_style import page, stdout

    style, now = stdout(), datetime.now(UTC)
    match output:
        case WideForm.JSON:
            return lambda event: msgspec.json.encode(event).decode()
        case WideForm.YAML:
            return lambda event: f"---\n{as_yaml(event)}"
        case WideForm.NAME:
            return lambda event: str(event.seq)
        case WideForm.WIDE:
            return lambda event: page([wide_line(event, event.step, now, style)])
        case WideForm.TEXT:
            return lambda event: page([event_line(event, event.step, now, style)])
