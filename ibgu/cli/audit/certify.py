"""`ibgu certify`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ibgu.cli.show.certificate import Certificate


class CertifyOutput(StrEnum):
    TEXT = "text"
    JSON = "json"


def certify(
    name: Annotated[
        str, typer.Argument(metavar="NAMESPACE/NAME", help="A rollout.", show_default=False)
    ] = "",
    output: Annotated[
        CertifyOutput, typer.Option("--output", "-o", help="Output format.")
    ] = CertifyOutput.TEXT,
    hub: Annotated[
        str,
        typer.Option("--hub", help="UID of the hub, if several hubs share the database."),
    ] = "",
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="Private Ed25519 key to sign with."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="File to write the signed certificate to."),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify", metavar="FILE", help="Verify this signed certificate instead of a rollout."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="PUBLIC", help="Public key of the signer."),
    ] = None,
) -> None:
    """Prove from the event log that a rollout kept the rules."""
    from ibgu.cli.audit import summary
    from ibgu.cli.audit.reading import reading
    from ibgu.cli.errors import FAILED
    from ibgu.cli.show.certificate import as_json_text, as_text
    from ibgu.cli.show.output_style import page, stdout

    _check(name, sign, to, verify, key)
    if verify and key:
        summary.verify(verify, key)
        return
    found = reading(lambda engine: _certify(engine, name, hub))
    if output is CertifyOutput.JSON:
        typer.echo(as_json_text(found))
    else:
        typer.echo(page(as_text(found, stdout())))
    if sign and to:
        summary.write_signed(found, sign, to)
    if not found.findings.valid:
        raise typer.Exit(FAILED)


def _check(
    name: str, sign: Path | None, to: Path | None, verify: Path | None, key: Path | None
) -> None:
    """Options go together: a rollout is proven, and maybe signed, or a file is verified."""
    if bool(sign) != bool(to):
        raise typer.BadParameter("use --sign KEY and --to FILE together")
    if bool(verify) != bool(key):
        raise typer.BadParameter("use --verify FILE and --key PUBLIC together")
    if bool(name) == bool(verify) or (sign and verify):
        raise typer.BadParameter("specify a rollout, or a certificate with --verify")


async def _certify(engine: "AsyncEngine", name: str, hub: str) -> "Certificate":
    from importlib.metadata import version

    from ibgu.cli.audit.reading import find
    from ibgu.cli.show.certificate import Certificate
    from ibgu.client.harmless import cleaned
    from ibgu.db.reads.certified import certify as proved

    found = await find(engine, name, hub)
    certified = await proved(engine, found.hub, found.rollout.uid)
    return Certificate(
        version=version("ibgu"),
        hub=found.hub,
        rollout=found.rollout,
        findings=cleaned(certified.findings),
        at=certified.at,
        leaders=certified.leaders,
    )
