"""Options that the asking commands share."""

from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.shared import SharedOptions

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget


MAX_COUNT = 2**31 - 1
"""The largest number of items that can be asked for."""


def without_namespace(name: str) -> str:
    """Returns the rollout's name. Raises BadParameter for NAMESPACE/NAME, as lists print it."""
    namespace, slash, rest = name.partition("/")
    if slash:
        raise typer.BadParameter(f"give the namespace with -n: {rest} -n {namespace}")
    return name


Rollout = Annotated[
    str,
    typer.Argument(
        help="The rollout's name.",
        show_default=False,
        autocompletion=complete.rollouts,
        callback=without_namespace,
    ),
]
Cluster = Annotated[
    str,
    typer.Argument(
        help="The cluster's name.", show_default=False, autocompletion=complete.clusters
    ),
]
RolloutAndCluster = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME] CLUSTER",
        help="A cluster, in the named rollout or in its newest one.",
        show_default=False,
        autocompletion=complete.rollouts_or_clusters,
    ),
]
Server = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="IBGU_SERVER",
        help="Address of ibgu's REST API; default: that of ibgu login, or http://127.0.0.1:8080.",
        show_default=False,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="IBGU_TOKEN",
        help="Bearer token for the hub; default: that of the kubeconfig's current user.",
        show_default=False,
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca-file",
        envvar="IBGU_CA_FILE",
        help="CA certificates (PEM) to verify the server with; default: the system's.",
        show_default=False,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace of the rollout; default: that of the kubeconfig.",
        show_default=False,
        autocompletion=complete.namespaces,
    ),
]

Selector = Annotated[
    str,
    typer.Option(
        "--selector",
        "-l",
        help="Label selector, as for kubectl: a=b,c!=d,e in (x,y).",
        show_default=False,
    ),
]


def split_rollout_and_cluster(names: list[str]) -> tuple[str | None, str]:
    """Returns the rollout's name, None without one, and the cluster's. Raises BadParameter for
    more than two names."""
    *of, cluster = names
    if len(of) > 1:
        raise typer.BadParameter(
            "name at most one rollout and one cluster", param_hint="NAME CLUSTER"
        )
    return (without_namespace(of[0]) if of else None), cluster


class RestOptions(SharedOptions, frozen=True):
    """RestOptions says where ibgu's REST API is, and who asks it; what is empty was not given."""

    server: Server = ""
    token: Token = ""
    ca_file: CaFile = ""

    def target(self, namespace: str = "") -> "RestTarget":
        from ibgu.cli.rest.target import RestTarget

        return RestTarget(self.server, self.token, self.ca_file, namespace)
