"""Options of `ibgu seed add`."""

from typing import Annotated

import typer

SeedName = Annotated[str, typer.Argument(help="The SeedImage's name.", show_default=False)]
ImageByDigest = Annotated[
    str, typer.Option("--image", help="The image by its digest.", show_default=False)
]
Release = Annotated[
    str, typer.Option("--release", help="Its release of OpenShift.", show_default=False)
]
MadeFrom = Annotated[
    str,
    typer.Option("--cluster", help="The cluster that it was made from.", show_default=False),
]
Profile = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="KEY=VALUE",
        help="Hardware or network of that cluster; repeatable.",
        show_default=False,
    ),
]
ClusterLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-label",
        metavar="KEY=LABEL",
        help="Label of clusters with the value of a key; repeatable.",
        show_default=False,
    ),
]
AgentVersion = Annotated[
    str, typer.Option("--lifecycle-agent", help="Its version.", show_default=False)
]
OadpVersion = Annotated[str, typer.Option("--oadp", help="Its version.", show_default=False)]
MadeAt = Annotated[
    str,
    typer.Option("--time", help="When it was made, as 2026-11-20T08:00:00Z.", show_default=False),
]
