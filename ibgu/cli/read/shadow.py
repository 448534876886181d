"""`ibgu shadow-report`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget
    from ibgu.cli.show.shadow import ShadowReport
    from ibgu.client import Client, RestError


def shadow_report(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAMESPACE/]NAME",
            help="A rollout of TALM; default: all that ibgu has watched in the namespace.",
            show_default=False,
        ),
    ] = "",
    namespace: Namespace = "",
    everywhere: Annotated[
        bool,
        typer.Option("--all-namespaces", "-A", help="Include all namespaces that you may see."),
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            help="Only this cluster, with its full history.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ] = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Compare what TALM did with what ibgu would have done (shadow mode)."""
    from ibgu.cli.read.asking import asking

    with asking():
        target = rest.target(namespace)
        reports = [
            _report(target.client(), where, which, cluster)
            for where, which in _chosen(target, name, everywhere=everywhere)
        ]
        _print(reports, output, one=bool(name))


def in_shadow(
    client: "Client", namespace: str, name: str, error: "RestError", cluster: str = ""
) -> list[str]:
    """Returns what a shadow has seen of a rollout that is not ibgu's own; else raises the error."""
    from ibgu.cli.show.output_style import stdout
    from ibgu.cli.show.shadow import report_lines
    from ibgu.client import RestError

    if error.status != 404:
        raise error
    try:
        report = _report(client, namespace, name, cluster)
    except RestError:
        raise error from None
    if cluster and not report.clusters:
        raise error
    return report_lines(report, stdout(), datetime.now(UTC))


def _chosen(target: "RestTarget", name: str, *, everywhere: bool) -> list[tuple[str, str]]:
    """Returns namespaces and names."""
    if name:
        where, slash, which = name.rpartition("/")
        return [(where if slash else target.in_namespace(), which)]
    within = None if everywhere else target.in_namespace()
    found = target.client().shadow_rollouts(namespace=within)
    seen = dict.fromkeys((rollout.namespace, rollout.name) for rollout in found)
    return list(seen)


def _report(client: "Client", namespace: str, name: str, cluster: str) -> "ShadowReport":
    """Returns the report with its clusters. Raises RestError."""
    from msgspec.structs import asdict

    from ibgu.cli.show.shadow import ShadowReport

    report = client.shadow_report(namespace, name)
    clusters = client.shadow_clusters(namespace, name, cluster=cluster or None)
    chosen = tuple(row for row in clusters if cluster in ("", row.cluster))
    return ShadowReport(**asdict(report), clusters=chosen)


def _print(reports: "Sequence[ShadowReport]", output: Form, *, one: bool) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.shadow import report_lines

    if output is not Form.TEXT:
        print_body(reports[0] if one else {"items": reports}, output)
        return
    if not reports:
        typer.echo("Nothing recorded yet: start `ibgu run --shadow` beside TALM.", err=True)
    now = datetime.now(UTC)
    for report in reports:
        typer.echo(page(report_lines(report, stdout(), now)) + ("" if one else "\n"))
