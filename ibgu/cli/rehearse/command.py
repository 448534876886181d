"""`ibgu rehearse`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ibgu.cli.errors import FAILED, NOBODY
from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.rehearse.options import (
    Against,
    Begin,
    By,
    Failing,
    Html,
    ImageSize,
    Manifest,
    Policies,
    Runs,
    Seed,
    Taking,
)
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.core.engine.timing.durations import DurationStats
    from ibgu.core.model import ActionName, ClusterView
    from ibgu.core.model.rollout_policy import RolloutPolicy
    from ibgu.core.rehearsal.model import RehearsedPlan
    from ibgu.core.rehearsal.outlook import Outlook


def rehearse(
    file: Manifest,
    against: Against = "",
    runs: Runs = 100,
    seed: Seed = 1,
    begin: Begin = "",
    taking: Taking = None,
    failing: Failing = None,
    policies: Policies = None,
    by: By = "",
    html: Html = None,
    image_size: ImageSize = 0.0,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Say how a plan is likely to go, from many runs in virtual time; nothing is changed."""
    from ibgu.cli.change.preview import manifest_of
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rehearse.odds import measured
    from ibgu.cli.rehearse.plan import rehearsed
    from ibgu.cli.rehearse.show import difference, outlook_lines
    from ibgu.cli.show.output_style import page, stdout

    with asking():
        target = rest.target(namespace)
        start = _begin(begin)
        files = [file, against] if against else [file]
        manifests = [manifest_of(each, target.in_namespace()) for each in files]
        client = target.client()
        for manifest in manifests:
            _check(client, manifest)
        durations = measured(client.durations().items)
        clusters, of_hub = _ask_hub(policies or [])
        found = [
            _rehearse(
                rehearsed(manifest, clusters, of_hub, durations, start),
                durations, taking or [], failing or [], runs, seed, by,
            )
            for manifest in manifests
        ]  # fmt: skip
    if html is not None:
        _write_page(html, list(zip(files, found, strict=True)), start, image_size, by)
    if output is not Form.TEXT:
        print_body(found[0] if len(found) == 1 else found, output)
    else:
        lines = [line for each in found for line in (*outlook_lines(each, start, stdout()), "")]
        typer.echo(page([*lines, difference(*found)] if against else lines[:-1]))
    if not found[0].clusters:
        raise typer.Exit(NOBODY)


def _write_page(
    path: Path,
    plans: "list[tuple[str, Outlook]]",
    begin: datetime,
    image_size: float,
    by: str,
) -> None:
    from ibgu.cli.errors import fail
    from ibgu.cli.rehearse.page import RehearsedFile, page

    named = [RehearsedFile(Path(file).name, found) for file, found in plans]
    try:
        path.write_text(page(named, begin, image_size, by))
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}")


def _begin(given: str) -> datetime:
    """Returns the time. Raises RestError."""
    from ibgu.client import RestError
    from ibgu.core.model.bounds import moment

    if not given:
        return datetime.now(UTC)
    found = moment(given)
    if found is None:
        raise RestError(f'--begin {given}: expected a time such as "2026-12-01T22:00:00Z"')
    return found


def _check(client: Any, manifest: dict[str, Any]) -> None:
    """Has the preview refuse a plan that would not begin."""
    from ibgu.client.responses import ProposalRequest

    found = client.preview(ProposalRequest(manifest=manifest))
    if not found.valid:
        for problem in found.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(FAILED)


def _ask_hub(files: list[Path]) -> "tuple[list[ClusterView], list[RolloutPolicy]]":
    """Returns the clusters of the hub, and the policies, by the rights of the kubeconfig's user."""
    import asyncio

    from ibgu.cli.prepare.clusters import connected, selected
    from ibgu.cli.rehearse.plan import of_files, of_hub
    from ibgu.hub.rollout_policies import read_rollout_policies

    async def ask() -> "tuple[list[ClusterView], list[RolloutPolicy]]":
        async with connected() as hub:
            clusters = await selected(hub, (), "")
            found = of_files(files) if files else of_hub(await read_rollout_policies(hub))
            return clusters, found

    return asyncio.run(ask())


def _rehearse(
    plan: "RehearsedPlan",
    durations: "dict[ActionName, DurationStats]",
    taking: list[str],
    failing: list[str],
    runs: int,
    seed: int,
    by: str,
) -> "Outlook":
    from random import Random

    from ibgu.cli.rehearse.odds import odds_of
    from ibgu.core.rehearsal.outlook import outlook
    from ibgu.core.rehearsal.run import Rehearsal

    rehearsal = Rehearsal(plan)
    actions = dict.fromkeys(action for step in plan.steps for action in step.actions)
    odds = odds_of(actions, durations, taking, failing)
    ran = rehearsal.runs(odds, lambda number: Random(f"{seed}/{number}").random, runs)
    region = (lambda place: rehearsal.clusters[place].labels.get(by, "")) if by else None
    return outlook(rehearsal, list(ran), region)
