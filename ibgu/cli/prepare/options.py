"""Arguments and options that the commands of `ibgu prepare` share."""

from enum import StrEnum
from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import DryRun, Yes
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import Selector
from ibgu.cli.shared import SharedOptions


class PreparationForm(StrEnum):
    TEXT = "text"
    YAML = "yaml"


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CLUSTER]...",
        help="The clusters, or --selector.",
        show_default=False,
        autocompletion=complete.clusters,
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=1, max=3600, help="Seconds to wait for each cluster's answers."),
]
Files = Annotated[
    PreparationForm,
    typer.Option(
        "--output", "-o", help="yaml: print the objects for Git and a policy, and change nothing."
    ),
]


class PrepareOptions(SharedOptions, frozen=True, kw_only=True):
    """PrepareOptions holds how clusters are prepared; which ones are arguments besides."""

    selector: Selector = ""
    dry_run: DryRun = False
    yes: Yes = False
    timeout: Timeout = 120
    output: Files = PreparationForm.TEXT


def require_clusters(names: list[str] | None, selector: str) -> list[str]:
    """Returns the names, each once; ends the command unless there is one or the selector."""
    found = list(dict.fromkeys(names or ()))
    if bool(found) == bool(selector):
        fail("name the clusters, or select them with --selector", MISUSED)
    return found
