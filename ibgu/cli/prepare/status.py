"""`ibgu prepare status`: what the works of preparations show."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from ibgu.cli.errors import NOBODY, fail
from ibgu.cli.prepare.options import Names, require_clusters
from ibgu.cli.read.options import Selector

if TYPE_CHECKING:
    from ibgu.core.model import ClusterView
    from ibgu.core.model.kinds import ManifestWork

Row = tuple[str, str, str, str]
_NONE = "-"


def status(names: Names = None, selector: Selector = "") -> None:
    """Show what clusters have, as their works report it."""
    import asyncio

    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page
    from ibgu.cli.show.table import table

    found = require_clusters(names, selector)
    with asking():
        rows = asyncio.run(_rows(found, selector))
        if not rows:
            fail("no cluster is selected", NOBODY)
        typer.echo(page(table(("CLUSTER", "PREPARATION", "WORK", "CLUSTER HAS"), rows)))


async def _rows(names: list[str], selector: str) -> list[Row]:
    import asyncio

    from ibgu.cli.prepare.clusters import connected, selected
    from ibgu.cli.prepare.run import CONCURRENCY
    from ibgu.hub.preparing import prepared_works

    slots = asyncio.Semaphore(CONCURRENCY)
    async with connected() as hub:

        async def of(view: "ClusterView") -> list[Row]:
            async with slots:
                works = await prepared_works(hub, view.name)
            return list(_of_cluster(view, works)) or [(view.name, _NONE, _NONE, _NONE)]

        views = await selected(hub, names, selector)
        return [row for rows in await asyncio.gather(*map(of, views)) for row in rows]


def _of_cluster(view: "ClusterView", works: "Sequence[ManifestWork]") -> Iterator[Row]:
    from ibgu.core.drivers.ibu.preparation.reported import kind_of, reported, work_state
    from ibgu.core.text.harmless import one_line

    now = datetime.now(UTC)
    for work in works:
        stale = "" if view.reachable else " (not reachable: as of its last report)"
        yield view.name, kind_of(work), work_state(work, now), one_line(reported(work)) + stale
