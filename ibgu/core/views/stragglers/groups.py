"""Groups stragglers by cause, remedy and possible plan."""

from collections.abc import Iterable

from msgspec import Struct

from ibgu.core.model import ActionName, traits
from ibgu.core.text.natural import natural_key
from ibgu.core.views.stragglers.members import Plan, RecoveryWay, Straggler, StragglerState


class StragglerGroup(Struct, frozen=True, kw_only=True):
    state: StragglerState
    step: int
    """Counts from 1."""
    action: ActionName
    kind: str
    """The failure, cause or reason."""
    means: str
    fix: str
    """What to mend or find out, before the plan or the way."""
    remedy: str
    who: str
    """Who must act, for unfinished clusters."""
    check: str
    """What to check on the first cluster, if its reason is overdue."""
    words: str
    """The first cluster's message."""
    differ: bool
    """Whether another cluster of the group has another message."""
    plan: Plan
    note: str
    way: RecoveryWay | None
    """The command that takes the clusters further instead of a plan."""
    cleanup: ActionName | None
    """The action that cleans up again, if that is the way."""
    clusters: tuple[str, ...]
    """Cluster names in natural order."""

    @property
    def aborts(self) -> bool:
        """Whether the plan only takes the failed clusters back."""
        return self.next is not None and traits(self.next).after_failure

    @property
    def next(self) -> ActionName | None:
        """The first action of the plan. Groups with the same cause, step, action and next action
        have the same plan."""
        return self.plan[0][0] if self.plan else None


def grouped(stragglers: Iterable[Straggler]) -> list[StragglerGroup]:
    """Returns the groups, the largest first; those that need no person, because they still go on,
    last."""
    found: dict[tuple[object, ...], list[Straggler]] = {}
    for each in stragglers:
        left = each.left
        key = (
            each.state,
            left.step,
            left.action,
            left.kind,
            left.who,
            each.plan,
            each.note,
            each.way,
            each.cleanup,
        )
        found.setdefault(key, []).append(each)
    return sorted(map(_group, found.values()), key=_order)


def _group(alike: list[Straggler]) -> StragglerGroup:
    alike = sorted(alike, key=lambda each: natural_key(each.left.cluster))
    first = alike[0]
    return StragglerGroup(
        state=first.state,
        step=first.left.step,
        action=first.left.action,
        kind=first.left.kind,
        means=first.left.means,
        fix=first.left.fix,
        remedy=first.left.remedy,
        who=first.left.who,
        check=first.left.check,
        words=first.left.words,
        differ=any(each.left.words != first.left.words for each in alike),
        plan=first.plan,
        note=first.note,
        way=first.way,
        cleanup=first.cleanup,
        clusters=tuple(each.left.cluster for each in alike),
    )


def _order(group: StragglerGroup) -> tuple[object, ...]:
    going = group.state is StragglerState.GOING
    return (going, -len(group.clusters), group.step, natural_key(group.clusters[0]), group.kind)
