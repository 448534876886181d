"""Implements the command."""

from typing import TYPE_CHECKING

import typer

from ibgu.cli.read.options import Namespace, RestOptions, Rollout
from ibgu.cli.report.options import Against, By, Output, ReportOutput

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget

MAX_LABELS = 10


def report(
    name: Rollout,
    namespace: Namespace = "",
    by: By = None,
    against: Against = "",
    output: Output = ReportOutput.HTML,
    *,
    rest: RestOptions,
) -> None:
    """Write what happened in a rollout as a page to keep, as rows, or for programs."""
    from ibgu.cli.read.asking import asking

    labels = tuple(dict.fromkeys(by or ()))
    _check(labels, against, output)
    with asking():
        target = rest.target(namespace)
        if output is ReportOutput.CSV:
            _print_rows(target, name, labels)
        else:
            _print_report(target, name, labels, against, output)


def _check(labels: tuple[str, ...], against: str, output: ReportOutput) -> None:
    if output is ReportOutput.CSV and against:
        raise typer.BadParameter("--against does not work with -o csv")
    if len(labels) > MAX_LABELS:
        raise typer.BadParameter(f"use --by for at most {MAX_LABELS} labels")


def _print_rows(target: "RestTarget", name: str, labels: tuple[str, ...]) -> None:
    from ibgu.cli.report.ask_rest import rows_of
    from ibgu.cli.report.rows import csv_lines

    rows = rows_of(target.client(), target.in_namespace(), name, labels)
    for line in csv_lines(rows, labels):
        typer.echo(line)


def _print_report(
    target: "RestTarget",
    name: str,
    labels: tuple[str, ...],
    against: str,
    output: ReportOutput,
) -> None:
    from ibgu.cli.report.ask_rest import facts_of
    from ibgu.cli.report.body import body
    from ibgu.cli.report.facts import RolloutReport
    from ibgu.cli.report.page import page
    from ibgu.cli.show.form import as_json

    client = target.client()
    found = facts_of(client, target.in_namespace(), name, labels)
    where, _, other = against.rpartition("/")
    compared = facts_of(client, where or found.rollout.namespace, other, ()) if against else None
    report = RolloutReport(found, compared)
    typer.echo(page(report) if output is ReportOutput.HTML else as_json(body(report)))
