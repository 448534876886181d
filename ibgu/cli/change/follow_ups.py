"""`ibgu retry`, `cancel`, `rollback`, `finalize`, `confirm-cleanup`."""

from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import FollowUpMinutes, FollowUpOptions, FollowUpSlots
from ibgu.cli.read.choices import causes, chosen, every_action
from ibgu.cli.read.options import Rollout, Selector

Clusters = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CLUSTER",
        help="Clusters of the rollout; default: all that can take the action.",
        show_default=False,
        autocompletion=complete.clusters,
    ),
]


def _names(clusters: list[str] | None) -> tuple[str, ...] | None:
    """Returns the named clusters; None: none were named. One argument may hold several, as in
    "$(ibgu stragglers … -o name)", and without any it must not mean all of the rollout."""
    if not clusters:
        return None
    if not all(each.strip() for each in clusters):
        raise typer.BadParameter("a CLUSTER is empty: nothing was done")
    return tuple(name for each in clusters for name in each.split())


def retry(
    name: Rollout,
    clusters: Clusters = None,
    cause: Annotated[
        str,
        typer.Option(
            "--cause",
            help="Only clusters that failed for this cause.",
            show_default=False,
            autocompletion=complete.causes,
        ),
    ] = "",
    selector: Selector = "",
    abort_first: Annotated[
        bool,
        typer.Option(
            "--abort-first", help="Abort clusters whose Prep or Upgrade failed, then retry them."
        ),
    ] = False,
    max_concurrency: FollowUpSlots = None,
    timeout: FollowUpMinutes = None,
    *,
    how: FollowUpOptions,
) -> None:
    """Try failed clusters once more, by an ImageBasedGroupUpgrade of their own."""
    from ibgu.cli.change.following import follow_up
    from ibgu.client.responses import RetryRequest

    body = RetryRequest(
        clusters=_names(clusters),
        label=selector,
        max_concurrency=max_concurrency,
        timeout=timeout,
        cause=chosen("--cause", cause, causes()) if cause else None,
        abort_first=abort_first,
    )
    follow_up(
        name,
        how,
        lambda client, where, query: client.retry(where, name, body, **query),
    )


def cancel(
    name: Rollout,
    clusters: Clusters = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only clusters that wait in the running step.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only clusters whose Prep or Upgrade failed.")
    ] = False,
    selector: Selector = "",
    max_concurrency: FollowUpSlots = None,
    timeout: FollowUpMinutes = None,
    *,
    how: FollowUpOptions,
) -> None:
    """Take clusters that are not upgraded yet back to Idle."""
    from ibgu.cli.change.following import follow_up
    from ibgu.client.responses import CancelRequest

    if waiting and failed:
        raise typer.BadParameter("use --waiting or --failed, not both")
    body = CancelRequest(
        clusters=_names(clusters),
        label=selector,
        max_concurrency=max_concurrency,
        timeout=timeout,
        which="waiting" if waiting else "failed" if failed else "all",
    )
    follow_up(
        name,
        how,
        lambda client, where, query: client.cancel(where, name, body, **query),
    )


def rollback(
    name: Rollout,
    clusters: Clusters = None,
    selector: Selector = "",
    finalize: Annotated[
        bool,
        typer.Option(
            "--finalize",
            help="Finalize each cluster as soon as it is rolled back, without a check in between.",
        ),
    ] = False,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed", help="Roll back clusters whose Upgrade failed on the new release instead."
        ),
    ] = False,
    max_concurrency: FollowUpSlots = None,
    timeout: FollowUpMinutes = None,
    *,
    how: FollowUpOptions,
) -> None:
    """Take upgraded clusters back to the release from before."""
    from ibgu.cli.change.following import follow_up
    from ibgu.client.responses import RollBackRequest

    body = RollBackRequest(
        clusters=_names(clusters),
        label=selector,
        max_concurrency=max_concurrency,
        timeout=timeout,
        finalize=finalize,
        failed=failed,
    )
    follow_up(
        name,
        how,
        lambda client, where, query: client.rollback(where, name, body, **query),
        then="" if finalize else "finalize",
    )


def finalize(
    name: Rollout,
    clusters: Clusters = None,
    selector: Selector = "",
    max_concurrency: FollowUpSlots = None,
    timeout: FollowUpMinutes = None,
    *,
    how: FollowUpOptions,
) -> None:
    """End the upgrade of upgraded clusters, or a rollback: the other release is deleted."""
    from ibgu.cli.change.following import follow_up
    from ibgu.client.responses import OfClustersRequest

    body = OfClustersRequest(
        clusters=_names(clusters),
        label=selector,
        max_concurrency=max_concurrency,
        timeout=timeout,
    )
    follow_up(
        name,
        how,
        lambda client, where, query: client.finalize(where, name, body, **query),
    )


def confirm_cleanup(
    name: Rollout,
    clusters: Clusters = None,
    reason: Annotated[
        str,
        typer.Option("--reason", help="What you cleaned up. ibgu records it.", show_default=False),
    ] = "",
    action: Annotated[
        str,
        typer.Option(
            "--action",
            help="Only clusters that run this action again, such as Abort.",
            show_default=False,
        ),
    ] = "",
    selector: Selector = "",
    max_concurrency: FollowUpSlots = None,
    timeout: FollowUpMinutes = None,
    *,
    how: FollowUpOptions,
) -> None:
    """Say that you have cleaned up by hand: an abort or finalize that could not runs again."""
    from ibgu.cli.change.following import follow_up
    from ibgu.client.responses import ConfirmCleanupRequest

    if not (reason := " ".join(reason.split())):
        raise typer.BadParameter("--reason is required: say what you cleaned up")
    body = ConfirmCleanupRequest(
        reason=reason,
        clusters=_names(clusters),
        label=selector,
        max_concurrency=max_concurrency,
        timeout=timeout,
        action=chosen("--action", action, every_action()) if action else None,
    )
    follow_up(
        name,
        how,
        lambda client, where, query: client.confirm_cleanup(where, name, body, **query),
    )
