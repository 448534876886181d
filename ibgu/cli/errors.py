"""Ends a command that fails: one line, and an exit code."""

from typing import NoReturn

import typer

from ibgu.core.text.harmless import harmless

FAILED = 1
MISUSED = 2
"""The exit code for wrong options, arguments and settings."""
NOBODY = 5
"""No cluster is selected, or has the labels that were asked for."""


def fail(message: str, code: int = FAILED) -> NoReturn:
    typer.echo(f"ibgu: {harmless(message)}", err=True)
    raise typer.Exit(code)
