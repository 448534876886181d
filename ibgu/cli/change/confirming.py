"""Confirms a change that can't be undone: says what is lost, and waits for a person's consent."""

import sys
from collections.abc import Callable
from typing import Protocol, TypedDict

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.show.output_style import page, stderr
from ibgu.core.model.actions import Danger

NOTHING_DONE = "nothing was done"
REPEAT = "Repeat the command if it is still needed"
UNKNOWN = (
    "This may be impossible to undo: the server does not say, as it has another version than this "
    "command."
)


class ChangeQuery(TypedDict):
    """ChangeQuery is how a change is requested."""

    dry_run: bool
    uid: str | None
    """The rollout's; None: whichever has the name. While a person confirms, the rollout that was
    shown may be deleted and created again."""


class Answer(Protocol):
    """Answer is REST's to a change or its dry run."""

    @property
    def done(self) -> str: ...
    @property
    def danger(self) -> str: ...
    @property
    def lost(self) -> str: ...


def lost_by(answer: Answer) -> str:
    """Returns what can't be undone of the change; empty: everything can. An answer that does not
    say it is no leave to go on unasked."""
    if answer.danger == Danger.REVERSIBLE:
        return ""
    return answer.lost or UNKNOWN


def confirmed(
    name: str,
    answer: Answer,
    *,
    yes: bool,
    shown: Callable[[], str],
    clusters: Callable[[], int | None],
) -> bool:
    """Returns whether a person was asked. Ends the command if they do not mean it, or can't be
    asked. `name`: the rollout's; `shown`: what the change would do."""
    if not (risk := lost_by(answer)):
        return False
    if yes:
        warn(risk, clusters())
        return False
    require_terminal(name, risk)
    typer.echo(shown(), err=True)
    warn(risk, clusters())
    require_name(name)
    return True


def require_as_confirmed(confirmed: Answer, now: Answer) -> None:
    """Ends the command if the rollout has come to something else while a person typed its name."""
    risk = lost_by(now)
    if risk == lost_by(confirmed):
        return
    said = lost(risk) if risk else f"By now: {now.done}."
    fail(f"{NOTHING_DONE}: the rollout has changed meanwhile. {said} {REPEAT}")


def require_terminal(name: str, risk: str) -> None:
    """Ends the command if no person can be asked. `risk`: what can't be undone."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(
            f"{name}: {NOTHING_DONE}. {lost(risk)} There is no terminal to confirm on: use "
            "--yes to confirm, or --dry-run to see what would change",
            MISUSED,
        )


def warn(risk: str, clusters: int | None = None) -> None:
    """Prints the risk; `clusters`: the number of affected clusters; None: unknown."""
    style = stderr()
    typer.echo(style.paint(page(style.under("", lost(risk, clusters))), "red"), err=True)


def require_name(name: str) -> None:
    """Ends the command unless the rollout's name is typed."""
    try:
        typer.echo(f"To confirm, type the rollout's name, {name}: ", nl=False, err=True)
        typed = sys.stdin.readline()
    except KeyboardInterrupt:
        typed = ""
    if not typed:
        typer.echo(err=True)
    if (given := typed.strip()) != name:
        fail(f"{NOTHING_DONE}: {given!r} is not {name}" if given else NOTHING_DONE)


def lost(risk: str, clusters: int | None = None) -> str:
    if risk == UNKNOWN:
        return risk
    whom = {None: "", 1: " for 1 cluster"}.get(clusters, f" for {clusters} clusters")
    return f"This can't be undone{whom}. {risk}"
