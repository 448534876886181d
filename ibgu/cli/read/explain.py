"""`ibgu explain`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from ibgu.cli.read.options import (
    Namespace,
    RestOptions,
    RolloutAndCluster,
    split_rollout_and_cluster,
)
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.client import Client
    from ibgu.client.responses import ExplainedResponse


def explain(
    names: RolloutAndCluster,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say why a cluster has not finished, and what to do."""
    from ibgu.cli.read.asking import asking

    rollout, cluster = split_rollout_and_cluster(names)
    with asking():
        target = rest.target(namespace)
        client = target.client()
        if rollout is not None:
            _print_shadow_explanation(client, target.in_namespace(), rollout, cluster, output)
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
