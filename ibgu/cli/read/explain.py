"""`ibgu explain`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.client import Client
    from ibgu.client.answers.explain import Explained


def explain(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME] CLUSTER",
            help="A cluster, after the rollout's name or alone: then in its newest rollout.",
            show_default=False,
        ),
    ],
    namespace: Namespace = "",
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Say why a cluster is not further, and what to do."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest.target import Target

    *of, cluster = names
    if len(of) > 1:
        raise typer.BadParameter("one rollout and one cluster at most", param_hint="NAME CLUSTER")
    with asking():
        target = Target(server, token, ca_file, namespace)
        if of:
            lines = _in_rollout(target.client(), target.in_namespace(), of[0], cluster)
        else:
            lines = _lines(target.client().explain(cluster))
        typer.echo("\n".join(lines))


def _in_rollout(client: "Client", namespace: str, name: str, cluster: str) -> list[str]:
    """Of a rollout that is not ibgu's own: what a shadow has seen of it. Raises RestError."""
    from ibgu.cli.read.shadow import in_shadow
    from ibgu.client import RestError

    try:
        return _lines(client.explain(cluster, namespace=namespace, rollout=name))
    except RestError as error:
        return in_shadow(client, namespace, name, error, cluster)


def _lines(found: "Explained") -> list[str]:
    from ibgu.cli.show.explain import explain_lines
    from ibgu.cli.show.paper import stdout

    return explain_lines(found, datetime.now(UTC), stdout())
