"""Determines which other rollout has a cluster of a rollout, named as the caller may know it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.api.requests.access import Caller
from ibgu.core.model import Outcome, Rollout, RolloutState, declared, traits
from ibgu.core.model.kinds import RolloutObject, RolloutSpec
from ibgu.core.plan import matcher
from ibgu.core.views.change import OtherRollout
from ibgu.db.reads import Reads
from ibgu.db.reads.later import LaterMembership

Labels = Mapping[str, str] | None
"""Labels of a ManagedCluster; None if it is gone."""


class SelectingRollout(Struct, frozen=True):
    """SelectingRollout is a newer rollout, which selects clusters by their labels."""

    uid: str
    other: OtherRollout
    chooses: Callable[[Mapping[str, str]], bool]


class OtherRollouts(Struct, frozen=True):
    """OtherRollouts are those beside one rollout that have its clusters."""

    newer: Mapping[str, OtherRollout]
    """The newest later rollout that has acted on a cluster, or may yet."""
    selecting: Sequence[SelectingRollout]
    """Later rollouts, which may not have begun."""
    holders: Mapping[str, str] = {}
    """The rollout that has claimed the cluster."""
    aborted: Mapping[str, frozenset[str]] = {}
    """uids of later rollouts that only took the failed cluster back to Idle: it is as it was."""
    done_nothing: Mapping[str, frozenset[str]] = {}
    """uids of later rollouts that are past the cluster and have done nothing there, such as one
    that found it in the wrong state."""

    def newer_of(
        self, cluster: str, labels: Labels, more: Sequence[SelectingRollout] = ()
    ) -> OtherRollout | None:
        if (found := self.newer.get(cluster)) is not None:
            return found
        none = frozenset[str]()
        over = self.aborted.get(cluster, none) | self.done_nothing.get(cluster, none)
        later = (*more, *self.selecting) if labels else ()
        has = (each for each in later if each.uid not in over and each.chooses(labels or {}))
        return next((each.other for each in has), None)


async def others_of(
    rollout: Rollout, clusters: Sequence[str], reads: Reads, caller: Caller
) -> OtherRollouts:
    taken = await reads.taken_later(rollout, clusters)
    claimed = await reads.claimed_elsewhere(rollout.uid, clusters)
    newer = await reads.newer(rollout)
    namespaces = {each.namespace for each in newer}
    for found in (taken, claimed):
        namespaces |= {each.rollout.namespace for each in newest(found).values()}
    readable = await caller.readable(namespaces)
    named = naming(rollout.namespace, readable)
    holding = naming(rollout.namespace, readable, "another rollout")
    kept = {
        name: [each for each in found if not (_taken_back(each) or _over(each) or idle(each))]
        for name, found in taken.items()
    }
    return OtherRollouts(
        newer={name: _other(each.rollout, named) for name, each in newest(kept).items()},
        selecting=[
            SelectingRollout(each.uid, _other(each, named), _chosen_by(each.spec)) for each in newer
        ],
        holders={name: holding(each.rollout) for name, each in newest(claimed).items()},
        aborted=_uids_where(_taken_back, taken),
        done_nothing=_uids_where(idle, taken),
    )


def _uids_where(
    fits: Callable[[LaterMembership], bool], taken: Mapping[str, Sequence[LaterMembership]]
) -> dict[str, frozenset[str]]:
    """Returns the uids of each cluster's rollouts that fit, without clusters that have none."""
    fitting = {
        name: frozenset(each.rollout.uid for each in found if fits(each))
        for name, found in taken.items()
    }
    return {name: uids for name, uids in fitting.items() if uids}


def idle(taken: LaterMembership) -> bool:
    """Returns whether the rollout has done nothing on the cluster, and won't: it has ended there,
    and no step of it is left that could take a cluster which has not failed."""
    if taken.acted or taken.outcome is None:
        return False
    rollout = taken.rollout
    last = taken.step + 1 >= len(rollout.spec.plan)
    over = rollout.state in (RolloutState.COMPLETE, RolloutState.DELETED)
    return over or last or taken.outcome is Outcome.FAILED


def _taken_back(taken: LaterMembership) -> bool:
    actions = [action for item in taken.rollout.spec.plan for action in item.actions]
    only = all(declared(action) and traits(action).after_failure for action in actions)
    return only and taken.outcome is Outcome.SUCCEEDED


def _over(taken: LaterMembership) -> bool:
    """Whether the rollout is deleted and done with the cluster: only the labels tell of it now."""
    return taken.rollout.deleted_at is not None and taken.outcome is not None


def newest(taken: Mapping[str, Sequence[LaterMembership]]) -> dict[str, LaterMembership]:
    return {cluster: found[-1] for cluster, found in taken.items() if found}


def selecting(ibgus: Sequence[RolloutObject], rollout: Rollout) -> list[SelectingRollout]:
    """Returns the later rollouts on the hub; the journal may not have seen them yet."""
    return [
        SelectingRollout(
            each.metadata.uid,
            OtherRollout(each.metadata.name, _cancels(each.spec)),
            _chosen_by(each.spec),
        )
        for each in ibgus
        if each.metadata.uid != rollout.uid and _age(each) > rollout.age
    ]


def _age(of: RolloutObject) -> tuple[datetime, str]:
    """Returns the sort key by age, as the journal's records have it (R6.3)."""
    return (datetime.fromisoformat(of.metadata.creation_timestamp), of.metadata.uid)


def naming(
    namespace: str, readable: Collection[str], hidden: str = "a newer rollout"
) -> Callable[[Rollout], str]:
    """Returns a function that names a rollout; without the right to its namespace the name is
    `hidden`."""

    def named(of: Rollout) -> str:
        if of.namespace == namespace:
            return of.name
        return of.full_name if of.namespace in readable else hidden

    return named


def _other(rollout: Rollout, named: Callable[[Rollout], str]) -> OtherRollout:
    return OtherRollout(named(rollout), _cancels(rollout.spec))


def _cancels(spec: RolloutSpec) -> bool:
    first = [action for item in spec.plan[:1] for action in item.actions[:1]]
    return any(declared(action) and traits(action).cancels for action in first)


def _chosen_by(spec: RolloutSpec) -> Callable[[Mapping[str, str]], bool]:
    return matcher(spec.cluster_label_selectors)
