"""`ibgu recover`."""

import typer

from ibgu.cli.read.options import (
    Namespace,
    RestOptions,
    RolloutAndCluster,
    split_rollout_and_cluster,
)
from ibgu.cli.show.form import Form, Output, print_body


def recover(
    names: RolloutAndCluster,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Print the way back of a cluster after a change that failed, step by step."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.recovery import recovery_lines

    rollout, cluster = split_rollout_and_cluster(names)
    with asking():
        target = rest.target(namespace)
        client = target.client()
        if rollout is not None:
            within = target.in_namespace()
            found = client.cluster_recovery(cluster, namespace=within, rollout=rollout)
        else:
            found = client.cluster_recovery(cluster)
    if output is Form.TEXT:
        typer.echo(page(recovery_lines(found, stdout())))
    else:
        print_body(found, output)
