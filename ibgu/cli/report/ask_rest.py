"""Reads a rollout from the REST API, page by page."""

from collections.abc import Iterator, Sequence
from itertools import islice

from ibgu.cli.report.facts import RolloutFacts, group_key
from ibgu.cli.report.rows import ReportedRow
from ibgu.cli.report.totals import MemberTotals
from ibgu.client import Client
from ibgu.client.responses import ViewResponse

POINTS = 120
MIN_POINTS = 2
"""Points of a timeline, which is not shown."""
ACTIVITY = 2000
"""The most entries of activity that a report is made from."""


def facts_of(client: Client, namespace: str, name: str, labels: Sequence[str]) -> RolloutFacts:
    """Returns the rollout; `labels`: names of those that its clusters are grouped by. Raises
    RestError."""
    view = _view(client, namespace, name)
    uid = view.rollout.uid
    begun = [step.step for step in view.steps if step.started_at]
    return RolloutFacts(
        hub=client.whoami().hub,
        now=view.now,
        rollout=view.rollout,
        steps=view.steps,
        timelines=tuple(
            client.timeline(namespace, name, step=step, points=POINTS, uid=uid) for step in begun
        ),
        failures=view.failures.items,
        activity=tuple(islice(client.activity(namespace, name, uid=uid), ACTIVITY)),
        totals=_totals(client, view, labels),
    )


def _totals(client: Client, view: ViewResponse, labels: Sequence[str]) -> MemberTotals:
    totals = MemberTotals(labels)
    rollout, steps = view.rollout, {step.step: step for step in view.steps}
    members = client.attempts(
        rollout.namespace, rollout.name, labels=list(labels) or None, uid=rollout.uid
    )
    for found in members:
        if step := steps.get(found.member.step):  # else it began after the view was read
            totals.add(found, step.actions, step.started_at)
    return totals


def rows_of(
    client: Client, namespace: str, name: str, labels: Sequence[str]
) -> Iterator[ReportedRow]:
    """Yields a row for each cluster and action as it is read. Raises RestError."""
    view = _view(client, namespace, name)
    rollout, steps = view.rollout, {step.step: step for step in view.steps}
    remedies = {group_key(each): each.remedy or "" for each in view.failures.items}
    members = client.attempts(namespace, name, labels=list(labels) or None, uid=rollout.uid)
    for found in members:
        if step := steps.get(found.member.step):
            yield ReportedRow(rollout, found, step.actions, remedies)


def _view(client: Client, namespace: str, name: str) -> ViewResponse:
    return client.view(namespace, name, points=MIN_POINTS, failures="all")
