"""`ibgu status`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.cli.show.status import Seen
    from ibgu.client import Client

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
    from ibgu.cli.rest.target import Target
    from ibgu.cli.show.paper import stdout
    from ibgu.cli.show.status import status_lines
    from ibgu.client import RestError

    with asking():
        target = Target(server, token, ca_file, namespace)
        client, where = target.client(), target.in_namespace()
        try:
            if watch:
                _watch(client, where, name)
            else:
                typer.echo("\n".join(status_lines(see(client, where, name), stdout())))
        except RestError as error:
            typer.echo("\n".join(in_shadow(client, where, name, error)))


def see(client: "Client", namespace: str, name: str) -> "Seen":
    """Raises RestError."""
    from ibgu.cli.show.status import Seen

    return Seen(
        rollout=client.rollout(namespace, name),
        steps=client.steps(namespace, name).items,
        failures=client.failures(namespace, name),
        now=datetime.now(UTC),
    )


def _watch(client: "Client", namespace: str, name: str) -> None:
    """On a terminal in place; elsewhere again whenever something but the time has changed."""
    from ibgu.cli.show.paper import stdout

    try:
        if stdout().bars:
            _live(client, namespace, name)
        else:
            for lines in _changes(client, namespace, name):
                typer.echo("\n".join(lines) + "\n")
    except KeyboardInterrupt:
        return


def _live(client: "Client", namespace: str, name: str) -> None:
    from rich.live import Live
    from rich.text import Text

    from ibgu.cli.show.paper import stdout
    from ibgu.cli.show.status import status_lines

    with Live(auto_refresh=False, vertical_overflow="crop") as live:
        for seen in _looks(client, namespace, name):
            text = "\n".join(status_lines(seen, stdout()))
            live.update(Text.from_ansi(text), refresh=True)


def _changes(client: "Client", namespace: str, name: str) -> Iterator[list[str]]:
    from ibgu.cli.show.paper import PLAIN
    from ibgu.cli.show.status import status_lines

    before: object = None
    for seen in _looks(client, namespace, name):
        now = (seen.rollout, seen.steps, seen.failures)
        if now != before:
            before = now
            yield status_lines(seen, PLAIN)


def _looks(client: "Client", namespace: str, name: str) -> Iterator["Seen"]:
    """One now and then; an outage is waited out once the first look has succeeded."""
    from ibgu.client import RestError

    yield see(client, namespace, name)
    while True:
        time.sleep(REFRESH_SECONDS)
        try:
            yield see(client, namespace, name)
        except RestError as error:
            if error.status not in (0, 503):
                raise
            typer.echo(f"ibgu: {error}", err=True)
