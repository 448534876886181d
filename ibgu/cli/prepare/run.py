"""Previews a preparation, asks for consent, and carries it out on many clusters at once."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from ibgu.cli import interrupts
from ibgu.cli.errors import FAILED, MISUSED, NOBODY, fail
from ibgu.cli.prepare.options import PreparationForm, PrepareOptions, require_clusters
from ibgu.cli.read.asking import asking
from ibgu.core.text.counted import counted

if TYPE_CHECKING:
    from ibgu.core.drivers.ibu.preparation import Preparation
    from ibgu.core.model import ClusterView
    from ibgu.hub.preparing import PreparationResult, Preparer

CONCURRENCY = 20
"""Clusters that are prepared at once."""


class _Plan(Struct, frozen=True):
    """_Plan is what a command is about to do."""

    chosen: dict[str, "Preparation"]
    left_out: dict[str, str]
    """Cluster -> why nothing is done there."""


def run(
    names: list[str] | None,
    options: PrepareOptions,
    make: "Callable[[str], Preparation]",
    risk: str = "",
) -> None:
    """Prepares the clusters, each as `make` says of its name. `risk`: what a person should know
    first; empty: nothing."""
    if options.output is PreparationForm.YAML:
        return _print_files(make(""))
    found = require_clusters(names, options.selector)
    with asking():
        plan = asyncio.run(_preview(found, options, make))
        _show(plan, risk)
        if options.dry_run:
            typer.echo("dry run, nothing was changed")
            return None
        failed = len(plan.left_out)
        if plan.chosen:
            # Outside the event loop, which would keep Ctrl-C from the read.
            confirm(len(plan.chosen), yes=options.yes)
            failed += _report(_carried_out(plan, options))
    if failed:
        raise typer.Exit(FAILED)
    return None


def _print_files(preparation: "Preparation") -> None:
    import yaml

    typer.echo(yaml.safe_dump_all(preparation.files(), sort_keys=False), nl=False)


async def _preview(
    names: list[str], options: PrepareOptions, make: "Callable[[str], Preparation]"
) -> _Plan:
    """Raises RestError."""
    from ibgu.cli.prepare.clusters import connected, selected
    from ibgu.hub.preparing import Preparer

    async with connected() as hub:
        views = await selected(hub, names, options.selector)
        if not views:
            fail("no cluster is selected", NOBODY)
        preparer = Preparer(hub, options.timeout)
        return await _planned(preparer, views, make, dry_run=options.dry_run)


def _carried_out(plan: _Plan, options: PrepareOptions) -> "dict[str, PreparationResult]":
    """Returns the results. A pipeline that is cancelled and a terminal that is closed end it as
    Ctrl-C does: works that write are brought back to reading first. Raises RestError."""
    return interrupts.run(_carry_out(plan, options))


async def _carry_out(plan: _Plan, options: PrepareOptions) -> "dict[str, PreparationResult]":
    """Raises RestError."""
    from ibgu.cli.prepare.clusters import connected
    from ibgu.hub.preparing import Preparer

    async with connected() as hub:
        return await _all(Preparer(hub, options.timeout), plan.chosen)


async def _planned(
    preparer: "Preparer",
    views: "Sequence[ClusterView]",
    make: "Callable[[str], Preparation]",
    *,
    dry_run: bool,
) -> _Plan:
    """Raises HubError, such as for a missing right: it would be missing on every cluster."""
    from ibgu.cli.prepare.clusters import unready

    slots = asyncio.Semaphore(CONCURRENCY)
    made = {each.name: make(each.name) for each in views}

    async def obstacle(view: "ClusterView") -> str:
        if why := unready(view):
            return why
        async with slots:
            found = await preparer.obstacle(view.name)
            if not found and dry_run:
                found = await preparer.check(view.name, made[view.name])
            return found

    found = await asyncio.gather(*map(obstacle, views))
    obstacles = dict(zip(made, found, strict=True))
    return _Plan(
        {name: each for name, each in made.items() if not obstacles[name]},
        {name: why for name, why in obstacles.items() if why},
    )


def _show(plan: _Plan, risk: str) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.table import table
    from ibgu.core.text.harmless import one_line
    from ibgu.core.text.natural import natural_key

    summaries = {name: each.summary() for name, each in plan.chosen.items()}
    summaries |= {name: f"left out: {why}" for name, why in plan.left_out.items()}
    rows = [(name, one_line(summaries[name])) for name in sorted(summaries, key=natural_key)]
    typer.echo(page(table(("CLUSTER", "GETS"), rows)))
    if risk and plan.chosen:
        style = stdout()
        typer.echo(style.paint(page(style.under("", risk)), "yellow"))


def confirm(count: int, *, yes: bool) -> None:
    """Ends the command unless a person agrees that so many clusters are changed."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        words = (
            "nothing was done. There is no terminal to confirm on: use --yes to confirm, or "
            "--dry-run to see what would change"
        )
        fail(words, MISUSED)
    typer.echo(f"To change {counted(count, 'cluster')}, type yes: ", nl=False, err=True)
    if sys.stdin.readline().strip() != "yes":
        fail("nothing was done")


async def _all(
    preparer: "Preparer", chosen: "dict[str, Preparation]"
) -> "dict[str, PreparationResult]":
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(name: str) -> "PreparationResult":
        async with slots:
            result = await preparer.prepare(name, chosen[name])
            interrupts.report_if_interrupted(name, result.message)
            return result

    return dict(zip(chosen, await interrupts.all_of(map(one, chosen)), strict=True))


def _report(results: "dict[str, PreparationResult]") -> int:
    """Prints the results; returns how many clusters have not what was asked for."""
    from ibgu.cli.show.output_style import page
    from ibgu.cli.show.table import table
    from ibgu.core.text.harmless import one_line
    from ibgu.core.text.natural import natural_key
    from ibgu.hub.preparing import PreparationOutcome

    rows = [
        (name, str(results[name].outcome), one_line(results[name].message))
        for name in sorted(results, key=natural_key)
    ]
    typer.echo(page(["", *table(("CLUSTER", "RESULT", "DETAILS"), rows)]))
    counts = Counter(each.outcome for each in results.values())
    typer.echo(", ".join(f"{counts[each]} {each}" for each in PreparationOutcome if counts[each]))
    return counts[PreparationOutcome.FAILED] + counts[PreparationOutcome.LEFT_ALONE]
