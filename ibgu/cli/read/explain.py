"""`ibgu explain`."""

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.client import Client
    from ibgu.client.answers.members import Member, Run, Visit

_SHOWN = 20
"""Of a cluster's newest steps."""


def explain(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME] CLUSTER",
            help="A cluster, after the rollout's name or alone: then in its newest rollout.",
            show_default=False,
        ),
    ],
    namespace: Namespace = "",
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Say why a cluster is not further, and what to do."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.shadow import in_shadow
    from ibgu.cli.rest.target import Target
    from ibgu.cli.show.explain import Case, explain_lines
    from ibgu.cli.show.paper import stdout
    from ibgu.client import RestError

    *of, cluster = names
    if len(of) > 1:
        raise typer.BadParameter("one rollout and one cluster at most", param_hint="NAME CLUSTER")
    with asking():
        target = Target(server, token, ca_file, namespace)
        if of:
            where = target.in_namespace()
            try:
                visits = visits_of(target.client(), where, of[0], cluster)
            except RestError as error:
                typer.echo("\n".join(in_shadow(target.client(), where, of[0], error, cluster)))
                return
        else:
            visits = history_of(target.client(), cluster)
        case = Case(visits, datetime.now(UTC))
        typer.echo("\n".join(explain_lines(case, stdout())))


def history_of(client: "Client", cluster: str) -> "list[Visit]":
    """The cluster's newest steps, the newest first, at least one. Raises RestError."""
    from ibgu.client import RestError

    visits = list(islice(client.cluster_history(cluster), _SHOWN))
    if not visits:
        raise RestError(f"cluster {cluster} was in no rollout yet (is the name right?)")
    return visits


def visits_of(client: "Client", namespace: str, name: str, cluster: str) -> "list[Visit]":
    """Its steps in one rollout, the newest first, at least one. Raises RestError."""
    from ibgu.client import RestError
    from ibgu.client.answers.members import RolloutName, Visit

    found = client.members(namespace, name, cluster=cluster)
    members = [member for member in found if member.cluster == cluster]
    if not members:
        raise RestError(
            f"cluster {cluster} is in no step of rollout {name} yet: a step takes its clusters "
            "by their labels when it starts"
        )
    rollout = RolloutName(namespace=namespace, name=name)
    attempts = _attempts(client, cluster)
    return [
        Visit(
            rollout=rollout,
            member=member,
            runs=attempts.get((namespace, name, member.step), _newest(member)),
        )
        for member in reversed(members)
    ]


def _newest(member: "Member") -> "tuple[Run, ...]":
    return (member.run,) if member.run else ()


def _attempts(client: "Client", cluster: str) -> "dict[tuple[str, str, int], tuple[Run, ...]]":
    """All of them by rollout and step; none for who may not see the cluster's history."""
    from ibgu.client import RestError

    try:
        visits = list(client.cluster_history(cluster))
    except RestError as error:
        if error.status != 403:
            raise
        return {}
    found: dict[tuple[str, str, int], tuple[Run, ...]] = {}
    for visit in visits:
        rollout, member = visit.rollout, visit.member
        found.setdefault((rollout.namespace, rollout.name, member.step), visit.runs)
    return found
