"""`ibgu oadp`: Backups and Restores."""

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
    PullSecret,
    StorageChoice,
)
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
    """Check Backups and Restores (P15 to P24, P42); exit code 1: errors."""
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
    from ibgu.cli.show.waves import draw, wave_lines
    from ibgu.core.drivers.ibu.preflight import OadpContent

    documents = tuple(documents_of(files_of(paths)))
    draw(wave_lines(OadpContent(documents)), documents, "neither a Backup nor a Restore")


@oadp.command("pack", cls=PlainCommand, epilog=epilog("oadp pack"))
def pack(
    paths: PackedPaths,
    name: MapName = "oadp-cm",
    namespace: MapNamespace = "openshift-adp",
    output: PackedFile = None,
    storage: StorageChoice = None,
    pull_secret: PullSecret = None,
    force: Force = False,
) -> None:
    """Pack Backups and Restores into the ConfigMap for an upgrade, if lint finds no error."""
    from ibgu.cli.content import packing
    from ibgu.core.drivers.ibu.preflight import OadpContent, PreflightFinding, Storage, lint_oadp
    from ibgu.core.model.document import Document
    from ibgu.documents import config_maps

    declared = Storage(storage) if storage else None

    def check(documents: tuple[Document, ...]) -> list[PreflightFinding]:
        if again := [each for each in documents if config_maps(each)]:
            where = f"{again[0].file}:{again[0].line}"
            fail(f"{where}: is a ConfigMap: pack the Backups and Restores themselves", MISUSED)
        return lint_oadp(OadpContent(documents, declared, pull_secret))

    packing.pack(paths, packing.Packing(name, namespace, output, force), check)
