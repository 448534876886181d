"""`ibgu manifests`: extra manifests."""

from typing import Annotated

import typer

from ibgu.cli.content.options import LintForm, LintOutput, Paths
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand

manifests = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("manifests"))


@manifests.callback()
def group() -> None:
    """Check extra manifests of an upgrade."""


@manifests.command("lint", cls=PlainCommand, epilog=epilog("manifests lint"))
def lint(
    paths: Paths,
    target: Annotated[
        str,
        typer.Option("--target", metavar="RELEASE", help="Release to upgrade to, such as 4.17.2."),
    ] = "",
    output: LintForm = LintOutput.TEXT,
) -> None:
    """Check extra manifests (P18, P25 to P28); exit code 1: errors."""
    from ibgu.cli.content.files import documents_of, files_of
    from ibgu.cli.show.lint import report
    from ibgu.core.drivers.ibu.preflight import ManifestContent, lint_manifests

    documents = tuple(documents_of(files_of(paths)))
    report(
        lint_manifests(ManifestContent(documents, target)),
        len(documents),
        json=output is LintOutput.JSON,
    )
