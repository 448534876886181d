"""Options of `ibgu rehearse`."""

from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import without_namespace

_MAX_RUNS = 10_000

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A rollout of the hub, of which the rest is rehearsed.",
        show_default=False,
        autocompletion=complete.rollouts,
        callback=without_namespace,
    ),
]
Manifest = Annotated[
    str,
    typer.Option(
        "--file",
        "-f",
        help="Manifest of the rollout, which is not applied; - reads the input.",
        show_default=False,
    ),
]
Against = Annotated[
    str,
    typer.Option(
        "--against",
        help="Manifest of a second plan, rehearsed with the same luck.",
        show_default=False,
    ),
]
Beside = Annotated[
    bool,
    typer.Option(
        "--beside",
        help="Rehearse the rollout from its start, and show that beside what came.",
        show_default=False,
    ),
]
Runs = Annotated[
    int, typer.Option("--runs", min=1, max=_MAX_RUNS, help="How often it is rehearsed.")
]
Seed = Annotated[int, typer.Option("--seed", help="Other draws for another number.")]
Begin = Annotated[
    str,
    typer.Option(
        "--begin",
        help="When it begins, as 2026-12-01T22:00:00Z; default: now.",
        show_default=False,
    ),
]
Taking = Annotated[
    list[str] | None,
    typer.Option(
        "--taking",
        metavar="ACTION=P50,P95",
        help="Minutes that an action takes; default: as measured on the hub. Repeatable.",
        show_default=False,
    ),
]
Failing = Annotated[
    list[str] | None,
    typer.Option(
        "--failing",
        metavar="ACTION=PERCENT",
        help="How often an action fails; default: never. Repeatable.",
        show_default=False,
    ),
]
ApprovalAfter = Annotated[
    float,
    typer.Option(
        "--approval-after",
        metavar="MINUTES",
        min=0,
        max=100_000,
        help="How long clusters wait until somebody approves what a policy wants approved; "
        "default: not at all.",
        show_default=False,
    ),
]
Policies = Annotated[
    list[Path] | None,
    typer.Option(
        "--policies",
        help="Files with RolloutPolicies; default: those of the hub. Repeatable.",
        show_default=False,
    ),
]
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="Label of ManagedClusters: when do the clusters of each value end?",
        show_default=False,
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Also write a page with charts to this file, to send.",
        show_default=False,
    ),
]
ImageSize = Annotated[
    float,
    typer.Option(
        "--image-size",
        metavar="GIB",
        min=0,
        max=1000,
        help="With --html: size of the image that clusters pull, for the load on the registry.",
        show_default=False,
    ),
]
