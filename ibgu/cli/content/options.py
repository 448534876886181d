"""Arguments and options that the commands about content share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH", help="Files or directories: manifests, or ConfigMaps.", show_default=False
    ),
]


class LintOutput(StrEnum):
    TEXT = "text"
    JSON = "json"


LintForm = Annotated[LintOutput, typer.Option("--output", "-o", help="Output format.")]


class StorageOperator(StrEnum):
    LSO = "lso"
    LVMS = "lvms"


StorageChoice = Annotated[
    StorageOperator | None,
    typer.Option(
        "--storage",
        help="Storage operator of the clusters; default: detected from the files.",
        show_default=False,
    ),
]
PullSecret = Annotated[
    bool | None,
    typer.Option(
        "--pull-secret/--no-pull-secret",
        help="Whether the MultiClusterHub has spec.imagePullSecret.",
        show_default=False,
    ),
]
