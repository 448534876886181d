"""Options that the changing commands share."""

from enum import StrEnum
from typing import Annotated

import typer

Rollout = Annotated[str, typer.Argument(help="The rollout's name.", show_default=False)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Have it checked by the hub, and told, but not done.")
]
Direct = Annotated[
    bool,
    typer.Option("--direct", help="On the hub itself, with the kubeconfig; no ibgu is asked."),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Don't ask for the rollout's name: for scripts."),
]
Slots = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency", min=1, help="Else that of the last step.", show_default=False
    ),
]
Minutes = Annotated[
    int | None,
    typer.Option(
        "--timeout", min=1, help="In minutes; else that of the last step.", show_default=False
    ),
]


class ChangeOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


Form = Annotated[ChangeOutput, typer.Option("--output", "-o", help="Form.")]
