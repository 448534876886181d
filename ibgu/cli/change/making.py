"""A change is asked of the REST API or made on the hub directly, and told in the same words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from ibgu.cli.change.options import Output
from ibgu.cli.read.asking import asking
from ibgu.cli.rest.target import Target
from ibgu.client import Client, RestError
from ibgu.client.answers.changes import Change

if TYPE_CHECKING:
    from ibgu.core import change as core
    from ibgu.hub.changes import Changes

    Decide = Callable[[Changes, core.Target], Awaitable[core.Change]]


class How(Struct, frozen=True):
    """What the commands have in common."""

    target: Target
    name: str
    dry_run: bool
    direct: bool
    output: Output


def make(how: How, ask: Callable[[Client, str], Change], decide: "Decide") -> None:
    """`ask` gets the client and the namespace."""
    with asking():
        namespace = how.target.in_namespace()
        if how.direct:
            told = asyncio.run(_directly(how, namespace, decide))
        else:
            told = _asked(how, namespace, ask)
        _print(told, how)


def simply(decide: "Callable[[core.Target], core.Change]") -> "Decide":
    """What needs nothing but the IBGU."""

    async def decided(changes: "Changes", target: "core.Target") -> "core.Change":
        return decide(target)

    return decided


def _asked(how: How, namespace: str, ask: Callable[[Client, str], Change]) -> Change:
    try:
        return ask(how.target.client(), namespace)
    except RestError as error:
        if error.status:
            raise
        words = f"{error}; --direct makes the change on the hub itself, with your kubeconfig"
        raise RestError(words) from error


async def _directly(how: How, namespace: str, decide: "Decide") -> Change:
    """With the kubeconfig's rights alone. Raises RestError."""
    from datetime import UTC, datetime

    from ibgu.core.change import Refused
    from ibgu.hub.access import whoami
    from ibgu.hub.changes import Changes
    from ibgu.hub.client import HubClient
    from ibgu.hub.errors import HubError

    try:
        async with await HubClient.connect() as hub:
            changes = Changes(hub, "ibgu", dry_run=how.dry_run)
            who = await whoami(hub)
            target = await changes.read(namespace, how.name, who, datetime.now(UTC))
            change = await decide(changes, target)
            await changes.make(target, change)
    except HubError as error:
        again = "; nothing was done; look again and repeat" if error.conflict else ""
        raise RestError(f"{error.message}{again}") from error
    except Refused as refused:
        raise RestError(str(refused)) from refused
    return Change(done=change.done, kubectl=change.kubectl)


def _print(told: Change, how: How) -> None:
    from ibgu.cli.show.forms import as_json, as_yaml

    match how.output:
        case Output.JSON:
            typer.echo(as_json(told))
        case Output.YAML:
            typer.echo(as_yaml(told))
        case Output.TEXT:
            typer.echo(f"{_dry_run(told) if how.dry_run else ''}{told.done}")
            if told.kubectl:
                typer.echo(f"the same by hand:\n{told.kubectl}")


def _dry_run(told: Change) -> str:
    """What follows is true only where there is nothing to change."""
    return f"dry run, nothing was changed{'; without --dry-run' if told.kubectl else ''}: "
