"""Options that the changing commands share."""

from typing import Annotated

import typer

from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.shared import SharedOptions
from ibgu.cli.show.form import Form, Output

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Let the hub check the change, and say what it would do; change nothing."
    ),
]
Direct = Annotated[
    bool,
    typer.Option(
        "--direct", help="Make the change on the hub itself, with your kubeconfig, without ibgu."
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Don't ask for the rollout's name: for scripts."),
]
Slots = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        help="Clusters in flight at once; by default as in the last step.",
        show_default=False,
    ),
]
Minutes = Annotated[
    int | None,
    typer.Option(
        "--timeout", min=1, help="Minutes; by default as in the last step.", show_default=False
    ),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait", help="Follow it to its end; see the exit codes of ibgu status --wait."
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
