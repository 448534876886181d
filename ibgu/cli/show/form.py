"""The forms of what a command tells."""

from enum import StrEnum

import typer

from ibgu.cli.show.forms import as_json, as_yaml


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def tell(body: object, form: str) -> None:
    """In one of the forms that programs read."""
    typer.echo(as_json(body) if form == Form.JSON else as_yaml(body))
