"""`ibgu approve` and `ibgu break-glass`."""

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from ibgu.cli.change.options import ChangeOptions, Yes
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import Rollout

if TYPE_CHECKING:
    from ibgu.cli.change.confirming import ChangeQuery
    from ibgu.cli.change.context import ChangeContext
    from ibgu.client import Client
    from ibgu.client.responses import ApprovedResponse, ChangeResponse
    from ibgu.core.views.change import ChangeTarget, RequestedChange
    from ibgu.hub.writing.changes import Changes


def approve(
    name: Rollout,
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            min=1,
            help="Number of the step; default: the one that runs or comes next.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            help="Step, Rest (what comes behind the canaries), or one of the step's actions; "
            "default: what clusters wait for, else what policies ask for next, else Step; with "
            "--direct always Step.",
            show_default=False,
        ),
    ] = None,
    comment: Annotated[
        str,
        typer.Option("--comment", help="Reason, shown in the history.", show_default=False),
    ] = "",
    minutes: Annotated[
        int | None,
        typer.Option(
            "--minutes",
            min=1,
            max=10_080,
            help="How long the approval counts; default: it has no end.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
    *,
    options: ChangeOptions,
) -> None:
    """Approve what a policy lets start only with approval."""
    from msgspec.structs import replace

    from ibgu.cli.change.context import ChangeContext, make
    from ibgu.cli.read.asking import asking
    from ibgu.core.model.grants import ApprovalPoint

    how = ChangeContext(name, options, yes=yes)
    with asking():
        namespace = how.target.in_namespace()
        if None in (step, before) and not options.direct:
            step, before = _awaited(how, namespace, step, before)
        point = ApprovalPoint.STEP if before is None else before
        wanted = _Approval(name, step, point, comment, minutes)
        # What is sent is what was shown: the next step may come while a person confirms.
        number, tried = _tried(how, namespace, wanted)
    shown = replace(wanted, step=number)
    make(how, shown.ask, shown.decide, tried)


class _Approval(Struct, frozen=True):
    """_Approval is what a person approves."""

    name: str
    """The rollout's."""
    step: int | None
    before: str
    comment: str
    minutes: int | None

    def ask(self, client: "Client", namespace: str, query: "ChangeQuery") -> "ApprovedResponse":
        from ibgu.client.responses import ApproveRequest

        body = ApproveRequest(
            step=self.step, before=self.before, comment=self.comment, minutes=self.minutes
        )
        return client.approve(namespace, self.name, body, **query)

    async def decide(self, _: "Changes", target: "ChangeTarget") -> "RequestedChange":
        from datetime import timedelta

        from ibgu.core.views import change

        lasts = timedelta(minutes=self.minutes) if self.minutes else None
        return change.approve(target, self.step, self.before, self.comment, lasts)


def _awaited(
    how: "ChangeContext", namespace: str, step: int | None, before: str | None
) -> tuple[int | None, str | None]:
    """Returns step and point of the approval that is meant and that clusters wait for, else of the
    one that policies ask for next; those given, if there is neither. Ends the command if there are
    several."""
    from ibgu.cli.change.context import permit_of
    from ibgu.core.model.grants import ApprovalPoint

    found = [
        each
        for each in permit_of(how, namespace, "approve").approvals
        if step in (None, each.step) and before in (None, each.before)
    ]
    waiting = [each for each in found if not each.ahead]
    # Those of the running step come before those of the next one, and the step before its rest.
    coming = [each for each in found if each.step == found[0].step]
    first = [each for each in coming if each.before == ApprovalPoint.STEP]
    meant = waiting or first or coming
    if len(meant) > 1:
        words = " and ".join(each.what for each in meant)
        why = "clusters wait for" if waiting else "policies ask for"
        fail(f"{why} several approvals: {words}; name one with --before", MISUSED)
    return (meant[0].step, meant[0].before) if meant else (step, before)


def _tried(
    how: "ChangeContext", namespace: str, wanted: _Approval
) -> "tuple[int, ApprovedResponse | ChangeResponse]":
    """Returns the step of the approval, and the answer of its dry run. Raises RestError."""
    from ibgu.cli.change.context import asked, directly, response_of

    if how.options.direct:
        target, change = directly(how, namespace, wanted.decide, dry_run=True)
        assert change.step is not None
        return change.step, response_of(target, change)
    found = asked(how, namespace, wanted.ask, dry_run=True)
    return found.step, found


def break_glass(
    name: Rollout,
    gates: Annotated[
        list[str],
        typer.Option(
            "--gate",
            help="Gate to pass, as ibgu explain names it, such as RolloutPolicy/ran-nights. "
            "Repeatable.",
            show_default=False,
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="Reason, shown in the history.", show_default=False)
    ],
    minutes: Annotated[
        int,
        typer.Option("--minutes", min=1, max=10_080, help="How long the rollout passes the gates."),
    ] = 60,
    yes: Yes = False,
    *,
    options: ChangeOptions,
) -> None:
    """Let one rollout pass gates of policies for a while, in an emergency."""
    from datetime import timedelta

    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.client.responses import BreakGlassRequest
    from ibgu.core.views import change

    body = BreakGlassRequest(gates=tuple(gates), reason=reason, minutes=minutes)
    lasts = timedelta(minutes=minutes)
    make(
        ChangeContext(name, options, yes),
        lambda client, where, query: client.break_glass(where, name, body, **query),
        simply(lambda target: change.break_glass(target, gates, reason, lasts)),
    )
