"""`ibgu get`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import Namespace, RestOptions, without_namespace
from ibgu.cli.read.output import Listing, ListOutput

if TYPE_CHECKING:
    from ibgu.client.responses import RolloutResponse

EVERYTHING = "rollouts"
"""The word that stands for all rollouts."""


_PRESENT = ("pending", "running", "complete")
"""All states but `deleted`: what kubectl would show."""


def get(
    name: Annotated[
        str,
        typer.Argument(
            help=f"A rollout's name, or {EVERYTHING}.",
            autocompletion=complete.rollouts,
            callback=without_namespace,
        ),
    ] = EVERYTHING,
    namespace: Namespace = "",
    everywhere: Annotated[
        bool,
        typer.Option("--all-namespaces", "-A", help="Include all namespaces that you may see."),
    ] = False,
    output: Listing = ListOutput.TABLE,
    *,
    rest: RestOptions,
) -> None:
    """Show rollouts, or one of them."""
    from ibgu.cli.read.asking import asking

    with asking():
        target = rest.target(namespace)
        client = target.client()
        if name != EVERYTHING:
            found = client.rollout(target.in_namespace(), name)
            _print(found, [found], output, everywhere=False)
            return
        where = None if everywhere else target.in_namespace()
        rollouts = list(client.rollouts(namespace=where, state=_PRESENT))
        if not rollouts and output in (ListOutput.TABLE, ListOutput.WIDE):
            there = f"in namespace {where}; use -A for all namespaces" if where else "found"
            typer.echo(f"No rollouts {there}.", err=True)
            return
        _print({"items": rollouts}, rollouts, output, everywhere=everywhere)


def _print(
    body: object, rollouts: "Sequence[RolloutResponse]", output: ListOutput, *, everywhere: bool
) -> None:
    from ibgu.cli.show.form import print_body
    from ibgu.hub.paths import ROLLOUT_KINDS

    match output:
        case ListOutput.JSON | ListOutput.YAML:
            print_body(body, output)
        case ListOutput.NAME:
            for rollout in rollouts:
                group = ROLLOUT_KINDS[rollout.kind][0].partition("/")[0]
                typer.echo(f"{rollout.kind.lower()}.{group}/{rollout.name}")
        case ListOutput.TABLE | ListOutput.WIDE:
            _print_table(rollouts, wide=output is ListOutput.WIDE, everywhere=everywhere)


def _print_table(rollouts: "Sequence[RolloutResponse]", *, wide: bool, everywhere: bool) -> None:
    from ibgu.cli.read.output import lines
    from ibgu.cli.show.rollouts import rollouts_table

    now = datetime.now(UTC)
    lines(rollouts_table(rollouts, now, wide=wide, namespaces=everywhere))
