"""Arguments and options that the commands about content share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        help="Files or directories: manifests, or ConfigMaps; - reads the input.",
        show_default=False,
    ),
]


PolicyPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        help="Files or directories with RolloutPolicies; - reads the input.",
        show_default=False,
    ),
]
PackedPaths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Files or directories of manifests.", show_default=False),
]
MapName = Annotated[str, typer.Option("--name", help="Name of the ConfigMap.")]
MapNamespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace of the ConfigMap.")
]
PackedFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write it; by default the standard output.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Pack the files even if lint finds errors.")]


class LintOutput(StrEnum):
    TEXT = "text"
    JSON = "json"


LintForm = Annotated[LintOutput, typer.Option("--output", "-o", help="Output format.")]


SourcesFile = Annotated[
    Path | None,
    typer.Option(
        "--sources",
        metavar="FILE",
        help="Sources of canaries' health, the file of IBGU_HEALTH_SOURCES_FILE: policies may name "
        "no others. By default any name will do.",
        show_default=False,
    ),
]


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
