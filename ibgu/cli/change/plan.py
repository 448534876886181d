"""`ibgu add-step`, `abort`, `retry`."""

from typing import Annotated

import typer

from ibgu.cli.change.options import Direct, DryRun, Form, Minutes, Output, Rollout, Slots
from ibgu.cli.read.choices import causes, chosen
from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Server, Token


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
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import Target
    from ibgu.client.answers.changes import Retry
    from ibgu.core.change import retry

    if direct:
        raise typer.BadParameter("only ibgu knows who has failed, and why: not with --direct")
    cause = chosen("--cause", cause, causes()) if cause else ""
    how = How(Target(server, token, ca_file, namespace), name, dry_run, direct, output)
    body = Retry(clusters=tuple(clusters) if clusters else None, cause=cause or None)
    make(
        how,
        lambda client, where: client.retry(where, name, body, dry_run=dry_run),
        simply(lambda target: retry(target, ())),
    )
