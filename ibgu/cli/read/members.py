"""`ibgu members`."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Selector, Server, Token
from ibgu.cli.read.output import Output


class State(StrEnum):
    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    FINISHED = "finished"


class Sort(StrEnum):
    ORDER = "order"
    NAME = "name"
    SINCE = "since"
    DURATION = "duration"


def members(
    name: Annotated[str, typer.Argument(help="The rollout's name.", show_default=False)],
    namespace: Namespace = "",
    selector: Selector = "",
    step: Annotated[
        int | None, typer.Option("--step", min=1, help="Only of this step.", show_default=False)
    ] = None,
    state: Annotated[
        State | None, typer.Option("--state", help="Only in this state.", show_default=False)
    ] = None,
    reason: Annotated[
        str,
        typer.Option("--reason", help="Only those that wait for it.", show_default=False),
    ] = "",
    cause: Annotated[
        str, typer.Option("--cause", help="Only those that failed for it.", show_default=False)
    ] = "",
    stalled: Annotated[
        bool, typer.Option("--stalled", help="Only those that take longer than is usual.")
    ] = False,
    sort: Annotated[Sort, typer.Option("--sort", help="Order.")] = Sort.ORDER,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form.")] = Output.TABLE,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """List the clusters in the steps of a rollout, and why each is not further."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.output import lines, listed
    from ibgu.cli.rest.target import Target
    from ibgu.cli.show.members import members_lines
    from ibgu.cli.show.names import object_name

    with asking():
        target = Target(server, token, ca_file, namespace)
        found = target.client().members(
            target.in_namespace(),
            name,
            step=step,
            state=state,
            label=selector or None,
            reason=reason or None,
            cause=cause or None,
            stalled=stalled or None,
            sort=sort,
        )
        if output in (Output.JSON, Output.YAML):
            listed(found, output)
        elif output is Output.NAME:
            lines(dict.fromkeys(object_name(member.cluster) for member in found))
        elif rows := list(found):
            lines(members_lines(rows, datetime.now(UTC), wide=output is Output.WIDE))
        else:
            typer.echo("No clusters found.", err=True)
