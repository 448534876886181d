"""Options that the changing commands share."""

from typing import Annotated, Any

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import Namespace, RestOptions, without_namespace
from ibgu.cli.shared import SharedOptions
from ibgu.cli.show.form import Form, Output

ExistingRollout = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="An existing rollout.",
        show_default=False,
        autocompletion=complete.rollouts,
        callback=without_namespace,
    ),
]
ManifestFile = Annotated[
    str,
    typer.Option("--file", "-f", help="Manifest that is not applied yet; - reads standard input."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Check the change on the hub and print what it would do, without making it.",
    ),
]
Direct = Annotated[
    bool,
    typer.Option(
        "--direct", help="Change the object on the hub with your kubeconfig, bypassing ibgu."
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Skip the confirmation, for scripts."),
]


def _slots(default: str) -> Any:
    words = f"Maximum number of clusters in flight; default: that of {default}."
    return typer.Option("--max-concurrency", min=1, help=words, show_default=False)


def _minutes(default: str) -> Any:
    words = f"Timeout in minutes; default: that of {default}."
    return typer.Option("--timeout", min=1, help=words, show_default=False)


_LAST, _SIMILAR = "the last step", "the plan's most similar step"
Slots = Annotated[int | None, _slots(_LAST)]
Minutes = Annotated[int | None, _minutes(_LAST)]
FollowUpSlots = Annotated[int | None, _slots(_SIMILAR)]
FollowUpMinutes = Annotated[int | None, _minutes(_SIMILAR)]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait",
        help="Wait for the rollout to end; exit codes as for ibgu status --wait.",
    ),
]


class ChangeOptions(SharedOptions, frozen=True, kw_only=True):
    """ChangeOptions holds how a change of one rollout is made."""

    namespace: Namespace = ""
    dry_run: DryRun = False
    direct: Direct = False
    output: Output = Form.TEXT
    rest: RestOptions


class FollowUpOptions(SharedOptions, frozen=True, kw_only=True):
    """FollowUpOptions holds how a change that another step or rollout carries out is made."""

    namespace: Namespace = ""
    dry_run: DryRun = False
    yes: Yes = False
    wait: Wait = True
    output: Output = Form.TEXT
    rest: RestOptions
