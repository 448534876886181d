"""`ibgu rehearse`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer
from msgspec import Struct

from ibgu.cli.errors import FAILED, NOBODY
from ibgu.cli.read.options import Namespace, RestOptions
from ibgu.cli.rehearse.options import (
    Against,
    ApprovalAfter,
    Begin,
    Beside,
    By,
    Failing,
    Html,
    ImageSize,
    Manifest,
    Name,
    Policies,
    Runs,
    Seed,
    Taking,
)
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client.responses import MemberResponse, ViewResponse
    from ibgu.core.engine.timing.durations import DurationStats
    from ibgu.core.model import ActionName, ClusterView
    from ibgu.core.model.rollout_policy import RolloutPolicy
    from ibgu.core.rehearsal.model import RehearsedPlan
    from ibgu.core.rehearsal.outlook import Outlook
    from ibgu.core.rehearsal.run import Rehearsal, Run


def rehearse(
    name: Name = "",
    file: Manifest = "",
    against: Against = "",
    runs: Runs = 100,
    seed: Seed = 1,
    begin: Begin = "",
    taking: Taking = None,
    failing: Failing = None,
    approval_after: ApprovalAfter = 0.0,
    policies: Policies = None,
    by: By = "",
    html: Html = None,
    image_size: ImageSize = 0.0,
    namespace: Namespace = "",
    output: Output = Form.TEXT,
    *,
    beside: Beside = False,
    rest: RestOptions,
) -> None:
    """Say how a plan, or what is left of a rollout, is likely to go, from many runs in virtual
    time; nothing is changed."""
    from ibgu.cli.read.asking import asking

    if bool(name) == bool(file) or (name and (against or begin)):
        raise typer.BadParameter(
            "specify a rollout, or a manifest with -f (and --against or --begin)"
        )
    if beside and (not name or by):
        raise typer.BadParameter("--beside works with the name of a rollout, and without --by")
    luck = Luck(runs, seed, tuple(taking or ()), tuple(failing or ()), approval_after * 60)
    with asking():
        target = rest.target(namespace)
        if beside:
            _beside(target, name, policies or [], luck, html, output)
            return
        if name:
            start, plans = _left(target, name, policies or [])
        else:
            start, plans = _planned(target, [file, against] if against else [file], begin, policies)
        found = [luck.outlook(each, by) for each in plans]
    named = [name] if name else [Path(each).name for each in (file, against) if each]
    if html is not None:
        _write_page(html, list(zip(named, found, strict=True)), start, image_size, by)
    _print(found, start, output)
    if not found[0].clusters:
        raise typer.Exit(NOBODY)


def _print(found: "list[Outlook]", begin: datetime, output: Form) -> None:
    from ibgu.cli.rehearse.show import difference, outlook_lines
    from ibgu.cli.show.output_style import page, stdout

    if output is not Form.TEXT:
        print_body(found[0] if len(found) == 1 else found, output)
        return
    lines = [line for each in found for line in (*outlook_lines(each, begin, stdout()), "")]
    typer.echo(page([*lines, difference(*found)] if len(found) > 1 else lines[:-1]))


def _planned(
    target: "RestTarget", files: list[str], begin: str, policies: list[Path] | None
) -> "tuple[datetime, list[RehearsedSubject]]":
    """Returns the plans in the files, and when they begin. Raises RestError."""
    from ibgu.cli.change.preview import manifest_of
    from ibgu.cli.rehearse.odds import measured
    from ibgu.cli.rehearse.plan import rehearsed

    start = _begin(begin)
    manifests = [manifest_of(each, target.in_namespace()) for each in files]
    client = target.client()
    for manifest in manifests:
        _check(client, manifest)
    durations = measured(client.durations().items)
    hub = _ask_hub(policies or [])
    plans = [rehearsed(each, hub.clusters, hub.policies, durations, start) for each in manifests]
    return start, [RehearsedSubject(each) for each in plans]


class OfRollout(Struct, frozen=True):
    """OfRollout is a rollout as ibgu and the hub have it."""

    client: Any
    view: "ViewResponse"
    members: "list[MemberResponse]"
    hub: "OnHub"
    durations: "dict[ActionName, DurationStats]"


def _of_rollout(target: "RestTarget", name: str, policies: list[Path]) -> OfRollout:
    """Returns the rollout with all its members. Raises RestError."""
    from ibgu.cli.rehearse.odds import measured
    from ibgu.client import RestError

    client, namespace = target.client(), target.in_namespace()
    view = client.view(namespace, name, points=2)
    uid = view.rollout.uid
    members = list(client.members(namespace, name, uid=uid))
    hub = _ask_hub(policies, (view.rollout.kind, namespace, name))
    if hub.manifest.get("metadata", {}).get("uid") != uid:
        raise RestError(f"ibgu has not seen the newest {name} of the hub yet; try again")
    return OfRollout(client, view, members, hub, measured(client.durations().items))


def _left(
    target: "RestTarget", name: str, policies: list[Path]
) -> "tuple[datetime, list[RehearsedSubject]]":
    """Returns what is left of a rollout, and the time that it is as of. Raises RestError."""
    from msgspec.structs import replace

    from ibgu.cli.rehearse.plan import rehearsed
    from ibgu.cli.rehearse.under_way import under_way

    of = _of_rollout(target, name, policies)
    hub = of.hub
    found = under_way(of.view, of.members, {each.name for each in hub.clusters})
    plan = rehearsed(
        hub.manifest, [*hub.clusters, *found.gone], hub.policies, of.durations, found.now
    )
    return found.now, [RehearsedSubject(replace(plan, begun=found.begun), found.assumed)]


def _beside(
    target: "RestTarget",
    name: str,
    policies: list[Path],
    luck: "Luck",
    html: Path | None,
    output: Form,
) -> None:
    """Rehearses a rollout from its start, and prints it beside what came. Raises RestError."""
    from itertools import islice

    from ibgu.cli.rehearse.beside import CourseBody, course, course_lines, from_the_start
    from ibgu.cli.rehearse.beside_page import beside_page
    from ibgu.cli.rehearse.plan import rehearsed
    from ibgu.cli.report.ask_rest import ACTIVITY
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.core.rehearsal.beside import beside

    of = _of_rollout(target, name, policies)
    where, uid = of.view.rollout.namespace, of.view.rollout.uid
    activity = list(islice(of.client.activity(where, name, uid=uid), ACTIVITY))
    found = course(of.view, of.members, activity, policies_given=bool(policies))
    hub = of.hub
    plan = rehearsed(hub.manifest, hub.clusters, hub.policies, of.durations, found.begin)
    rehearsal, runs = luck.rehearse(from_the_start(plan, found))
    compared = beside(rehearsal, runs, found.real, found.now)
    if html is not None:
        _write(html, beside_page(name, found, compared, len(runs)))
    if output is not Form.TEXT:
        print_body(CourseBody(found.begin, compared, found.holds, found.assumed), output)
    else:
        typer.echo(page(course_lines(found, compared, len(runs), stdout())))


def _write_page(
    path: Path,
    plans: "list[tuple[str, Outlook]]",
    begin: datetime,
    image_size: float,
    by: str,
) -> None:
    from ibgu.cli.rehearse.page import RehearsedFile, page

    named = [RehearsedFile(name, found) for name, found in plans]
    _write(path, page(named, begin, image_size, by))


def _write(path: Path, text: str) -> None:
    from ibgu.cli.errors import fail

    try:
        path.write_text(text)
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


class RehearsedSubject(Struct, frozen=True):
    """RehearsedSubject is what is rehearsed."""

    plan: "RehearsedPlan"
    assumed: tuple[str, ...] = ()
    """What is taken for granted, as sentences."""


class Luck(Struct, frozen=True):
    """Luck is how often, and with which draws, a plan is rehearsed."""

    runs: int
    seed: int
    taking: tuple[str, ...]
    failing: tuple[str, ...]
    approval_after: float
    """Seconds until somebody approves what a policy wants approved."""

    def outlook(self, subject: RehearsedSubject, by: str) -> "Outlook":
        """Rehearses the plan; `by`: the label of clusters to tell apart. Raises RestError."""
        from msgspec.structs import replace

        from ibgu.core.rehearsal.outlook import outlook

        rehearsal, ran = self.rehearse(subject.plan)
        region = (lambda place: rehearsal.clusters[place].labels.get(by, "")) if by else None
        found = outlook(rehearsal, ran, region)
        return replace(found, assumed=(*subject.assumed, *found.assumed))

    def rehearse(self, asked: "RehearsedPlan") -> "tuple[Rehearsal, list[Run]]":
        """Returns the rehearsal and its runs. Raises RestError."""
        from random import Random

        from msgspec.structs import replace

        from ibgu.cli.rehearse.odds import odds_of
        from ibgu.core.rehearsal.run import Rehearsal

        plan = replace(asked, approval_after=self.approval_after)
        rehearsal = Rehearsal(plan)
        actions = dict.fromkeys(action for step in plan.steps for action in step.actions)
        odds = odds_of(actions, plan.durations, self.taking, self.failing)
        uniform: Any = lambda number: Random(f"{self.seed}/{number}").random  # noqa: E731
        return rehearsal, list(rehearsal.runs(odds, uniform, self.runs))


class OnHub(Struct, frozen=True):
    """OnHub is what the hub shows to the kubeconfig's user."""

    clusters: "list[ClusterView]"
    policies: "list[RolloutPolicy]"
    manifest: dict[str, Any]
    """The rollout; empty: none was asked for."""


def _ask_hub(files: list[Path], rollout: tuple[str, str, str] | None = None) -> OnHub:
    """Returns the clusters and policies of the hub, and the rollout of this kind, namespace and
    name, by the rights of the kubeconfig's user."""
    import asyncio

    from ibgu.cli.prepare.clusters import connected, selected
    from ibgu.cli.rehearse.plan import of_files, of_hub
    from ibgu.hub import paths
    from ibgu.hub.rollout_policies import read_rollout_policies

    async def ask() -> OnHub:
        async with connected() as hub:
            clusters = await selected(hub, (), "")
            found = of_files(files) if files else of_hub(await read_rollout_policies(hub))
            path = paths.rollout_object(*rollout) if rollout else ""
            manifest = msgspec.json.decode(await hub.request("GET", path)) if path else {}
            return OnHub(clusters, found, manifest)

    return asyncio.run(ask())
