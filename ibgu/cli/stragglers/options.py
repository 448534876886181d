"""Options of `ibgu stragglers`."""

from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.show.form import WideForm

Causes = Annotated[
    list[str] | None,
    typer.Option(
        "--cause",
        help="Only clusters with this cause; repeatable.",
        show_default=False,
        autocompletion=complete.causes,
    ),
]
StepNumber = Annotated[
    int | None,
    typer.Option("--step", min=1, help="Only clusters left in this step.", show_default=False),
]
ActionLeft = Annotated[
    str,
    typer.Option("--action", help="Only clusters left at this action.", show_default=False),
]
NextAction = Annotated[
    str,
    typer.Option(
        "--next",
        metavar="ACTION",
        help="Only clusters that can continue with this action.",
        show_default=False,
    ),
]
CleanupAction = Annotated[
    str,
    typer.Option(
        "--cleanup",
        metavar="ACTION",
        help="Only clusters on which this action cleans up again.",
        show_default=False,
    ),
]
Output = Annotated[
    WideForm,
    typer.Option("--output", "-o", help="Output format; yaml: manifests to apply."),
]
