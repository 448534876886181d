"""Options that the asking commands share."""

from typing import Annotated

import typer

from ibgu.cli import complete

Rollout = Annotated[
    str,
    typer.Argument(
        help="The rollout's name.", show_default=False, autocompletion=complete.rollouts
    ),
]
Cluster = Annotated[
    str,
    typer.Argument(
        help="The cluster's name.", show_default=False, autocompletion=complete.clusters
    ),
]
Server = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="IBGU_SERVER",
        help="Address of ibgu's REST API; else that of ibgu login, else http://127.0.0.1:8080.",
        show_default=False,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="IBGU_TOKEN",
        help="Bearer token of the hub; else that of the kubeconfig's current user.",
        show_default=False,
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca-file",
        envvar="IBGU_CA_FILE",
        help="Certificates (PEM) to trust the server by; else the system's.",
        show_default=False,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        help="The rollout's namespace; by default the kubeconfig's.",
        show_default=False,
        autocompletion=complete.namespaces,
    ),
]

Selector = Annotated[
    str,
    typer.Option(
        "--selector",
        "-l",
        help="Only clusters with such labels, as kubectl takes it: a=b,c!=d,e in (x,y).",
        show_default=False,
    ),
]

DEFAULT_SERVER = ""
"""Not given: where one is logged in, else this machine (`rest/target.py`)."""
