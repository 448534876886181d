"""Prints results in several forms."""

from enum import StrEnum

import typer

from ibgu.cli.show.forms import as_json, as_yaml


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def tell(body: object, form: str) -> None:
    """Prints the body in one of the forms that programs read."""
    typer.echo(as_json(body) if form == Form.JSON else as_yaml(body))
