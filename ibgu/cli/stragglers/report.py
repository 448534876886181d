"""Derives the unfinished clusters, and what may be done about them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.stragglers.facts import HubClusters, NewerRollout, NoProposals, RestFacts
from ibgu.client.responses import MemberResponse
from ibgu.core.drivers import DRIVERS, traits
from ibgu.core.model import ActionName
from ibgu.core.model.actions import ActionTraits
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views.change import NewStep, appendable, appended
from ibgu.core.views.stragglers import (
    NAME_LABEL,
    PlanProgress,
    Straggler,
    StragglerGroup,
    StragglerMember,
    StragglerState,
    grouped,
    judge,
    manifest,
)
from ibgu.core.views.stragglers.members import Plan

ABORTED, NOT_TAKEN = "Aborted", "NotTaken"
"""The kinds of groups that are neither cause nor reason: the clusters have succeeded."""


class StragglerRollout(Struct, frozen=True):
    """StragglerRollout is a new ImageBasedGroupUpgrade for unfinished clusters."""

    manifest: JsonObject
    unnamed: tuple[str, ...]
    """The clusters, where they need a label first; empty: they can be selected as they are."""

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])


class GroupFilter(Struct, frozen=True):
    """GroupFilter filters groups; what is not given matches all."""

    causes: Collection[str] = ()
    step: int | None = None
    action: str = ""
    next: str = ""
    """The first action of the plan that is possible now."""
    cleanup: str = ""
    """The action that cleans up again."""

    def __bool__(self) -> bool:
        return bool(self.causes or self.step or self.action or self.next or self.cleanup)

    def has(self, group: StragglerGroup) -> bool:
        return (
            (not self.causes or group.kind in self.causes)
            and self.step in (None, group.step)
            and self.action in ("", group.action)
            and (not self.next or self.next == group.next)
            and (not self.cleanup or self.cleanup == group.cleanup)
        )


class StragglersReport(Struct, frozen=True):
    facts: RestFacts
    live: HubClusters | NoProposals
    groups: tuple[StragglerGroup, ...]
    elsewhere: Mapping[str, int]
    """Newer rollout -> clusters that are its own now."""
    cancelled: Mapping[str, int]
    """Newer rollout -> clusters that it has cancelled on purpose."""
    only: GroupFilter = GroupFilter()
    left: int = 0
    """The clusters that are left, those that the filter leaves out included."""

    @property
    def filtered(self) -> bool:
        """Returns whether the rollout may have failed clusters that are not in the report."""
        return bool(self.only or self.facts.selector)

    @property
    def patch(self) -> list[JsonObject]:
        """Returns a patch that appends AbortOnFailure to the rollout's own plan; empty: that is not
        legal, or would take clusters that were not asked for."""
        if (
            self.filtered
            or isinstance(self.live, NoProposals)
            or self.live.ibgu.metadata.deletion_timestamp
        ):
            return []
        table = DRIVERS[self.live.object["kind"]].actions
        plan, abort = [item.actions for item in self.live.ibgu.spec.plan], table.abort
        if abort is None or (abort,) not in appendable(plan, table):
            return []
        return appended(self.live.object["spec"]["plan"], NewStep((abort,)))

    def ways(self) -> list[StragglerRollout]:
        """Returns one object for all groups with the same plan, each with a name that is free."""
        if isinstance(self.live, NoProposals):
            return []
        plans = dict.fromkeys(group.plan for group in self.groups if group.plan)
        taken = set(self.live.taken)
        return [_way(self, self.live, plan, taken) for plan in plans]


def report(facts: RestFacts, live: HubClusters | NoProposals) -> StragglersReport:
    plan = tuple(tuple(item.actions) for item in facts.rollout.plan)
    started = sum(step.state != "planned" for step in facts.steps)
    course = PlanProgress(plan, started)
    elsewhere, cancelled = Counter[str](), Counter[str]()
    found: list[Straggler] = []
    for member in facts.members.values():
        left, owner = _now(member, facts.newer, plan)
        straggler = _judged(left, course, live)
        if owner and (straggler or _to_upgrade(member, owner)):
            there = cancelled if _has_cancelled(owner.members[member.cluster]) else elsewhere
            there[owner.name] += 1
        elif straggler:
            found.append(straggler)
    groups = tuple(grouped(found))
    return StragglersReport(facts, live, groups, elsewhere, cancelled, left=len(found))


def narrowed(of: StragglersReport, only: GroupFilter) -> StragglersReport:
    groups = tuple(filter(only.has, of.groups))
    return replace(of, groups=groups, only=only)


def _judged(
    left: StragglerMember, course: PlanProgress, live: HubClusters | NoProposals
) -> Straggler | None:
    if isinstance(live, HubClusters):
        return judge(left, course, live.labels.get(left.cluster))
    if not left.finished:
        return Straggler(left, StragglerState.GOING)
    return None if left.outcome == "succeeded" else Straggler(left, StragglerState.ENDED)


def _to_upgrade(member: MemberResponse, owner: NewerRollout) -> bool:
    """Whether the cluster was aborted here, and the newer rollout has not upgraded it: its labels
    are of that rollout, and say nothing of the abort."""
    there = owner.members[member.cluster]
    upgraded = owner.rollout.state == "complete" and there.outcome == "succeeded"
    return _has_aborted(member) and not upgraded


def _now(
    member: MemberResponse, newer: Sequence[NewerRollout], plan: Plan
) -> tuple[StragglerMember, NewerRollout | None]:
    """Returns the member's state, and the newer rollout that owns it now (None: it is ours). One
    that a newer rollout has only taken back to Idle is ours again."""
    for other in newer:
        there = other.members.get(member.cluster)
        if there is None:
            continue
        if _has_aborted(there):
            return replace(_left(there, plan), step=member.step), None
        return replace(_left(member, plan), provable=_provable(member, there)), other
    return _left(member, plan), None


def _provable(member: MemberResponse, there: MemberResponse | None = None) -> bool:
    """Whether labels can prove that the cluster has got there after it failed: an action was
    started and has left its failed label, or a newer rollout has completed one there since."""
    if member.outcome != "failed" or member.started_at is not None:
        return True
    ended, completed = member.ended_at, there.completed if there is not None else ()
    return ended is not None and any(done.at > ended for done in completed)


def _has_aborted(member: MemberResponse) -> bool:
    return any(action.after_failure for action in _last_action(member))


def _has_cancelled(member: MemberResponse) -> bool:
    return any(action.aborts and not action.after_failure for action in _last_action(member))


def _last_action(member: MemberResponse) -> list[ActionTraits]:
    """Returns the action that a cluster which succeeded took last; empty: none."""
    last = member.completed[-1:] if member.outcome == "succeeded" else ()
    return [traits(done.action) for done in last]


def _left(member: MemberResponse, plan: Plan) -> StragglerMember:
    reason = member.reason
    return StragglerMember(
        cluster=member.cluster,
        step=member.step,
        action=_action(member, plan),
        finished=member.state == "finished",
        provable=_provable(member),
        outcome=member.outcome or "",
        kind=_kind(member),
        cause=member.cause or "",
        words=" ".join((reason.message if reason else member.message).split()),
        means=member.means or "",
        fix=member.fix or "",
        remedy=member.remedy or "",
        who=reason.who if reason else "",
        check=reason.overdue.check if reason and reason.overdue else "",
    )


def _kind(member: MemberResponse) -> str:
    if member.outcome == "succeeded":
        return ABORTED if _has_aborted(member) else NOT_TAKEN
    return member.failure or member.cause or (member.reason.kind if member.reason else "")


def _action(member: MemberResponse, plan: Plan) -> ActionName:
    last = member.completed[-1].action if member.completed else None
    run = member.run.action if member.run else None
    begun = member.failed_action or member.action or last or run
    # A cluster that was skipped before its step began it.
    return begun or plan[member.step - 1][0]


def _way(of: StragglersReport, live: HubClusters, plan: Plan, taken: set[str]) -> StragglerRollout:
    clusters = [name for group in of.groups if group.plan == plan for name in group.clusters]
    labels = [live.labels.get(cluster, {}) for cluster in clusters]
    named = all(
        label.get(NAME_LABEL) == cluster for cluster, label in zip(clusters, labels, strict=True)
    )
    word = "abort" if traits(plan[0][0]).after_failure else "retry"
    name = next(name for name in _names(live.ibgu.metadata.name, word) if name not in taken)
    taken.add(name)
    made = manifest(live.object, name, clusters, plan, named=named)
    return StragglerRollout(made, () if named else tuple(clusters))


def _names(name: str, word: str) -> Iterator[str]:
    yield from (f"{name}-{word}-{number}" for number in count(1))
