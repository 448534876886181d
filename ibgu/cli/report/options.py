"""Options of `ibgu report`."""

from enum import StrEnum
from typing import Annotated

import typer

from ibgu.cli import complete


class ReportOutput(StrEnum):
    HTML = "html"
    CSV = "csv"
    JSON = "json"


By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="LABEL",
        help="Label of the ManagedClusters to group by, such as region; repeatable.",
        show_default=False,
    ),
]
Against = Annotated[
    str,
    typer.Option(
        "--against",
        metavar="NAMESPACE/NAME",
        help="Second rollout to compare with.",
        show_default=False,
        autocompletion=complete.rollouts,
    ),
]
Output = Annotated[
    ReportOutput,
    typer.Option(
        "--output",
        "-o",
        help="Output format; csv: a row for each cluster and action, json: for programs.",
    ),
]
