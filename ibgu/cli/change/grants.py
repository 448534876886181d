"""`ibgu approve` and `ibgu break-glass`."""

from typing import Annotated

import typer

from ibgu.cli.change.options import ChangeOptions, Yes
from ibgu.cli.read.options import Rollout
from ibgu.core.model.actions import Danger, Risk

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
            "default: what clusters wait for, by ibgu's REST API; without one, Step.",
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
    *,
    options: ChangeOptions,
) -> None:
    """Approve what a policy lets start only with approval."""
    from datetime import timedelta

    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.client.responses import ApproveRequest
    from ibgu.core.views import change

    body = ApproveRequest(step=step, before=before, comment=comment, minutes=minutes)
    lasts = timedelta(minutes=minutes) if minutes else None
    make(
        ChangeContext(name, options),
        lambda client, where, dry_run: client.approve(where, name, body, dry_run=dry_run),
        simply(lambda target: change.approve(target, step, before, comment, lasts)),
    )


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
