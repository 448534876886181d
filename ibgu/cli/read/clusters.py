"""`ibgu clusters`."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import Namespace, RestOptions, Selector, without_namespace
from ibgu.cli.read.output import Listing, ListOutput

if TYPE_CHECKING:
    from ibgu.client import Client

WIDE = 200
"""Clusters that `wide` asks for: more would take the caller's share of the API (IBGU_API_BURST)."""
_NONE = "No clusters found."


def clusters(
    prefix: Annotated[
        str,
        typer.Argument(
            help="Prefix of the clusters' names.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ] = "",
    namespace: Namespace = "",
    everywhere: Annotated[
        bool,
        typer.Option("--all-namespaces", "-A", help="Include all namespaces that you may see."),
    ] = False,
    selector: Selector = "",
    rollout: Annotated[
        str,
        typer.Option(
            "--rollout",
            help="Only clusters of this rollout.",
            show_default=False,
            autocompletion=complete.rollouts,
            callback=without_namespace,
        ),
    ] = "",
    output: Listing = ListOutput.TABLE,
    *,
    rest: RestOptions,
) -> None:
    """List the clusters that were in a rollout."""
    from ibgu.cli.errors import MISUSED, fail
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.output import lines, print_items
    from ibgu.cli.show.names import object_name

    if everywhere and rollout:
        fail(
            "--rollout doesn't work with --all-namespaces: it names a rollout in one namespace",
            MISUSED,
        )
    with asking():
        target = rest.target(namespace)
        found = target.client().clusters(
            prefix=prefix or None,
            label=selector or None,
            namespace=None if everywhere else target.in_namespace(),
            rollout=rollout or None,
        )
        if output in (ListOutput.JSON, ListOutput.YAML):
            print_items(found, output)
        elif output is ListOutput.WIDE:
            _wide(target.client(), found)
        elif output is ListOutput.NAME:
            lines(map(object_name, found))
        elif names := list(found):
            lines(["CLUSTER", *names])
        else:
            typer.echo(_NONE, err=True)


def _wide(client: "Client", names: Iterator[str]) -> None:
    """Lists clusters with a request each. Raises RestError."""
    from ibgu.cli.errors import fail
    from ibgu.cli.read.output import lines
    from ibgu.cli.show.clusters import clusters_table

    chosen = list(islice(names, WIDE + 1))
    if len(chosen) > WIDE:
        fail(
            f"more than {WIDE} clusters: narrow them down with PREFIX, -l or --rollout, or "
            "drop -o wide"
        )
    if chosen:
        lines(clusters_table([client.cluster(name) for name in chosen]))
    else:
        typer.echo(_NONE, err=True)
