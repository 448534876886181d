"""`ibgu oadp`: Backups and Restores."""

from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli.content.options import LintForm, LintOutput, Paths, PullSecret, StorageChoice
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand

oadp = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("oadp"))


@oadp.callback()
def group() -> None:
    """Check Backups and Restores, and pack them for an upgrade."""


@oadp.command("lint", cls=PlainCommand, epilog=epilog("oadp lint"))
def lint(
    paths: Paths,
    storage: StorageChoice = None,
    pull_secret: PullSecret = None,
    output: LintForm = LintOutput.TEXT,
) -> None:
    """Check Backups and Restores (P15 to P24); exit code 1: errors."""
    from ibgu.cli.content.files import documents_of, files_of
    from ibgu.cli.show.lint import report
    from ibgu.core.drivers.ibu.preflight import OadpContent, Storage, lint_oadp

    documents = tuple(documents_of(files_of(paths)))
    declared = Storage(storage) if storage else None
    report(
        lint_oadp(OadpContent(documents, declared, pull_secret)),
        len(documents),
        json=output is LintOutput.JSON,
    )


@oadp.command("explain", cls=PlainCommand, epilog=epilog("oadp explain"))
def explain(paths: Paths) -> None:
    """Draw what is backed up and restored, in which order."""
    from ibgu.cli.content.files import documents_of, files_of
    from ibgu.cli.show.oadp_waves import wave_lines
    from ibgu.cli.show.output_style import page
    from ibgu.core.drivers.ibu.preflight import OadpContent

    content = OadpContent(tuple(documents_of(files_of(paths))))
    if lines := list(wave_lines(content)):
        typer.echo(page(lines))
    unread = [each for each in content.documents if each.problem]
    if unread:
        first = unread[0]
        fail(f"{len(unread)} documents can't be read: {first.file}:{first.line} {first.problem}")
    if not lines:
        fail("the files contain neither a Backup nor a Restore")


@oadp.command("pack", cls=PlainCommand, epilog=epilog("oadp pack"))
def pack(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Directory with the files.", show_default=False),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the ConfigMap.")] = "oadp-cm",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Output file; default: standard output.",
            show_default=False,
        ),
    ] = None,
    storage: StorageChoice = None,
    pull_secret: PullSecret = None,
    force: Annotated[
        bool, typer.Option("--force", help="Pack the files even if lint finds errors.")
    ] = False,
) -> None:
    """Pack the files of a directory into the ConfigMap for an upgrade, if lint finds no error."""
    from ibgu.cli.content.files import files_of, write
    from ibgu.cli.content.packing import check_name, packed, texts_of
    from ibgu.cli.show.lint import as_text, errors
    from ibgu.cli.show.output_style import page, stderr
    from ibgu.core.drivers.ibu.preflight import OadpContent, Storage, lint_oadp
    from ibgu.documents import read

    check_name(name)
    if not directory.is_dir():
        fail(f"{directory}: no such directory", MISUSED)
    texts = texts_of(files_of([directory]))
    documents = [each for key in texts for each in read(texts[key], str(directory / key))]
    declared = Storage(storage) if storage else None
    findings = lint_oadp(OadpContent(tuple(documents), declared, pull_secret))
    if findings:
        typer.echo(page(as_text(findings, len(documents), stderr())), err=True)
    if errors(findings) and not force:
        fail("nothing was packed: fix the errors, or use --force")
    write(packed(name, texts), output)
