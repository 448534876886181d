"""`ibgu demo`: everything on one's own machine."""

from enum import StrEnum
from typing import Annotated

import typer


class DemoKind(StrEnum):
    UPGRADE = "ImageBasedGroupUpgrade"
    UPDATE = "FleetUpdate"


def demo(
    kind: Annotated[
        DemoKind, typer.Option("--kind", help="The kind of the sample rollout.")
    ] = DemoKind.UPGRADE,
    clusters: Annotated[
        int,
        typer.Option(
            min=3, help="Number of simulated clusters, including spoke1, spoke4 and spoke6."
        ),
    ] = 50,
    speed: Annotated[
        float,
        typer.Option(
            min=0.1, help="Speed, as a multiple of the real one: at 120, 12 minutes take 6 seconds."
        ),
    ] = 120.0,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same rollout.")] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Fault to inject beside those of the sample, and where; repeatable."),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            help="Address of the REST API; default: 127.0.0.1:8080, or a free port if that is "
            "in use.",
            show_default=False,
        ),
    ] = "",
    exit_when_done: Annotated[
        bool,
        typer.Option(
            "--exit-when-done", help="Run all steps, then exit with the outcome as exit code."
        ),
    ] = False,
) -> None:
    """Try it all here: hub, fleet, rollout."""
    from ibgu.cli.play.extra import sandbox_extra

    with sandbox_extra():
        from ibgu.sandbox.demo import DemoOptions, main
    options = DemoOptions(
        kind=str(kind),
        clusters=clusters,
        speed=speed,
        seed=seed,
        faults=tuple(fault or ()),
        listen=listen,
        exit_when_done=exit_when_done,
    )
    raise typer.Exit(main(options))
