"""`ibgu pause`, `resume`, `skip`, `adopt`."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import ChangeOptions, Yes
from ibgu.cli.read.choices import chosen as one_of
from ibgu.cli.read.choices import reasons
from ibgu.cli.read.options import Rollout

if TYPE_CHECKING:
    from ibgu.client.responses import SkipRequest, StepResponse


def pause(
    name: Rollout,
    why: Annotated[
        str,
        typer.Option(
            "--why",
            help="Reason for the pause, shown to everyone who looks at the rollout.",
            show_default=False,
        ),
    ] = "",
    *,
    options: ChangeOptions,
) -> None:
    """Start nothing new; what is in flight goes on."""
    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.client.responses import PauseRequest
    from ibgu.core.views import change

    make(
        ChangeContext(name, options, risky=False),
        lambda client, where, query: client.pause(where, name, PauseRequest(why=why), **query),
        simply(lambda target: change.pause(target, why)),
    )


def resume(name: Rollout, yes: Yes = False, *, options: ChangeOptions) -> None:
    """End a pause; where there is none, what holds: the circuit breaker, a changed payload, a
    restore."""
    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.core.views import change

    make(
        # Between two steps none is running, and the clusters of the next one are not known yet.
        ChangeContext(name, options, yes, affects=lambda running: running.counts.waiting),
        lambda client, where, query: client.resume(where, name, **query),
        simply(change.resume),
    )


def skip(
    name: Rollout,
    clusters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLUSTER",
            help="Clusters to skip, if they wait.",
            show_default=False,
            autocompletion=complete.clusters,
        ),
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Skip all waiting clusters.")] = False,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            help="Skip all clusters that wait for this reason, such as Unreachable.",
            show_default=False,
        ),
    ] = "",
    if_waiting: Annotated[
        bool,
        typer.Option(
            "--if-waiting",
            help="Skip the named clusters that wait, even if others don't, and list the others.",
        ),
    ] = False,
    yes: Yes = False,
    *,
    options: ChangeOptions,
) -> None:
    """Take waiting clusters out of the running step."""
    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.core.views import change

    body = _skipped(clusters or [], reason, waiting=waiting, if_waiting=if_waiting)
    if options.direct and reason:
        raise typer.BadParameter("--reason doesn't work with --direct: only ibgu knows the reasons")
    make(
        ChangeContext(name, options, yes, affects=partial(_skips, body)),
        lambda client, where, query: client.skip(where, name, body, **query),
        simply(
            lambda target: (
                change.skip_named(target, body.clusters, if_waiting=if_waiting)
                if body.clusters
                else change.skip(target)
            )
        ),
    )


def _skipped(clusters: list[str], reason: str, *, waiting: bool, if_waiting: bool) -> "SkipRequest":
    """Returns the request. Raises typer.BadParameter unless one way of choosing is given."""
    from ibgu.client.responses import SkipRequest

    if bool(clusters) + waiting + bool(reason) != 1:
        raise typer.BadParameter("name clusters, or use --waiting or --reason")
    if if_waiting and not clusters:
        raise typer.BadParameter("--if-waiting applies only to clusters that you name")
    return SkipRequest(
        clusters=tuple(dict.fromkeys(clusters)) or None,
        reason=one_of("--reason", reason, reasons()) if reason else None,
        if_waiting=if_waiting,
    )


def _skips(body: "SkipRequest", running: "StepResponse") -> int:
    """Returns how many clusters of the running step the request is for."""
    if body.clusters:
        return len(body.clusters)
    if body.reason is None:
        return running.counts.waiting
    return sum(each.count for each in running.reasons if each.kind == body.reason)


def adopt(name: Rollout, yes: Yes = False, *, options: ChangeOptions) -> None:
    """Take a rollout over from TALM, which is gone or which the policy keeps away."""
    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.core.views import change

    make(
        ChangeContext(name, options, yes),
        lambda client, where, query: client.adopt(where, name, **query),
        simply(change.adopt),
    )
