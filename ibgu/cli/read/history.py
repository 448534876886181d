"""`ibgu history`."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from ibgu.cli.read.options import MAX_COUNT, Cluster, RestOptions
from ibgu.cli.read.output import Listing, ListOutput


def history(
    cluster: Cluster,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MAX_COUNT, help="Number of newest steps to show.")
    ] = 50,
    output: Listing = ListOutput.TABLE,
    *,
    rest: RestOptions,
) -> None:
    """Show every attempt on a cluster, over all rollouts."""
    from ibgu.cli.errors import fail
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.output import lines, print_items
    from ibgu.cli.show.history import history_lines

    with asking():
        client = rest.target().client()
        visits = list(islice(client.cluster_history(cluster), limit))
        if not visits:
            fail(f"cluster {cluster} has not been in any rollout; check the name")
        if output in (ListOutput.JSON, ListOutput.YAML):
            print_items(visits, output)
            return
        if output is ListOutput.NAME:
            lines(run.id for visit in reversed(visits) for run in visit.runs)
            return
        rows = history_lines(visits, datetime.now(UTC), wide=output is ListOutput.WIDE)
        lines(rows)
