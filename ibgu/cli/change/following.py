"""Makes a change that another step or rollout carries out: previews it, confirms it, follows it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import typer

from ibgu.cli.change.confirming import (
    NOTHING_DONE,
    REPEAT,
    ChangeQuery,
    confirmed,
    lost,
    lost_by,
    require_as_confirmed,
)
from ibgu.cli.change.options import FollowUpOptions
from ibgu.cli.errors import fail
from ibgu.cli.read.asking import asking
from ibgu.cli.read.polling import REFRESH_SECONDS
from ibgu.cli.read.status import see
from ibgu.cli.read.verdict import WaitResult, verdict
from ibgu.cli.read.waiting import wait
from ibgu.cli.show.form import Form, print_body
from ibgu.cli.show.output_style import page, stderr, stdout
from ibgu.cli.show.preview import plan_lines
from ibgu.cli.show.status import StatusSnapshot, status_lines
from ibgu.client import Client, RestError
from ibgu.client.responses import FollowUpResponse

WAIT_SECONDS = 60.0
"""Seconds for which labels may be pending, and for which ibgu may not have read a change."""

Ask = Callable[[Client, str, ChangeQuery], FollowUpResponse]
"""Takes the client, the namespace, and how to request it."""


def follow_up(name: str, how: FollowUpOptions, ask: Ask, *, then: str = "") -> None:
    """Makes the change, and, where it takes two, makes it again when the first is over.

    `then`: the command that usually follows on the rollout, which is named after a success.
    """
    target = how.rest.target(how.namespace)
    client, namespace = target.client(), target.in_namespace()
    done = _make(how, client, namespace, ask, partial(_confirmed, name, how))
    while done is not None and how.wait and how.output is Form.TEXT:
        result = _followed(client, namespace, done)
        if not done.again or result not in (WaitResult.SUCCEEDED, WaitResult.FAILED):
            if then and result == WaitResult.SUCCEEDED:
                typer.echo(f"Next: ibgu {then} {done.rollout} -n {namespace}")
            raise typer.Exit(result)
        again = partial(ask_until_labels_removed, ask)
        done = _make(how, client, namespace, again, partial(foreseen, name, done), done.uid)


def ask_until_labels_removed(
    ask: Ask, client: Client, namespace: str, query: ChangeQuery
) -> FollowUpResponse:
    """Asks until the labels of aborted clusters are removed. Raises RestError if they are not after
    WAIT_SECONDS."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return ask(client, namespace, query)
        except RestError as error:
            if error.code != "labels-pending" or time.monotonic() > until:
                raise
        time.sleep(REFRESH_SECONDS)


def _make(
    how: FollowUpOptions,
    client: Client,
    namespace: str,
    ask: Ask,
    confirm: Callable[[FollowUpResponse], bool],
    known: str = "",
) -> FollowUpResponse | None:
    """Makes the change and returns the answer; None: it was a dry run. `confirm` returns whether a
    person was asked. `known`: the rollout's uid; empty: it is not known."""
    with asking():
        tried = ask(client, namespace, {"dry_run": True, "uid": known or None})
        if how.dry_run:
            _print_dry_run(tried, how.output)
            return None
        uid = tried.uid or None
        if confirm(tried):
            require_shown(tried, ask(client, namespace, {"dry_run": True, "uid": uid}))
        done = ask(client, namespace, {"dry_run": False, "uid": uid})
        if how.output is Form.TEXT:
            typer.echo(page(stdout().under("", done.done)))
        else:
            print_body(done, how.output)
        return done


def _confirmed(name: str, how: FollowUpOptions, response: FollowUpResponse) -> bool:
    return confirmed(
        name,
        response,
        yes=how.yes,
        shown=lambda: page(
            [
                *stderr().under("", response.done),
                *plan_lines(response.preview, stderr(), datetime.now(UTC)),
            ]
        ),
        clusters=lambda: response.clusters,
    )


def require_shown(confirmed: FollowUpResponse, now: FollowUpResponse) -> None:
    """Ends the command if it would lose more by now, or be for more clusters, than was shown."""
    require_as_confirmed(confirmed, now)
    if now.clusters > confirmed.clusters:
        whom = f"{now.clusters} clusters instead of {confirmed.clusters}"
        fail(f"{NOTHING_DONE}: it would be for {whom} by now. {REPEAT}")


def foreseen(name: str, first: FollowUpResponse, second: FollowUpResponse) -> bool:
    """Ends the command if the second request would lose more than the first one has said: a person
    may have changed the plan meanwhile. Returns False: nobody is asked."""
    if lost_by(second) not in first.lost:
        fail(
            "the clusters are aborted, and not retried: what can't be undone has changed "
            f"meanwhile. To see it: ibgu retry {name} --dry-run"
        )
    return False


def _print_dry_run(response: FollowUpResponse, output: Form) -> None:
    if output is not Form.TEXT:
        print_body(response, output)
        return
    words = f"dry run, nothing was changed; without --dry-run: {response.done}"
    typer.echo(page(stdout().under("", words)))
    typer.echo(page(list(plan_lines(response.preview, stdout(), datetime.now(UTC)))))
    if risk := lost_by(response):
        typer.echo(lost(risk, response.clusters))
    typer.echo(f"the same with kubectl:\n{response.kubectl}")


def _followed(client: Client, namespace: str, done: FollowUpResponse) -> int:
    """Shows the rollout until it has ended or stopped, and returns the exit code as of `ibgu status
    --wait`, for the clusters that the change is about: what others did before is not its fault."""
    rollout = done.rollout
    with asking(WaitResult.UNASKED):
        result = wait(
            partial(see, client, namespace, rollout),
            status_lines,
            Form.TEXT,
            None,
            shown=False,
            judge=partial(_judged, _last_step(done), time.monotonic() + WAIT_SECONDS),
        )
        if result == WaitResult.FAILED and _did_what_it_should(client, namespace, done):
            result = WaitResult.SUCCEEDED
    if result == WaitResult.INTERRUPTED:
        words = (
            f"the rollout continues; to follow it again: ibgu status {rollout} -n "
            f"{namespace} --wait"
        )
        typer.echo(f"ibgu: {words}", err=True)
    return result


def _last_step(done: FollowUpResponse) -> int:
    """Returns the last step of the change; 0: it is not known."""
    return max((each.step for each in done.preview.steps), default=0)


def _judged(step: int, until: float, seen: StatusSnapshot) -> WaitResult | None:
    """Returns how the rollout has ended. It is complete by the step before, while ibgu has not read
    the one that was appended, which somebody may have taken back: that counts `until` then."""
    found = verdict(seen)
    if found is WaitResult.STOPPED or step <= len(seen.rollout.plan):
        return found
    return found if time.monotonic() > until else None


def _did_what_it_should(client: Client, namespace: str, done: FollowUpResponse) -> bool:
    """Returns whether the change's last step has succeeded on as many clusters as it is for."""
    steps = {each.step: each for each in client.steps(namespace, done.rollout).items}
    last = steps.get(_last_step(done))
    return last is not None and last.counts.succeeded == done.clusters > 0
