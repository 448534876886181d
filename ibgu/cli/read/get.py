"""`ibgu get`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

EVERYTHING = "rollouts"
"""The word that stands for all rollouts."""


_PRESENT = ("pending", "running", "complete")
"""All states but `deleted`: what kubectl would show."""


class Output(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def get(
    name: Annotated[str, typer.Argument(help=f"A rollout's name, or {EVERYTHING}.")] = EVERYTHING,
    namespace: Namespace = "",
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces that you may see.")
    ] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form.")] = Output.TABLE,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Show rollouts, or one of them."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest.target import Target

    with asking():
        target = Target(server, token, ca_file, namespace)
        rest = target.rest()
        if name != EVERYTHING:
            found = rest.get("rollouts", target.in_namespace(), name)
            _print(found, [found], output, everywhere=False)
            return
        where = None if everywhere else target.in_namespace()
        rollouts = list(rest.pages("rollouts", namespace=where, state=_PRESENT))
        _print({"items": rollouts}, rollouts, output, everywhere=everywhere)


def _print(
    body: dict[str, Any], rollouts: Sequence[dict[str, Any]], output: Output, *, everywhere: bool
) -> None:
    match output:
        case Output.JSON:
            typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
        case Output.YAML:
            import yaml

            typer.echo(yaml.safe_dump(body, sort_keys=False, allow_unicode=True), nl=False)
        case Output.NAME:
            for rollout in rollouts:
                typer.echo(f"imagebasedgroupupgrade.lcm.openshift.io/{rollout['name']}")
        case Output.TABLE | Output.WIDE:
            _print_table(rollouts, wide=output is Output.WIDE, everywhere=everywhere)


def _print_table(rollouts: Sequence[dict[str, Any]], *, wide: bool, everywhere: bool) -> None:
    from ibgu.cli.show.rollouts import rollouts_table

    if not rollouts:
        typer.echo("No rollouts found.", err=True)
        return
    now = datetime.now(UTC)
    for line in rollouts_table(rollouts, now, wide=wide, namespaces=everywhere):
        typer.echo(line)
