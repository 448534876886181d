"""Options of `ibgu simulate`."""

from typing import Annotated

import typer

Clusters = Annotated[int, typer.Option(min=0, help="Number of clusters.")]
Pattern = Annotated[str, typer.Option(help="Pattern of the clusters' names, with one number.")]
Names = Annotated[list[str] | None, typer.Option(help="Name for one of the clusters; repeatable.")]
Seed = Annotated[int, typer.Option(help="Seed; the same seed gives the same rollout.")]
Scale = Annotated[
    float, typer.Option(help="Multiplies the clusters' times: 0.01 is 100 times faster.")
]
Durations = Annotated[
    str, typer.Option(help="Durations of the stages: field, or a list as in docs/simulator.md.")
]
Faults = Annotated[list[str] | None, typer.Option(help="Fault to inject, and where; repeatable.")]
Defects = Annotated[
    list[str] | None,
    typer.Option(help="Defect that clusters have from the beginning; repeatable."),
]
Version = Annotated[str, typer.Option(help="Release that the clusters run.")]
Labels = Annotated[
    list[str] | None,
    typer.Option(help="Label (key=value) for every ManagedCluster; repeatable."),
]
Feedback = Annotated[
    str,
    typer.Option(help="Feedback of the agents: watch, or poll:10s for agents that only poll."),
]
Delivered = Annotated[
    list[str] | None,
    typer.Option(help="Object (ConfigMap/namespace/name) that every cluster has; repeatable."),
]
Updates = Annotated[
    bool,
    typer.Option(
        "--updates", help="Let clusters take updates to another release, as FleetUpdates ask."
    ),
]
MultiNode = Annotated[
    float, typer.Option(help="Share of the clusters that have several nodes; with --updates.")
]
Cleanup = Annotated[
    bool, typer.Option("--cleanup", help="Remove all simulated clusters, then exit.")
]
