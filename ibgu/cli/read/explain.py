"""`ibgu explain`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.cli.rest.client import JsonObject, Rest


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
    from ibgu.cli.rest.client import RestError
    from ibgu.cli.rest.target import Target
    from ibgu.cli.show.explain import Case, explain_lines
    from ibgu.cli.show.paper import stdout

    *of, cluster = names
    if len(of) > 1:
        raise typer.BadParameter("one rollout and one cluster at most", param_hint="NAME CLUSTER")
    with asking():
        target = Target(server, token, ca_file, namespace)
        if of:
            where = target.in_namespace()
            try:
                visits = visits_of(target.rest(), where, of[0], cluster)
            except RestError as error:
                typer.echo("\n".join(in_shadow(target.rest(), where, of[0], error, cluster)))
                return
        else:
            visits = history_of(target.rest(), cluster)
        case = Case(visits, datetime.now(UTC))
        typer.echo("\n".join(explain_lines(case, stdout())))


def history_of(rest: "Rest", cluster: str) -> "list[JsonObject]":
    """The cluster's newest steps, the newest first, at least one. Raises RestError."""
    from ibgu.cli.rest.client import RestError

    visits: list[JsonObject] = rest.get("clusters", cluster, "history", limit=20)["items"]
    if not visits:
        raise RestError(f"cluster {cluster} was in no rollout yet (is the name right?)")
    return visits


def visits_of(rest: "Rest", namespace: str, name: str, cluster: str) -> "list[JsonObject]":
    """Its steps in one rollout, the newest first, at least one. Raises RestError."""
    from ibgu.cli.rest.client import RestError

    found = rest.pages("rollouts", namespace, name, "members", cluster=cluster)
    members = [member for member in found if member["cluster"] == cluster]
    if not members:
        raise RestError(
            f"cluster {cluster} is in no step of rollout {name} yet: a step takes its clusters "
            "by their labels when it starts"
        )
    rollout = {"namespace": namespace, "name": name}
    attempts = _attempts(rest, cluster)
    return [
        {
            "rollout": rollout,
            "member": member,
            "runs": attempts.get((namespace, name, member["step"]), _newest(member)),
        }
        for member in reversed(members)
    ]


def _newest(member: "JsonObject") -> "list[JsonObject]":
    return [member["run"]] if member["run"] else []


def _attempts(rest: "Rest", cluster: str) -> "dict[tuple[str, str, int], list[JsonObject]]":
    """All of them by rollout and step; none for who may not see the cluster's history."""
    from ibgu.cli.rest.client import RestError

    try:
        visits = rest.get("clusters", cluster, "history")["items"]
    except RestError as error:
        if error.status != 403:
            raise
        return {}
    found: dict[tuple[str, str, int], list[JsonObject]] = {}
    for visit in visits:
        rollout, member = visit["rollout"], visit["member"]
        found.setdefault((rollout["namespace"], rollout["name"], member["step"]), visit["runs"])
    return found
