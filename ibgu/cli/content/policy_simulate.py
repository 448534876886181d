"""`ibgu policy simulate`: RolloutPolicies in files, against the recorded starts of rollouts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.content.options import LintForm, LintOutput, PolicyPaths

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ibgu.cli.show.policy_simulation import Simulated
    from ibgu.core.model.rollout_policy import RolloutPolicy
    from ibgu.db.reads.log import LoggedRollout


def simulate(
    paths: PolicyPaths,
    rollout: Annotated[
        str,
        typer.Option(
            "--rollout",
            metavar="[NAMESPACE/]NAME",
            help="Only this rollout; default: all that the journal has.",
            show_default=False,
        ),
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", help="Only rollouts of this namespace.", show_default=False
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", help="Only starts newer than this, such as 30d.", show_default=False
        ),
    ] = "",
    output: LintForm = LintOutput.TEXT,
    hub: Annotated[
        str, typer.Option("--hub", help="UID of the hub, if several hubs share the database.")
    ] = "",
) -> None:
    """Say which recorded starts RolloutPolicies would have held; exit code 1: some."""
    from ibgu.cli.audit.reading import reading
    from ibgu.cli.errors import FAILED
    from ibgu.cli.show.form import as_json
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.policy_simulation import as_text, body_of

    policies, begin = _policies(paths), _begin(since)
    name = f"{namespace}/{rollout}" if rollout and namespace and "/" not in rollout else rollout
    found = reading(lambda engine: _simulate(engine, policies, (name, namespace, hub), begin))
    if output is LintOutput.JSON:
        typer.echo(as_json(body_of(found)))
    else:
        typer.echo(page(as_text(found, stdout())))
    if found.outcome.held:
        raise typer.Exit(FAILED)


def _policies(paths: "PolicyPaths") -> "list[RolloutPolicy]":
    """Returns the policies; ends the command with what is wrong with them."""
    from msgspec import convert

    from ibgu.cli.content.files import documents_of, files_of, policies_in
    from ibgu.cli.errors import MISUSED, fail
    from ibgu.cli.show.output_style import page, stderr
    from ibgu.cli.show.policies import lines_of
    from ibgu.core.model.rollout_policy import RolloutPolicy
    from ibgu.core.views.policies import findings_of

    documents = policies_in(documents_of(files_of(paths)))
    findings = [found for each in documents for found in findings_of(each)]
    if findings:
        typer.echo(page(lines_of(findings, len(documents), stderr())), err=True)
        raise typer.Exit(MISUSED)
    policies = [convert(each.body, RolloutPolicy) for each in documents]
    names = [each.metadata.name for each in policies]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        fail(f"RolloutPolicy {twice} is in these files twice", MISUSED)
    return policies


def _begin(since: str) -> datetime | None:
    from ibgu.cli.errors import MISUSED, fail
    from ibgu.cli.read.spans import span

    try:
        return datetime.now(UTC) - span(since) if since else None
    except (ValueError, OverflowError) as error:
        fail(f"--since: {error}", MISUSED)


async def _simulate(
    engine: "AsyncEngine",
    policies: "Sequence[RolloutPolicy]",
    chosen: tuple[str, str, str],
    since: datetime | None,
) -> "Simulated":
    """`chosen`: the rollout's name, the namespace and the hub, each may be empty."""
    from ibgu.cli.audit.reading import find, find_all
    from ibgu.cli.show.policy_simulation import Simulated
    from ibgu.client.harmless import cleaned
    from ibgu.db.reads.simulated import simulate as simulated

    name, namespace, hub = chosen
    found: Sequence[LoggedRollout]
    found = [await find(engine, name, hub)] if name else await find_all(engine, namespace, hub)
    uids = [each.rollout.uid for each in found]
    outcome = await simulated(engine, found[0].hub, policies, uids, since)
    return Simulated(found[0].hub, cleaned(outcome), since)
