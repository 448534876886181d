"""Previews which clusters are asked, asks for consent, and gathers from many at once."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from ibgu.cli import interrupts
from ibgu.cli.errors import FAILED, NOBODY, fail
from ibgu.cli.gather.files import write_logs
from ibgu.cli.gather.targets import read_uploads, upload_targets
from ibgu.cli.prepare.run import CONCURRENCY, confirm
from ibgu.cli.read.asking import asking

if TYPE_CHECKING:
    from ibgu.core.drivers.ibu.gather.upload import Upload
    from ibgu.core.model import ClusterView
    from ibgu.hub.gathering import Gatherer

Row = tuple[str, str, str]


class GatherOptions(Struct, frozen=True):
    image: str
    timeout: int
    folder: Path
    dry_run: bool
    yes: bool
    upload: str
    """The addresses of uploads as the option has them; empty: none."""


def run(names: Sequence[str], selector: str, options: GatherOptions) -> None:
    """Gathers the logs; ends with an exit code of 1 if those of a cluster are missing."""
    with asking():
        listed = read_uploads(options.upload)
        obstacles = asyncio.run(_obstacles(names, selector, options))
        if not obstacles:
            fail("no cluster is selected", NOBODY)
        targets = upload_targets(options.upload, listed, list(obstacles))
        if options.upload:
            missing = {name: _NO_LINE for name in obstacles if name not in targets}
            obstacles = {name: why or missing.get(name, "") for name, why in obstacles.items()}
        chosen = [name for name, why in obstacles.items() if not why]
        _show(obstacles, targets)
        if options.dry_run:
            typer.echo("dry run, nothing was changed")
            return
        failed = len(obstacles) - len(chosen)
        if chosen:
            confirm(len(chosen), yes=options.yes)
            failed += interrupts.run(_gather(chosen, options, targets))
    if failed:
        raise typer.Exit(FAILED)


async def _obstacles(names: Sequence[str], selector: str, options: GatherOptions) -> dict[str, str]:
    """Returns for each cluster why it is left out; empty: it is not. Raises RestError."""
    from ibgu.cli.prepare.clusters import connected, selected, unready
    from ibgu.hub.gathering import Gatherer

    slots = asyncio.Semaphore(CONCURRENCY)
    async with connected() as hub:
        gatherer = Gatherer(hub, options.image, options.timeout)

        async def of(view: "ClusterView") -> str:
            if why := unready(view):
                return why
            async with slots:
                return await gatherer.obstacle(view.name)

        views = await selected(hub, names, selector)
        found = await asyncio.gather(*map(of, views))
        return {view.name: why for view, why in zip(views, found, strict=True)}


_NO_LINE = "the file of --upload has no line for it"


def _show(obstacles: dict[str, str], targets: "Mapping[str, Upload]") -> None:
    from ibgu.cli.show.output_style import page
    from ibgu.cli.show.table import table
    from ibgu.core.text.harmless import one_line

    gets = "a Job that reads the logs, and is removed at the end"
    if targets:
        gets = "a Job that gathers and uploads an archive, and is removed at the end"
    rows = [
        (name, one_line(f"left out: {why}") if why else gets) for name, why in obstacles.items()
    ]
    typer.echo(page(table(("CLUSTER", "GETS"), rows)))


async def _gather(
    chosen: Sequence[str], options: GatherOptions, targets: "Mapping[str, Upload]"
) -> int:
    """Writes the logs of each cluster as soon as they are there; returns how many clusters have
    failed. Raises RestError."""
    from ibgu.cli.prepare.clusters import connected
    from ibgu.cli.show.output_style import page
    from ibgu.cli.show.table import table
    from ibgu.hub.gathering import Gatherer

    slots = asyncio.Semaphore(CONCURRENCY)
    async with connected() as hub:
        gatherer = Gatherer(hub, options.image, options.timeout, targets)

        async def one(name: str) -> Row:
            async with slots:
                return await _cluster(gatherer, name, options)

        rows = await interrupts.all_of(map(one, chosen))
    typer.echo(page(["", *table(("CLUSTER", "RESULT", "DETAILS"), rows)]))
    return sum(result == _FAILED for _, result, _ in rows)


_FAILED = "failed"


async def _cluster(gatherer: "Gatherer", name: str, options: GatherOptions) -> Row:
    from ibgu.core.text.harmless import one_line

    outcome = await gatherer.gather(name)
    interrupts.report_if_interrupted(name, one_line(outcome.problem or outcome.note))
    if outcome.result is None:
        return name, _FAILED, one_line(outcome.problem)
    try:
        write_logs(options.folder / name, outcome.result)
    except OSError as error:
        return name, _FAILED, f"can't write its logs: {error.strerror}"
    uploaded = outcome.result.uploaded() if options.upload else None
    if uploaded is not None and uploaded.problem:
        return name, _FAILED, f"{uploaded.problem}; see {options.folder / name}"
    logs, cut = outcome.result.logs, sum(each.cut for each in outcome.result.logs)
    details = [f"{len(logs)} files in {options.folder / name}"]
    if uploaded is not None:
        details.insert(0, f"{uploaded.bytes} bytes uploaded, SHA-256 {uploaded.sha256}")
    if cut:
        details.append(f"{cut} without their oldest lines")
    if outcome.result.more:
        details.append("the cluster has more logs than fit")
    if outcome.note:
        details.append(outcome.note)
    return name, "gathered", ", ".join(details)
