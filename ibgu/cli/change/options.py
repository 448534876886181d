"""Options that the changing commands share."""

from typing import Annotated

import typer

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Let the hub check the change, and say what it would do; change nothing."
    ),
]
Direct = Annotated[
    bool,
    typer.Option(
        "--direct", help="Make the change on the hub itself, with your kubeconfig, without ibgu."
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Don't ask for the rollout's name: for scripts."),
]
Slots = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        help="Clusters in flight at once; by default as in the last step.",
        show_default=False,
    ),
]
Minutes = Annotated[
    int | None,
    typer.Option(
        "--timeout", min=1, help="Minutes; by default as in the last step.", show_default=False
    ),
]
