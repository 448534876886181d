"""`ibgu works`."""

from typing import TYPE_CHECKING

import typer

from ibgu.cli.read.options import Cluster, RestOptions
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.client import Client
    from ibgu.client.responses import ClusterResponse


def works(cluster: Cluster, output: Output = Form.TEXT, *, rest: RestOptions) -> None:
    """Show what is asked of a cluster on the hub, and what its agent reports."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.works import works_lines

    with asking():
        client = rest.target().client()
        found = client.cluster_works(cluster)
        if output is Form.TEXT:
            typer.echo(page(works_lines(found, _known(client, cluster), stdout())))
        else:
            print_body(found, output)


def _known(client: "Client", cluster: str) -> "ClusterResponse | None":
    """Returns the cluster, whose labels take another right than its works. Raises RestError."""
    from ibgu.client import RestError

    try:
        return client.cluster(cluster)
    except RestError as error:
        if error.status not in (403, 404):
            raise
        return None
