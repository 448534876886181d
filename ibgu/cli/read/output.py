"""Prints lists in several forms."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer


class ListOutput(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Listing = Annotated[ListOutput, typer.Option("--output", "-o", help="Output format.")]


def print_items(items: Iterable[object], output: ListOutput) -> None:
    """Prints items for programs: as REST lists them, all pages as one."""
    from ibgu.cli.show.form import print_body

    print_body({"items": list(items)}, output)


def lines(found: Iterable[str]) -> None:
    from ibgu.cli.show.output_style import page

    for line in found:
        typer.echo(page([line]))
