"""`ibgu explain`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.client import Client
    from ibgu.client.responses import ExplainedResponse


def explain(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME] CLUSTER",
            help="A cluster, in the named rollout or in its newest one.",
            show_default=False,
            autocompletion=complete.rollouts_or_clusters,
        ),
    ],
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say why a cluster has not finished, and what to do."""
    from ibgu.cli.read.asking import asking

    *of, cluster = names
    if len(of) > 1:
        raise typer.BadParameter(
            "name at most one rollout and one cluster", param_hint="NAME CLUSTER"
        )
    with asking():
        target = rest.target(namespace)
        client = target.client()
        if of:
            _print_shadow_explanation(client, target.in_namespace(), of[0], cluster, output)
        else:
            _print_explanation(client.explain(cluster), output)


def _print_shadow_explanation(
    client: "Client", namespace: str, name: str, cluster: str, output: Form
) -> None:
    """Explains a cluster of a rollout that is not ibgu's own: what a shadow has seen. Raises
    RestError."""
    from ibgu.cli.read.shadow import in_shadow
    from ibgu.cli.show.output_style import page
    from ibgu.client import RestError

    try:
        _print_explanation(client.explain(cluster, namespace=namespace, rollout=name), output)
    except RestError as error:
        if output is not Form.TEXT:
            raise
        typer.echo(page(in_shadow(client, namespace, name, error, cluster)))


def _print_explanation(found: "ExplainedResponse", output: Form) -> None:
    from ibgu.cli.show.explain import explain_lines
    from ibgu.cli.show.output_style import page, stdout

    if output is Form.TEXT:
        typer.echo(page(explain_lines(found, datetime.now(UTC), stdout())))
    else:
        print_body(found, output)
