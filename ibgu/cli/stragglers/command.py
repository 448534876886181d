"""Implements the command."""

from typing import TYPE_CHECKING

import typer

from ibgu.cli.read.options import Namespace, RestOptions, Rollout, Selector
from ibgu.cli.show.form import WideForm, as_json, as_yaml
from ibgu.cli.stragglers.options import (
    ActionLeft,
    Causes,
    CleanupAction,
    NextAction,
    Output,
    StepNumber,
)

if TYPE_CHECKING:
    from ibgu.cli.stragglers.facts import RestFacts
    from ibgu.cli.stragglers.report import StragglerRollout, StragglersReport


def stragglers(
    name: Rollout,
    namespace: Namespace = "",
    selector: Selector = "",
    cause: Causes = None,
    step: StepNumber = None,
    action: ActionLeft = "",
    next_action: NextAction = "",
    cleanup: CleanupAction = "",
    output: Output = WideForm.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Show what is left of a rollout, why, and the legal way to take it further."""
    import asyncio

    from ibgu.cli.read.asking import asking
    from ibgu.cli.stragglers.ask_hub import hub_clusters
    from ibgu.cli.stragglers.ask_rest import rest_facts
    from ibgu.cli.stragglers.report import GroupFilter, narrowed, report

    with asking():
        target = rest.target(namespace)
        where = target.in_namespace()
        facts = rest_facts(target.client(), where, name, selector)
        _require_matches(facts)
        found = report(facts, asyncio.run(hub_clusters(facts.rollout)))
        only = GroupFilter(
            _causes(found, cause or []),
            step,
            _an_action("--action", action),
            _an_action("--next", next_action),
            _an_action("--cleanup", cleanup),
        )
        _print(narrowed(found, only), output)


def _require_matches(facts: "RestFacts") -> None:
    from ibgu.cli.errors import NOBODY, fail
    from ibgu.cli.show.names import nobody_matches

    total = facts.rollout.counts.total
    if facts.selector and total and not facts.members:
        fail(nobody_matches(facts.rollout.name, total, facts.selector), NOBODY)


def _causes(found: "StragglersReport", given: list[str]) -> frozenset[str]:
    from ibgu.cli.read.choices import causes, chosen, reasons
    from ibgu.cli.stragglers.report import ABORTED, NOT_TAKEN

    ends = (ABORTED, NOT_TAKEN, *causes(), *reasons())
    known = dict.fromkeys([*(group.kind for group in found.groups), *ends])
    return frozenset(chosen("--cause", each, known) for each in given)


def _an_action(option: str, given: str) -> str:
    from ibgu.cli.read.choices import chosen, every_action

    return chosen(option, given, every_action()) if given else ""


def _print(report: "StragglersReport", output: WideForm) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.stragglers.show import body_of, report_lines

    match output:
        case WideForm.YAML:
            _print_ways(report)
        case WideForm.JSON:
            typer.echo(as_json(body_of(report)))
        case WideForm.NAME:
            for group in report.groups:
                typer.echo("\n".join(group.clusters))
        case WideForm.TEXT | WideForm.WIDE:
            lines = report_lines(report, stdout(), wide=output is WideForm.WIDE)
            typer.echo(page(lines))


def _print_ways(report: "StragglersReport") -> None:
    """Prints the ways, with nothing but YAML on the standard output."""
    from ibgu.cli.errors import fail
    from ibgu.cli.stragglers.facts import NoProposals

    if isinstance(report.live, NoProposals):
        fail(f"no manifests, because {report.live.why}")
    ways = report.ways()
    if not ways:
        typer.echo("ibgu: a new ImageBasedGroupUpgrade would have nothing to do", err=True)
    for way in ways:
        _warn(way)
    typer.echo("---\n".join(as_yaml(way.manifest) + "\n" for way in ways), nl=False)


def _warn(way: "StragglerRollout") -> None:
    from ibgu.cli.stragglers.show import label_line

    if way.unnamed:
        typer.echo(f"ibgu: label its clusters first: {label_line(way)}", err=True)
