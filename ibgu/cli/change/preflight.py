"""`ibgu preflight`."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from ibgu.cli.change.options import ExistingRollout, ManifestFile
from ibgu.cli.change.preview import manifest_of
from ibgu.cli.errors import FAILED, NOBODY
from ibgu.cli.read.options import Namespace, RestOptions, Selector
from ibgu.cli.show.form import WideForm, print_body

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client import Client
    from ibgu.client.responses import PreflightResponse, PreflightSubjectRequest

_INTERVAL = 3.0
"""Seconds between two questions whether clusters were inspected."""
_POLLS = 200

TargetRelease = Annotated[
    str,
    typer.Option(
        "--target", help="With --selector: the release to upgrade to.", show_default=False
    ),
]
Inspect = Annotated[
    bool,
    typer.Option(
        "--inspect", help="Read on the clusters what only they know; takes up to 10 minutes."
    ),
]
Recorded = Annotated[
    bool,
    typer.Option(
        "--recorded",
        help="Show what was found before each step that has begun, and what came of it.",
    ),
]
Output = Annotated[WideForm, typer.Option("--output", "-o", help="Output format.")]


def preflight(
    name: ExistingRollout = "",
    file: ManifestFile = "",
    selector: Selector = "",
    target: TargetRelease = "",
    inspect: Inspect = False,
    recorded: Recorded = False,
    namespace: Namespace = "",
    output: Output = WideForm.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say what would fail, before anything starts; exit code 1: errors."""
    from ibgu.cli.read.asking import asking

    if sum(map(bool, (name, file, selector))) != 1 or (target and not selector):
        words = "specify a rollout, a manifest with -f, or clusters with --selector (and --target)"
        raise typer.BadParameter(words)
    if recorded and (not name or inspect or output is WideForm.NAME):
        words = "--recorded needs a rollout, and takes neither --inspect nor -o name"
        raise typer.BadParameter(words)
    with asking():
        where = rest.target(namespace)
        if recorded:
            return _print_recorded(where, name, output)
        asked = _asked(name, file, selector, target, where.in_namespace())
        found = _checked(where.client(), asked, inspect=inspect)
        _print(found, output, name, selector)
    if any(each.severity == "error" for each in found.findings):
        raise typer.Exit(FAILED)
    if not found.clusters:
        raise typer.Exit(NOBODY)
    return None


def _checked(
    client: "Client", asked: "PreflightSubjectRequest", *, inspect: bool
) -> "PreflightResponse":
    """Returns the answer; with `inspect` once the clusters were inspected. Each request ends
    before a router in front would end it."""
    found = client.preflight(structs.replace(asked, inspect=inspect))
    for _ in range(_POLLS if inspect else 0):
        if not found.inspecting:
            break
        time.sleep(_INTERVAL)
        found = client.preflight(asked)
    return found


def _asked(
    name: str, file: str, selector: str, target: str, namespace: str
) -> "PreflightSubjectRequest":
    from ibgu.client.responses import PreflightSubjectRequest

    if file:
        return PreflightSubjectRequest(manifest=manifest_of(file, namespace))
    if selector:
        return PreflightSubjectRequest(selector=selector, target=target)
    return PreflightSubjectRequest(namespace=namespace, name=name)


def _print(found: "PreflightResponse", output: WideForm, name: str, selector: str) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.preflight import preflight_lines

    if output in (WideForm.TEXT, WideForm.WIDE):
        wide, nobody = output is WideForm.WIDE, _nobody(found, name, selector)
        typer.echo(page(list(preflight_lines(found, stdout(), wide=wide, nobody=nobody))))
    elif output is WideForm.NAME:
        for cluster in found.blocked_clusters:
            typer.echo(f"managedcluster/{cluster}")
    else:
        print_body(found, output)


def _print_recorded(where: "RestTarget", name: str, output: WideForm) -> None:
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.recorded_preflight import recorded_lines

    found = where.client().preflight_of_steps(where.in_namespace(), name)
    if output in (WideForm.TEXT, WideForm.WIDE):
        wide = output is WideForm.WIDE
        typer.echo(page(list(recorded_lines(found, stdout(), wide=wide))))
    else:
        print_body(found, output)


def _nobody(found: "PreflightResponse", name: str, selector: str) -> str:
    """Returns why no cluster was checked."""
    from ibgu.cli.show.preflight import plan_refused, steps_begun

    if selector:
        return "no cluster matches the selector"
    if plan_refused(found):
        return "correct the plan first (P35)"
    if name and steps_begun(found):
        return f"every step of {name} has started, and preflight checks only steps that have not"
    return "the next step selects no cluster now"
