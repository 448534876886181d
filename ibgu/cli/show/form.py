"""Prints results in several forms: the values of `--output`."""

from enum import StrEnum
from typing import Annotated

import msgspec
import typer


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class WideForm(StrEnum):
    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Output = Annotated[Form, typer.Option("--output", "-o", help="Output format.")]


def print_body(body: object, form: str) -> None:
    """Prints the body in one of the forms that programs read."""
    typer.echo(as_json(body) if form == Form.JSON else as_yaml(body))


def as_json(body: object) -> str:
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


def as_yaml(body: object) -> str:
    import yaml

    plain = msgspec.to_builtins(body)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).removesuffix("\n")
