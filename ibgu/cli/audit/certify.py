"""`ibgu certify`."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ibgu.cli.show.certificate import Certificate


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"


def certify(
    name: Annotated[
        str, typer.Argument(metavar="NAMESPACE/NAME", help="A rollout.", show_default=False)
    ],
    output: Annotated[Form, typer.Option("--output", "-o", help="Form.")] = Form.TEXT,
    hub: Annotated[
        str,
        typer.Option("--hub", help="uid of the hub, where several share the database."),
    ] = "",
) -> None:
    """Prove from the event log that a rollout kept the rules."""
    from ibgu.cli.audit.reading import reading
    from ibgu.cli.errors import FAILED
    from ibgu.cli.show.certificate import as_json, as_text
    from ibgu.cli.show.paper import page, stdout

    found = reading(lambda engine: _certify(engine, name, hub))
    if output is Form.JSON:
        typer.echo(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(page(as_text(found, stdout())))
    if not found.findings.holds:
        raise typer.Exit(FAILED)


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
