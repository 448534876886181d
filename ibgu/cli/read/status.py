"""`ibgu status`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.cli.rest.client import Rest
    from ibgu.cli.show.status import Seen

REFRESH_SECONDS = 2.0


def status(
    name: Annotated[str, typer.Argument(help="The rollout's name.", show_default=False)],
    namespace: Namespace = "",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Keep it up to date until Ctrl-C.")
    ] = False,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Show a rollout: steps, slots, failures, holds."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.shadow import in_shadow
    from ibgu.cli.rest.client import RestError
    from ibgu.cli.rest.target import Target
    from ibgu.cli.show.paper import stdout
    from ibgu.cli.show.status import status_lines

    with asking():
        target = Target(server, token, ca_file, namespace)
        rest, where = target.rest(), target.in_namespace()
        try:
            if watch:
                _watch(rest, where, name)
            else:
                typer.echo("\n".join(status_lines(see(rest, where, name), stdout())))
        except RestError as error:
            typer.echo("\n".join(in_shadow(rest, where, name, error)))


def see(rest: "Rest", namespace: str, name: str) -> "Seen":
    """Raises RestError."""
    from ibgu.cli.show.status import Seen

    return Seen(
        rollout=rest.get("rollouts", namespace, name),
        steps=rest.get("rollouts", namespace, name, "steps")["items"],
        failures=rest.get("rollouts", namespace, name, "failures"),
        now=datetime.now(UTC),
    )


def _watch(rest: "Rest", namespace: str, name: str) -> None:
    """On a terminal in place; elsewhere again whenever something but the time has changed."""
    from ibgu.cli.show.paper import stdout

    try:
        if stdout().bars:
            _live(rest, namespace, name)
        else:
            for lines in _changes(rest, namespace, name):
                typer.echo("\n".join(lines) + "\n")
    except KeyboardInterrupt:
        return


def _live(rest: "Rest", namespace: str, name: str) -> None:
    from rich.live import Live
    from rich.text import Text

    from ibgu.cli.show.paper import stdout
    from ibgu.cli.show.status import status_lines

    with Live(auto_refresh=False, vertical_overflow="crop") as live:
        for seen in _looks(rest, namespace, name):
            text = "\n".join(status_lines(seen, stdout()))
            live.update(Text.from_ansi(text), refresh=True)


def _changes(rest: "Rest", namespace: str, name: str) -> Iterator[list[str]]:
    from ibgu.cli.show.paper import PLAIN
    from ibgu.cli.show.status import status_lines

    before: object = None
    for seen in _looks(rest, namespace, name):
        now = (seen.rollout, seen.steps, seen.failures)
        if now != before:
            before = now
            yield status_lines(seen, PLAIN)


def _looks(rest: "Rest", namespace: str, name: str) -> Iterator["Seen"]:
    """One now and then; an outage is waited out once the first look has succeeded."""
    from ibgu.cli.rest.client import RestError

    yield see(rest, namespace, name)
    while True:
        time.sleep(REFRESH_SECONDS)
        try:
            yield see(rest, namespace, name)
        except RestError as error:
            if error.status not in (0, 503):
                raise
            typer.echo(f"ibgu: {error}", err=True)
