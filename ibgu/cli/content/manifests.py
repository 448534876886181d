"""`ibgu manifests`: extra manifests."""

from typing import Annotated

import typer

from ibgu.cli.content.options import (
    Force,
    LintForm,
    LintOutput,
    MapName,
    MapNamespace,
    PackedFile,
    PackedPaths,
    Paths,
)
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand

manifests = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("manifests"))


Target = Annotated[
    str,
    typer.Option(
        "--target", metavar="RELEASE", help="The release after the upgrade, such as 4.17.2."
    ),
]


@manifests.callback()
def group() -> None:
    """Check extra manifests, and pack them for an upgrade."""


@manifests.command("lint", cls=PlainCommand, epilog=epilog("manifests lint"))
def lint(
    paths: Paths,
    target: Target = "",
    output: LintForm = LintOutput.TEXT,
) -> None:
    """Check extra manifests (P18, P25 to P28, P42); exit code 1: errors."""
    from ibgu.cli.content.files import documents_of, files_of, has_objects
    from ibgu.cli.show.lint import report
    from ibgu.core.drivers.ibu.preflight import ManifestContent, lint_manifests

    documents = tuple(documents_of(files_of(paths), has_objects))
    report(
        lint_manifests(ManifestContent(documents, target)),
        len(documents),
        json=output is LintOutput.JSON,
    )


@manifests.command("explain", cls=PlainCommand, epilog=epilog("manifests explain"))
def explain(paths: Paths) -> None:
    """Draw the order in which extra manifests are applied."""
    from ibgu.cli.content.files import documents_of, files_of, has_objects
    from ibgu.cli.show.waves import draw, manifest_lines
    from ibgu.core.drivers.ibu.preflight import ManifestContent

    documents = tuple(documents_of(files_of(paths), has_objects))
    draw(manifest_lines(ManifestContent(documents)), documents, "no manifest")


@manifests.command("pack", cls=PlainCommand, epilog=epilog("manifests pack"))
def pack(
    paths: PackedPaths,
    name: MapName = "extra-manifests",
    namespace: MapNamespace = "openshift-lifecycle-agent",
    output: PackedFile = None,
    target: Target = "",
    force: Force = False,
) -> None:
    """Pack extra manifests into the ConfigMap for an upgrade, if lint finds no error."""
    from ibgu.cli.content import packing
    from ibgu.core.drivers.ibu.preflight import ManifestContent, lint_manifests

    wanted = packing.Packing(name, namespace, output, force)
    packing.pack(
        paths, wanted, lambda documents: lint_manifests(ManifestContent(documents, target))
    )
