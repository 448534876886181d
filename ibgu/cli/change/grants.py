"""`ibgu approve` and `ibgu break-glass`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.change.options import ChangeOptions, Yes
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.read.options import Rollout
from ibgu.core.model.actions import Danger, Risk

if TYPE_CHECKING:
    from ibgu.cli.change.context import ChangeContext
    from ibgu.client.responses import AwaitedApprovalResponse

_RISK = Risk(
    Danger.IRREVERSIBLE,
    "Starts that a policy forbids happen at once, and are not taken back when the gates close.",
)


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
            "default: what clusters wait for, else Step; with --direct always Step.",
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
    from datetime import timedelta

    from msgspec.structs import replace

    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.client.responses import ApproveRequest
    from ibgu.core.model.grants import ApprovalPoint
    from ibgu.core.views import change

    how = ChangeContext(name, options, yes=yes)
    number, point = step, before or ApprovalPoint.STEP
    # What is sent is named here: what clusters wait for may change while a person confirms it.
    awaited = None if options.direct else _awaited(how, step, before)
    if awaited is not None:
        number, point = awaited.step, awaited.before
        how = replace(how, risk=Risk(Danger(awaited.danger), awaited.lost))
    body = ApproveRequest(step=number, before=point, comment=comment, minutes=minutes)
    lasts = timedelta(minutes=minutes) if minutes else None
    make(
        how,
        lambda client, where, dry_run: client.approve(where, name, body, dry_run=dry_run),
        simply(lambda target: change.approve(target, number, point, comment, lasts)),
    )


def _awaited(
    how: "ChangeContext", step: int | None, before: str | None
) -> "AwaitedApprovalResponse | None":
    """Returns the approval that clusters wait for and that is meant; None: they don't wait for it.
    Ends the command if several are."""
    from ibgu.cli.change.context import permit_of
    from ibgu.cli.read.asking import asking

    with asking():
        found = permit_of(how, how.target.in_namespace(), "approve").approvals
    meant = [each for each in found if step in (None, each.step) and before in (None, each.before)]
    if len(meant) > 1:
        words = " and ".join(each.what for each in meant)
        fail(f"clusters wait for several approvals: {words}; name one with --before", MISUSED)
    return meant[0] if meant else None


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
        ChangeContext(name, options, _RISK, yes),
        lambda client, where, dry_run: client.break_glass(where, name, body, dry_run=dry_run),
        simply(lambda target: change.break_glass(target, gates, reason, lasts)),
    )
