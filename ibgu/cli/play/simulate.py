"""`ibgu simulate`: a fleet that behaves as a real one, on any hub."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ibgu.settings import Settings
    from ibgu.sim.player import Player
    from ibgu.sim.spec import FleetSpec


def simulate(
    clusters: Annotated[int, typer.Option(min=0, help="Number of clusters.")] = 50,
    pattern: Annotated[
        str, typer.Option(help="Pattern of the clusters' names, with one number.")
    ] = "site-%04d",
    name: Annotated[
        list[str] | None, typer.Option(help="Name for one of the clusters; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same rollout.")] = 1,
    scale: Annotated[
        float, typer.Option(help="Multiplies the clusters' times: 0.01 is 100 times faster.")
    ] = 1.0,
    durations: Annotated[
        str, typer.Option(help="Durations of the stages: field, or a list as in docs/simulator.md.")
    ] = "field",
    fault: Annotated[
        list[str] | None, typer.Option(help="Fault to inject, and where; repeatable.")
    ] = None,
    defect: Annotated[
        list[str] | None,
        typer.Option(help="Defect that clusters have from the beginning; repeatable."),
    ] = None,
    version: Annotated[str, typer.Option(help="Release that the clusters run.")] = "4.14.13",
    label: Annotated[
        list[str] | None,
        typer.Option(help="Label (key=value) for every ManagedCluster; repeatable."),
    ] = None,
    feedback: Annotated[
        str,
        typer.Option(help="Feedback of the agents: watch, or poll:10s for agents that only poll."),
    ] = "watch",
    delivered: Annotated[
        list[str] | None,
        typer.Option(help="Object (ConfigMap/namespace/name) that every cluster has; repeatable."),
    ] = None,
    updates: Annotated[
        bool,
        typer.Option(
            "--updates", help="Let clusters take updates to another release, as FleetUpdates ask."
        ),
    ] = False,
    multi_node: Annotated[
        float, typer.Option(help="Share of the clusters that have several nodes; with --updates.")
    ] = 0.0,
    cleanup: Annotated[
        bool, typer.Option("--cleanup", help="Remove all simulated clusters, then exit.")
    ] = False,
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
