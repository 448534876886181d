"""A rollout as it is for some of its clusters alone: what `status -l` shows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import to_builtins
from msgspec.structs import replace

from ibgu.cli.show.status import Seen
from ibgu.client.answers.failures import FailureGroup, Failures
from ibgu.client.answers.members import Member
from ibgu.client.answers.rollouts import Counts, ReasonCount, Rollout, Step
from ibgu.core.counts import Course, Place, Visit, counts_of_places, places_of, progress_of

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
        rollout=replace(seen.rollout, counts=_whole(seen, members), eta=None, stalled=len(late)),
        steps=tuple(_step(step, members) for step in seen.steps),
        failures=_failures(members),
        stalled=tuple(late[:stalled]),
        aborted={},
    )


def _whole(seen: Seen, members: Iterable[Member]) -> Counts:
    """Return the counts over all steps, as `core.counts` has them everywhere."""
    places = Counter(places_of(map(partial(_visit, seen), sorted(members, key=_step_of))))
    return Counts(**to_builtins(counts_of_places(places, _course(seen.rollout, seen.steps))))


def _visit(seen: Seen, member: Member) -> Visit:
    late = "late" if member.late else ""
    outcome = "failed" if late and member.outcome == "succeeded" else member.outcome
    place = Place(member.step - 1, progress_of(member.state, outcome, late))
    return Visit(member.cluster, seen.steps[member.step - 1].actions[0], place)


def _step_of(member: Member) -> int:
    return member.step


def _course(rollout: Rollout, steps: Iterable[Step]) -> Course:
    begun = (step.actions[0] for step in steps if step.state not in ("planned", "opening"))
    plan = tuple(item.actions[0] for item in rollout.plan)
    return Course(plan, tuple(begun), deleted=rollout.deleted_at is not None)


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
        if _field(member) == "failed":
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
