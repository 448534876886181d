"""`ibgu --version`."""

import typer

HUB = "Kubernetes 1.27 or newer, Open Cluster Management with work.open-cluster-management.io/v1"
"""The versions of the hub, as in docs/installation.md."""


def show_version(asked: bool) -> None:
    import platform
    from importlib.metadata import version

    if asked:
        typer.echo(f"ibgu {version('ibgu')} (Python {platform.python_version()})\nhubs: {HUB}")
        raise typer.Exit
