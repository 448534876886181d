"""`ibgu members`."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.choices import causes, chosen, reasons, states
from ibgu.cli.read.options import Namespace, RestOptions, Rollout, Selector
from ibgu.cli.read.output import Listing, ListOutput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibgu.client.responses import MemberResponse


class MemberFilter:
    """MemberFilter filters by what the columns STATE and WHY print. Raises typer.BadParameter."""

    def __init__(self, state: str, reason: str, cause: str, *, overdue: bool = False) -> None:
        from ibgu.core.model import Cause, Outcome

        state = chosen("--state", state, states()) if state else ""
        reason = chosen("--reason", reason, reasons()) if reason else ""
        cause = chosen("--cause", cause, causes()) if cause else ""
        ended = state in set(Outcome)
        self._failure = cause if cause not in set(Cause) else ""
        self._overdue = overdue
        self.query: dict[str, str | None] = {
            "state": None if ended else state or None,
            "outcome": state if ended else None,
            "reason": reason or None,
            "cause": None if self._failure else cause or None,
        }

    def has(self, member: "MemberResponse") -> bool:
        """Returns whether the member matches what no query knows: names of known failures, and
        overdue reasons."""
        late = member.reason is not None and member.reason.overdue is not None
        return self._failure in ("", member.failure) and (late or not self._overdue)


class MemberSort(StrEnum):
    ORDER = "order"
    NAME = "name"
    SINCE = "since"
    DURATION = "duration"


OnlyStep = Annotated[
    int | None,
    typer.Option("--step", min=1, help="Only clusters of this step.", show_default=False),
]
OnlyState = Annotated[
    str,
    typer.Option(
        "--state",
        help="Only clusters in this state, as printed (waiting, in flight, succeeded, "
        "failed, skipped, cancelled), or finished.",
        show_default=False,
    ),
]
OnlyReason = Annotated[
    str,
    typer.Option(
        "--reason", help="Only clusters that wait for this reason, as printed.", show_default=False
    ),
]
OnlyCause = Annotated[
    str,
    typer.Option(
        "--cause",
        help="Only clusters that failed for this cause, as printed.",
        show_default=False,
        autocompletion=complete.causes,
    ),
]
OnlyOverdue = Annotated[
    bool,
    typer.Option("--overdue", help="Only clusters that have waited for longer than usual."),
]


def members(
    name: Rollout,
    namespace: Namespace = "",
    selector: Selector = "",
    step: OnlyStep = None,
    state: OnlyState = "",
    reason: OnlyReason = "",
    cause: OnlyCause = "",
    stalled: Annotated[
        bool, typer.Option("--stalled", help="Only clusters whose action takes longer than usual.")
    ] = False,
    overdue: OnlyOverdue = False,
    warned: Annotated[
        bool,
        typer.Option("--warned", help="Only clusters that completed an action with a warning."),
    ] = False,
    rollback: Annotated[
        bool,
        typer.Option("--rollback", help="Only clusters that report a deadline for a rollback."),
    ] = False,
    sort: Annotated[MemberSort, typer.Option("--sort", help="Sort order.")] = MemberSort.ORDER,
    output: Listing = ListOutput.TABLE,
    *,
    rest: RestOptions,
) -> None:
    """List the clusters in the steps of a rollout, and why each has not finished."""
    from ibgu.cli.read.asking import asking

    only = MemberFilter(state, reason, cause, overdue=overdue)
    with asking():
        target = rest.target(namespace)
        asked = target.client().members(
            target.in_namespace(),
            name,
            step=step,
            label=selector or None,
            stalled=stalled or None,
            warned=warned or None,
            rollback=rollback or None,
            sort=sort,
            **only.query,
        )
        _print(filter(only.has, asked), output)


def _print(found: "Iterator[MemberResponse]", output: ListOutput) -> None:
    from ibgu.cli.read.output import lines, print_items
    from ibgu.cli.show.members import members_lines
    from ibgu.cli.show.names import object_name

    if output in (ListOutput.JSON, ListOutput.YAML):
        print_items(found, output)
    elif output is ListOutput.NAME:
        lines(dict.fromkeys(object_name(member.cluster) for member in found))
    elif rows := list(found):
        lines(members_lines(rows, datetime.now(UTC), wide=output is ListOutput.WIDE))
    else:
        typer.echo("No clusters found.", err=True)
