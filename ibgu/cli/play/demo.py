"""`ibgu demo`: everything on one's own machine."""

from typing import Annotated

import typer


def demo(
    clusters: Annotated[
        int,
        typer.Option(min=3, help="How many simulated clusters; spoke1, 4 and 6 are among them."),
    ] = 50,
    speed: Annotated[
        float,
        typer.Option(min=0.1, help="How much faster than in the field: 120 makes 12 min 6 s."),
    ] = 120.0,
    seed: Annotated[int, typer.Option(help="Same seed, same course of things.")] = 1,
    listen: Annotated[
        str,
        typer.Option(
            help="Address of the REST API; else 127.0.0.1:8080, or a free port if that is taken.",
            show_default=False,
        ),
    ] = "",
    exit_when_done: Annotated[
        bool,
        typer.Option(
            "--exit-when-done", help="Walk through all steps and end with the outcome as exit code."
        ),
    ] = False,
) -> None:
    """Try it all here: hub, fleet, rollout."""
    from ibgu.cli.play.extra import sandbox_extra

    with sandbox_extra():
        from ibgu.sandbox.demo import DemoOptions, main
    options = DemoOptions(
        clusters=clusters, speed=speed, seed=seed, listen=listen, exit_when_done=exit_when_done
    )
    raise typer.Exit(main(options))
