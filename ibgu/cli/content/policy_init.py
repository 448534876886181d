"""`ibgu policy init`: a proposal of RolloutPolicies to edit."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ibgu.core.views.policy_proposal import FleetFacts, ProposedPolicy

_PART = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*")
_MAX_CHARACTERS = 253


def init(
    clusters: Annotated[
        int | None,
        typer.Option(
            "--clusters",
            min=0,
            max=1_000_000,
            help="Clusters of the fleet; without a hub. Default: those of the hub.",
            show_default=False,
        ),
    ] = None,
    no_hub: Annotated[
        bool, typer.Option("--no-hub", help="Ask no hub, and propose what fits every fleet.")
    ] = False,
    prefix: Annotated[
        str,
        typer.Option("--prefix", help="Begin the names of the policies.", show_default=False),
    ] = "",
    window: Annotated[
        str, typer.Option("--window", metavar="CRON", help="When the window opens.")
    ] = "0 1 * * MON-FRI",
    minutes: Annotated[
        int, typer.Option("--minutes", help="Minutes for which the window is open.")
    ] = 240,
    time_zone: Annotated[
        str,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Time zone of the window; default: each cluster's own.",
            show_default=False,
        ),
    ] = "",
    directory: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIRECTORY",
            help="Where to write a file for each policy; default: the standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Propose RolloutPolicies for this hub, as commented YAML to edit. Applies nothing."""
    from ibgu.core.views.policy_proposal import FleetFacts, Wishes, proposal

    wishes = Wishes(prefix=prefix, cron=window, minutes=minutes, time_zone=time_zone)
    _require_right(proposal(FleetFacts(), wishes))
    facts = FleetFacts(clusters) if clusters is not None or no_hub else _facts_of_hub()
    made = proposal(facts, wishes)
    if directory is None:
        typer.echo("---\n".join(each.text for each in made), nl=False)
    else:
        _write(made, directory)


def _require_right(made: "Sequence[ProposedPolicy]") -> None:
    """Ends the command if an option would make a policy that can't be followed."""
    from ibgu.cli.errors import MISUSED, fail
    from ibgu.core.views.policies import findings_of
    from ibgu.documents import read

    for each in made:
        if len(each.name) > _MAX_CHARACTERS or not _NAME.fullmatch(each.name):
            fail(f"--prefix: {each.name!r} can't be the name of a policy", MISUSED)
        for document in read(each.text):
            for found in findings_of(document):
                fail(f"RolloutPolicy {each.name}: {found.message}", MISUSED)


def _facts_of_hub() -> "FleetFacts":
    """Returns the facts of the hub of the kubeconfig; ends the command if it can't be read."""
    from ibgu.cli.content.from_hub import clusters_of_hub
    from ibgu.core.views.policy_proposal import facts_of

    return facts_of(clusters_of_hub())


def _write(made: "Sequence[ProposedPolicy]", directory: Path) -> None:
    """Writes one file for each policy; none may be there."""
    from ibgu.cli.content.files import write
    from ibgu.cli.errors import MISUSED, fail

    paths = {directory / f"{each.name}.yaml": each.text for each in made}
    for path in paths:
        if path.exists():
            fail(f"{path} already exists: choose another directory, or remove the file", MISUSED)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{directory}: {error.strerror}", MISUSED)
    for path, text in paths.items():
        write(text, path)
        typer.echo(f"ibgu: wrote {path}", err=True)
