"""Options that the changing commands share."""

from typing import Annotated

import typer

from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.shared import SharedOptions
from ibgu.cli.show.form import Form, Output

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
Slots = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        help="Maximum number of clusters in flight; default: that of the last step.",
        show_default=False,
    ),
]
Minutes = Annotated[
    int | None,
    typer.Option(
        "--timeout",
        min=1,
        help="Timeout in minutes; default: that of the last step.",
        show_default=False,
    ),
]
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
