"""`ibgu simulate`: a fleet that behaves as a real one, on any hub."""

from typing import TYPE_CHECKING

import typer

from ibgu.cli.play.options import (
    Cleanup,
    Clusters,
    Defects,
    Delivered,
    Durations,
    Faults,
    Feedback,
    Labels,
    MultiNode,
    Names,
    Pattern,
    Scale,
    Seed,
    Updates,
    Version,
)

if TYPE_CHECKING:
    from ibgu.settings import Settings
    from ibgu.sim.player import Player
    from ibgu.sim.spec import FleetSpec


def simulate(
    clusters: Clusters = 50,
    pattern: Pattern = "site-%04d",
    name: Names = None,
    seed: Seed = 1,
    scale: Scale = 1.0,
    durations: Durations = "field",
    fault: Faults = None,
    defect: Defects = None,
    version: Version = "4.14.13",
    label: Labels = None,
    feedback: Feedback = "watch",
    delivered: Delivered = None,
    updates: Updates = False,
    multi_node: MultiNode = 0.0,
    cleanup: Cleanup = False,
) -> None:
    """Play a fleet of clusters on a hub."""
    from functools import partial

    from ibgu.cli.errors import MISUSED, fail
    from ibgu.cli.play.extra import sandbox_extra
    from ibgu.cli.serve import checks, process

    with sandbox_extra():
        from ibgu.sim.player import ForeignCluster
        from ibgu.sim.spec import FleetSpec

    try:
        spec = FleetSpec.parse(
            count=clusters,
            pattern=pattern,
            names=name or (),
            seed=seed,
            scale=scale,
            durations=durations,
            faults=fault or (),
            defects=defect or (),
            version=version,
            labels=label or (),
            feedback=feedback,
            delivered=delivered or (),
            updates=updates,
            multi_node=multi_node,
        )
    except ValueError as error:
        fail(str(error), MISUSED)
    main = _clean_up if cleanup else partial(_play, spec=spec)
    raise typer.Exit(process.run(checks.settings_of_hub, main, ForeignCluster))


async def _play(settings: "Settings", *, spec: "FleetSpec") -> None:
    from ibgu.hub.client import HubClient
    from ibgu.sim.player import simulate

    async with await HubClient.connect(settings.kubeconfig) as client:
        await simulate(client, spec, ready=_ready)


def _ready(player: "Player") -> None:
    typer.echo(
        f"{len(player.clusters)} clusters are running on {player.client.url}. Press Ctrl-C to stop."
    )
    typer.echo("Their objects stay on the hub; `ibgu simulate --cleanup` removes them.")


async def _clean_up(settings: "Settings") -> None:
    from ibgu.hub.client import HubClient
    from ibgu.sim.player.cleanup import clean_up

    async with await HubClient.connect(settings.kubeconfig) as client:
        typer.echo(f"{await clean_up(client)} simulated clusters removed")
