"""`ibgu explain`."""

from datetime import UTC, datetime

import typer

from ibgu.cli.read.options import (
    Namespace,
    RestOptions,
    RolloutAndCluster,
    split_rollout_and_cluster,
)
from ibgu.cli.show.form import Form, Output, print_body


def explain(
    names: RolloutAndCluster,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say why a cluster has not finished, and what to do."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.explain import explain_lines
    from ibgu.cli.show.output_style import page, stdout

    rollout, cluster = split_rollout_and_cluster(names)
    with asking():
        target = rest.target(namespace)
        where = None if rollout is None else target.in_namespace()
        found = target.client().explain(cluster, namespace=where, rollout=rollout)
        if output is Form.TEXT:
            typer.echo(page(explain_lines(found, datetime.now(UTC), stdout())))
        else:
            print_body(found, output)
