"""`ibgu prepare partition`: a file for a new installation."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli.errors import MISUSED, fail


class PartitionForm(StrEnum):
    MACHINE_CONFIG = "machine-config"
    IGNITION = "ignition"


def partition(
    disk: Annotated[
        str,
        typer.Option(
            "--disk", help="The root disk, by a name in /dev/disk/by-path.", show_default=False
        ),
    ],
    start: Annotated[int, typer.Option("--start", min=1, help="Start in MiB.", show_default=False)],
    size: Annotated[
        int, typer.Option("--size", min=0, help="Size in MiB; 0: the rest of the disk.")
    ] = 0,
    label: Annotated[
        str, typer.Option("--label", help="Label of the partition; it must be the seed's.")
    ] = "var-lib-containers",
    form: Annotated[
        PartitionForm,
        typer.Option("--form", help="ignition: the line for ignitionConfigOverride."),
    ] = PartitionForm.MACHINE_CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it; by default the standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the partition for container images, for a new installation."""
    from ibgu.cli.content.files import write
    from ibgu.cli.show.form import as_yaml
    from ibgu.core.drivers.ibu.preparation import Partition

    wanted = Partition(disk, start, size, label)
    for fault in wanted.faults():
        fail(fault, MISUSED)
    for words in wanted.warnings():
        typer.echo(f"ibgu: warning: {words}", err=True)
    if form is PartitionForm.IGNITION:
        text = wanted.ignition_override()
    else:
        text = as_yaml(wanted.machine_config())
    write(f"{text}\n", output)
    words = "for a new installation only: on a running cluster it overwrites what is on the disk"
    typer.echo(f"ibgu: {words}", err=True)
