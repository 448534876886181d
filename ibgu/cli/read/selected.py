"""A rollout as it is for some of its clusters alone: what `status -l` shows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ibgu.cli.show.status import Seen
from ibgu.client.answers.failures import FailureGroup, Failures
from ibgu.client.answers.members import Member
from ibgu.client.answers.rollouts import Counts, ReasonCount, Step

if TYPE_CHECKING:
    from ibgu.client import Client

NAMED = 50
"""Clusters of a group that are named, as in REST."""
_FIELDS = {"waiting": "waiting", "in flight": "running"}


def selected(client: "Client", seen: Seen, label: str, stalled: int) -> Seen:
    """Return what was seen, counted over the clusters with such labels. Raises RestError.

    What is forecast is about all of them, and left out. `stalled`: so many are told at most.
    """
    where = (seen.rollout.namespace, seen.rollout.name)
    members = list(client.members(*where, label=label))
    late = [member for member in members if member.stalled]
    return replace(
        seen,
        rollout=replace(seen.rollout, counts=Counts(), eta=None, stalled=len(late)),
        steps=tuple(_step(step, members) for step in seen.steps),
        failures=_failures(members),
        stalled=tuple(late[:stalled]),
        aborted={},
    )


def _step(step: Step, members: Iterable[Member]) -> Step:
    of_step = [member for member in members if member.step == step.step]
    words = Counter(map(_field, of_step))
    waits = Counter((member.reason.kind, member.reason.who) for member in of_step if member.reason)
    reasons = [ReasonCount(kind=kind, who=who, count=n) for (kind, who), n in waits.most_common()]
    counts = Counts(total=len(of_step), **words)
    late = sum(1 for member in of_step if member.stalled)
    return replace(step, counts=counts, reasons=tuple(reasons), stalled=late, eta=None)


def _field(member: Member) -> str:
    if member.outcome == "failed" and member.late:
        return "succeeded"
    return member.outcome or _FIELDS[member.state]


def _failures(members: Iterable[Member]) -> Failures:
    groups: dict[tuple[object, ...], list[Member]] = {}
    for member in members:
        if _field(member) in ("failed", "cancelled"):
            what = (member.step, member.failed_action, member.outcome, member.cause, member.failure)
            groups.setdefault(what, []).append(member)
    items = sorted(map(_group, groups.values()), key=lambda each: (-each.count, each.step))
    return Failures(total=sum(each.count for each in items), items=tuple(items))


def _group(members: Sequence[Member]) -> FailureGroup:
    one = members[0]
    return FailureGroup(
        step=one.step,
        action=one.failed_action,
        outcome=one.outcome or "",
        cause=one.cause,
        failure=one.failure,
        means=one.means,
        remedy=one.remedy,
        message=one.message,
        count=len(members),
        clusters=tuple(member.cluster for member in members)[:NAMED],
    )
