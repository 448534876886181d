"""Makes a change through the REST API or on the hub directly, and reports it in the same words."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import typer
from msgspec import Struct

from ibgu.cli.change.confirming import (
    ChangeQuery,
    confirmed,
    lost,
    lost_by,
    require_as_confirmed,
)
from ibgu.cli.change.options import ChangeOptions
from ibgu.cli.read.asking import asking
from ibgu.cli.rest.target import RestTarget
from ibgu.cli.show.form import Form, print_body
from ibgu.client import Client, RestError
from ibgu.client.responses import (
    ApprovedResponse,
    ChangeResponse,
    NewStepRequest,
    PermitResponse,
    ProposalRequest,
    StepResponse,
)

if TYPE_CHECKING:
    from ibgu.core.views import change as core
    from ibgu.hub.writing.changes import Changes

    T = TypeVar("T")
    Act = Callable[[Changes, core.ChangeTarget], Awaitable[T]]
    Decide = Act[core.RequestedChange]

Response = ChangeResponse | ApprovedResponse
Ask = Callable[[Client, str, ChangeQuery], Response]
"""Takes the client, the namespace, and how to request it."""


class ChangeContext(Struct, frozen=True):
    """ChangeContext holds what the commands have in common."""

    name: str
    options: ChangeOptions
    yes: bool = False
    """Whether to skip confirmation, whatever the risk."""
    risky: bool = True
    """Whether the change may be one that can't be undone; if not, it is made at once."""
    step: NewStepRequest | None = None
    """The step to append, whose clusters a preview counts."""
    affects: Callable[[StepResponse], int] | None = None
    """Returns how many clusters of the running step the change is about; None: it does not."""

    @property
    def target(self) -> RestTarget:
        return self.options.rest.target(self.options.namespace)


def make(how: ChangeContext, ask: Ask, decide: "Decide", tried: Response | None = None) -> None:
    """Makes the change, once its risk is confirmed. `tried`: the answer of a dry run, if there was
    one."""
    with asking():
        namespace = how.target.in_namespace()

        def change(*, dry_run: bool, uid: str = "") -> Response:
            if how.options.direct:
                return response_of(*directly(how, namespace, decide, dry_run=dry_run, uid=uid))
            return asked(how, namespace, ask, dry_run=dry_run, uid=uid)

        if how.options.dry_run:
            return _print(tried or change(dry_run=True), how)
        if how.risky:
            # A mistake is refused before the name is typed.
            found = tried = tried or change(dry_run=True)
            if confirmed(
                how.name,
                found,
                yes=how.yes,
                shown=lambda: found.done,
                clusters=lambda: _clusters(how, namespace),
            ):
                require_as_confirmed(found, change(dry_run=True, uid=found.uid))
        _print(change(dry_run=False, uid=tried.uid if tried else ""), how)
    return None


def response_of(target: "core.ChangeTarget", change: "core.RequestedChange") -> ChangeResponse:
    """Returns the change in the words of REST."""
    return ChangeResponse(
        done=change.done,
        kubectl=change.kubectl,
        danger=change.risk.danger,
        lost=change.risk.lost,
        uid=target.uid,
    )


def permit_of(how: ChangeContext, namespace: str, change: str) -> PermitResponse:
    """Returns whether the change is possible now. Raises RestError."""
    with _or_directly():
        found = how.target.client().actions(namespace, how.name).items
    return next(each for each in found if each.name == change)


def _clusters(how: ChangeContext, namespace: str) -> int | None:
    """Returns the number of clusters that the change is about, if known. It is for a person alone:
    scripts don't wait for it."""
    if how.options.direct or how.yes:
        return None
    if how.affects is not None:
        known = how.target.client().steps(namespace, how.name).items
        running = next((each for each in known if each.state == "running"), None)
        return how.affects(running) if running is not None else None
    if how.step is None:
        return None
    body = ProposalRequest(namespace=namespace, name=how.name, append=(how.step,))
    with suppress(RestError):
        steps = how.target.client().preview(body).steps
        return steps[-1].clusters if steps else None
    return None


def simply(decide: "Callable[[core.ChangeTarget], core.RequestedChange]") -> "Decide":
    """Returns a decision that needs nothing but the IBGU."""

    async def decided(changes: "Changes", target: "core.ChangeTarget") -> "core.RequestedChange":
        return decide(target)

    return decided


def asked(
    how: ChangeContext,
    namespace: str,
    ask: "Callable[[Client, str, ChangeQuery], T]",
    *,
    dry_run: bool,
    uid: str = "",
) -> "T":
    """Asks ibgu to make the change. Raises RestError."""
    with _or_directly():
        return ask(how.target.client(), namespace, {"dry_run": dry_run, "uid": uid or None})


@contextmanager
def _or_directly() -> Iterator[None]:
    """Names `--direct` if ibgu can't be reached."""
    try:
        yield
    except RestError as error:
        if error.status:
            raise
        words = f"{error}; --direct makes the change on the hub itself, with your kubeconfig"
        raise RestError(words) from error


def directly(
    how: ChangeContext,
    namespace: str,
    decide: "Decide",
    *,
    dry_run: bool,
    uid: str = "",
) -> "tuple[core.ChangeTarget, core.RequestedChange]":
    """Makes the change with the kubeconfig's rights alone. Raises RestError."""
    from ibgu.core.views.change import ChangeRefused

    async def made(
        changes: "Changes", target: "core.ChangeTarget"
    ) -> "tuple[core.ChangeTarget, core.RequestedChange]":
        if uid:
            target.require(uid)
        change = await decide(changes, target)
        await changes.make(target, change)
        return target, change

    try:
        return asyncio.run(_on_hub(how, namespace, made, dry_run=dry_run))
    except ChangeRefused as refused:
        raise RestError(str(refused), code=refused.code) from refused


async def _on_hub(how: ChangeContext, namespace: str, act: "Act[T]", *, dry_run: bool) -> "T":
    """Reads the IBGU with the kubeconfig's rights, and acts on it. Raises RestError."""
    from datetime import UTC, datetime

    from ibgu.cli.change.absent import absent, is_absent
    from ibgu.cli.rest.hub import hub_words
    from ibgu.hub.authorization.access import whoami
    from ibgu.hub.client import HubClient
    from ibgu.hub.errors import HubError
    from ibgu.hub.writing.changes import Changes

    try:
        async with await HubClient.connect() as hub:
            changes = Changes(hub, "ibgu", dry_run=dry_run)
            who = await whoami(hub)
            try:
                target = await changes.read_any(namespace, how.name, who, datetime.now(UTC))
                return await act(changes, target)
            except HubError as error:
                if not is_absent(error, namespace, how.name):
                    raise
                raise RestError(await absent(changes, namespace, how.name)) from error
    except HubError as error:
        again = "; nothing was done; check the rollout, then try again" if error.conflict else ""
        raise RestError(f"{hub_words(error)}{again}") from error


def _print(response: Response, how: ChangeContext) -> None:
    if how.options.output is not Form.TEXT:
        print_body(response, how.options.output)
        return
    typer.echo(f"{_dry_run(response) if how.options.dry_run else ''}{response.done}")
    if how.options.dry_run and (risk := lost_by(response)):
        typer.echo(lost(risk))
    if response.kubectl:
        typer.echo(f"the same with kubectl:\n{response.kubectl}")


def _dry_run(response: Response) -> str:
    """Returns the text of a dry run; what follows is true only if there is nothing to change."""
    return f"dry run, nothing was changed{'; without --dry-run' if response.kubectl else ''}: "
