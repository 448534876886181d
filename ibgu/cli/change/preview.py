"""`ibgu preview`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ibgu.cli.change.options import ExistingRollout, ManifestFile, Minutes, Slots
from ibgu.cli.errors import FAILED, NOBODY
from ibgu.cli.read.choices import chosen, every_action
from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.client.responses import NewStepRequest, PreviewResponse

_KINDS = ("ImageBasedGroupUpgrade", "FleetUpdate")


def preview(
    name: ExistingRollout = "",
    file: ManifestFile = "",
    append: Annotated[
        list[str] | None,
        typer.Option(
            "--append",
            help="Step to append, as a comma-separated list of actions; repeatable.",
            show_default=False,
        ),
    ] = None,
    max_concurrency: Slots = None,
    timeout: Minutes = None,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say what a plan would do; nothing is changed."""
    from ibgu.cli.read.asking import asking
    from ibgu.client.responses import ProposalRequest

    if bool(name) == bool(file) or (file and append):
        raise typer.BadParameter(
            "specify a rollout (and steps with --append), or a manifest with -f"
        )
    if not append and (max_concurrency is not None or timeout is not None):
        raise typer.BadParameter("--max-concurrency and --timeout are of the steps of --append")
    with asking():
        target = rest.target(namespace)
        if file:
            asked = ProposalRequest(manifest=manifest_of(file, target.in_namespace()))
        else:
            steps = tuple(_step(each, max_concurrency, timeout) for each in append or ())
            asked = ProposalRequest(namespace=target.in_namespace(), name=name, append=steps)
        found = target.client().preview(asked)
        _print(found, output)
    if not found.valid:
        raise typer.Exit(FAILED)
    if found.steps and not found.selected:
        raise typer.Exit(NOBODY)


def _step(given: str, max_concurrency: int | None, timeout: int | None) -> "NewStepRequest":
    """Returns the step of one `--append`. Raises typer.BadParameter."""
    from ibgu.client.responses import NewStepRequest

    typed = given.replace(",", " ").split()
    actions = tuple(chosen("--append", each, every_action()) for each in typed)
    return NewStepRequest(actions=actions, max_concurrency=max_concurrency, timeout=timeout)


def manifest_of(file: str, namespace: str) -> dict[str, Any]:
    """Returns the manifest; one without a namespace gets the command's. Raises RestError."""
    import sys

    from ibgu.client import RestError
    from ibgu.documents import read

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise RestError(f"can't read {file}: {error.strerror}") from error
    except ValueError as error:
        raise RestError(f"can't read a manifest from {file}: {error}") from error
    documents = read(text)
    for each in documents:
        if each.problem:
            words = f"line {each.line} {each.problem}"
            raise RestError(f"can't read a manifest from {file}: {words}")
    found = [each for each in documents if each.kind in _KINDS]
    if len(found) != 1:
        raise RestError(
            f"{file} contains {len(found)} objects of kind {' or '.join(_KINDS)}, but must "
            "contain exactly one"
        )
    manifest: dict[str, Any] = dict(found[0].body)
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        manifest["metadata"] = {"namespace": namespace} | metadata
    return manifest


def _print(found: "PreviewResponse", output: Form) -> None:
    from datetime import UTC, datetime

    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.preview import preview_lines

    if output is Form.TEXT:
        typer.echo(page(preview_lines(found, stdout(), datetime.now(UTC))))
    else:
        print_body(found, output)
