"""Options of `ibgu gather`."""

from pathlib import Path
from typing import Annotated

import typer

Image = Annotated[
    str,
    typer.Option(
        "--image",
        help="Image with oc, by digest (NAME@sha256:…), that the sites can pull.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="New folder for the logs; default: ibgu-gather-TIME in the current directory.",
        show_default=False,
    ),
]
Timeout = Annotated[
    int | None,
    typer.Option(
        "--timeout",
        min=30,
        max=7200,
        help="Seconds that a cluster may take; default: 300, with --must-gather 1800.",
        show_default=False,
    ),
]
MustGather = Annotated[
    bool,
    typer.Option("--must-gather", help="Run the image's gather script, and upload its files."),
]
Upload = Annotated[
    str,
    typer.Option(
        "--upload",
        metavar="URL",
        help="Where clusters PUT their archive: @FILE with a line CLUSTER URL each, or a URL "
        "with a placeholder.",
        show_default=False,
    ),
]
