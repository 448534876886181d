"""`ibgu add-step`, `abort`, `retry`."""

from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import Direct, DryRun, Minutes, Slots, Yes
from ibgu.cli.read.choices import causes, chosen, every_action
from ibgu.cli.read.options import DEFAULT_SERVER, CaFile, Namespace, Rollout, Server, Token
from ibgu.cli.show.form import Form, Output


def add_step(
    name: Rollout,
    actions: Annotated[
        list[str],
        typer.Argument(
            metavar="ACTION", help="Of the step, in order.", autocompletion=complete.next_actions
        ),
    ],
    max_concurrency: Slots = None,
    timeout: Minutes = None,
    namespace: Namespace = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    direct: Direct = False,
    output: Output = Form.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Append a step to a rollout's plan."""
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client.responses import NewStepRequest
    from ibgu.core.model import Action
    from ibgu.core.views import change

    typed = tuple(chosen("ACTION", each, every_action()) for each in actions)
    step = NewStepRequest(actions=typed, max_concurrency=max_concurrency, timeout=timeout)
    risk = change.risk_of(map(Action, typed))
    how = How(
        RestTarget(server, token, ca_file, namespace),
        *(name, dry_run, direct, output, risk, yes, step),
    )
    new = change.NewStep(typed, max_concurrency, timeout)
    make(
        how,
        lambda client, where, dry_run: client.append_step(where, name, step, dry_run=dry_run),
        simply(lambda target: change.append(target, new)),
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
    yes: Yes = False,
    direct: Direct = False,
    output: Output = Form.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Append AbortOnFailure, for those that have failed; or Abort, for everybody."""
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client.responses import AbortRequest, NewStepRequest
    from ibgu.core.views import change

    action = change.abort_of(everybody=everybody)
    step = NewStepRequest(actions=(action,), max_concurrency=max_concurrency, timeout=timeout)
    how = How(
        RestTarget(server, token, ca_file, namespace),
        *(name, dry_run, direct, output, change.RISKS[action], yes, step),
    )
    body = AbortRequest(everybody=everybody, max_concurrency=max_concurrency, timeout=timeout)
    make(
        how,
        lambda client, where, dry_run: client.abort(where, name, body, dry_run=dry_run),
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
        typer.Argument(
            metavar="CLUSTER",
            help="None: all that failed.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ] = None,
    cause: Annotated[
        str,
        typer.Option(
            "--cause",
            help="Only those that failed for it.",
            show_default=False,
            autocompletion=complete.causes,
        ),
    ] = "",
    namespace: Namespace = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    direct: Direct = False,
    output: Output = Form.TEXT,
    server: Server = DEFAULT_SERVER,
    token: Token = "",
    ca_file: CaFile = "",
) -> None:
    """Try failed clusters once more, by an ImageBasedGroupUpgrade of their own."""
    from ibgu.cli.change.making import How, make, simply
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client.responses import RetryRequest
    from ibgu.core.views.change import retry

    if direct:
        raise typer.BadParameter("only ibgu knows who has failed, and why: not with --direct")
    cause = chosen("--cause", cause, causes()) if cause else ""
    how = How(
        RestTarget(server, token, ca_file, namespace),
        *(name, dry_run, direct, output),
        yes=yes,
        by_state="retry",
        clusters=len(set(clusters)) if clusters else None,
    )
    body = RetryRequest(clusters=tuple(clusters) if clusters else None, cause=cause or None)
    make(
        how,
        lambda client, where, dry_run: client.retry(where, name, body, dry_run=dry_run),
        simply(lambda target: retry(target, ())),
    )
