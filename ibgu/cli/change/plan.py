"""`ibgu add-step`, `abort`, `retry`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.change.options import Direct, DryRun, Form, Minutes, Output, Rollout, Slots
from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token

if TYPE_CHECKING:
    from ibgu.cli.change.making import Decide


def add_step(
    name: Rollout,
    actions: Annotated[list[str], typer.Argument(metavar="ACTION", help="Of the step, in order.")],
    max_concurrency: Slots = None,
    timeout: Minutes = None,
    namespace: Namespace = "",
    dry_run: DryRun = False,
    direct: Direct = False,
    output: Form = Output.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Append a step to a rollout's plan."""
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import Target
    from ibgu.client.answers.changes import NewStep
    from ibgu.core import change

    how = How(Target(server, token, ca_file, namespace), name, dry_run, direct, output)
    body = NewStep(actions=tuple(actions), max_concurrency=max_concurrency, timeout=timeout)
    step = change.NewStep(tuple(actions), max_concurrency, timeout)
    make(
        how,
        lambda client, where: client.append_step(where, name, body, dry_run=dry_run),
        simply(lambda target: change.append(target, step)),
    )


def abort(
    name: Rollout,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Abort, which undoes what has succeeded too.")
    ] = False,
    max_concurrency: Slots = None,
    timeout: Minutes = None,
    namespace: Namespace = "",
    dry_run: DryRun = False,
    direct: Direct = False,
    output: Form = Output.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Append AbortOnFailure, for those that have failed; or Abort, for everybody."""
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import Target
    from ibgu.client.answers.changes import Abort
    from ibgu.core import change

    how = How(Target(server, token, ca_file, namespace), name, dry_run, direct, output)
    body = Abort(everybody=everybody, max_concurrency=max_concurrency, timeout=timeout)
    make(
        how,
        lambda client, where: client.abort(where, name, body, dry_run=dry_run),
        simply(
            lambda target: change.abort(
                target, everybody=everybody, max_concurrency=max_concurrency, timeout=timeout
            )
        ),
    )


def retry(
    name: Rollout,
    clusters: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLUSTER", help="None: all that failed.", show_default=False),
    ] = None,
    cause: Annotated[
        str,
        typer.Option("--cause", help="Only those that failed for it.", show_default=False),
    ] = "",
    namespace: Namespace = "",
    dry_run: DryRun = False,
    direct: Direct = False,
    output: Form = Output.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Try failed clusters once more, by an ImageBasedGroupUpgrade of their own."""
    from ibgu.cli.change.making import How, make
    from ibgu.cli.rest.target import Target
    from ibgu.client.answers.changes import Retry

    if direct and cause:
        raise typer.BadParameter("only ibgu knows the causes: not with --direct")
    how = How(Target(server, token, ca_file, namespace), name, dry_run, direct, output)
    body = Retry(clusters=tuple(clusters) if clusters else None, cause=cause or None)
    make(
        how,
        lambda client, where: client.retry(where, name, body, dry_run=dry_run),
        _retry_directly(body.clusters),
    )


def _retry_directly(clusters: tuple[str, ...] | None) -> "Decide":
    from ibgu.core import change
    from ibgu.hub.changes import Changes

    async def decide(changes: Changes, target: change.Target) -> change.Change:
        labels = {c.metadata.name: c.metadata.labels for c in await changes.clusters()}
        failed = {
            name: action
            for name, action in change.failed_in(target).items()
            if clusters is None or name in clusters
        }
        failures = [
            change.Failure(name, action, labels.get(name)) for name, action in failed.items()
        ]
        return change.retry(target, failures)

    return decide
