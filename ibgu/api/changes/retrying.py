"""Determines which clusters of a rollout may be retried, and what has become of the others."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from ibgu.api.failures.mapping import known_failure
from ibgu.api.requests.access import Caller
from ibgu.core.drivers.ibu.names import for_retry
from ibgu.core.model import Member, Rollout
from ibgu.core.model.kinds import Ibgu, IbguSpec, JsonObject
from ibgu.core.plan import matcher
from ibgu.core.views import change
from ibgu.core.views.change import ChangeTarget, FailedCluster
from ibgu.db.reads import Reads
from ibgu.db.reads.later import Taken

Labels = Mapping[str, str] | None
"""Labels of a ManagedCluster; None if it is gone."""
NewerRollout = tuple[str, Callable[[Mapping[str, str]], bool]]
"""The name of a newer rollout, as the caller may know it, and whether it selects such labels."""


class ReadableFailures(Struct, frozen=True):
    """ReadableFailures are those of one rollout, as far as the caller may read them."""

    rollout: Rollout
    members: Sequence[Member]
    """The newest member of each cluster that has failed, or was cancelled."""
    newer: Mapping[str, str]
    """The rollout that has a cluster now."""
    selecting: Sequence[NewerRollout]

    def judged(
        self, labels: Mapping[str, Labels], more: Sequence[NewerRollout] = ()
    ) -> list[FailedCluster]:
        """Judges each failure; `labels` by cluster, where a missing one is gone."""
        later = (*more, *self.selecting)
        return [
            change.failure(member, found, self.newer.get(member.cluster) or _selects(later, found))
            for member in self.members
            for found in [labels.get(member.cluster)]
        ]


async def failures(
    rollout: Rollout,
    reads: Reads,
    caller: Caller,
    *,
    clusters: Collection[str] | None = None,
    cause: str | None = None,
) -> ReadableFailures:
    """`clusters`, `cause`: only these."""
    found = [
        member
        for member in await reads.failed_ever(rollout.uid)
        if (clusters is None or member.cluster in clusters)
        and (cause is None or cause in _causes(member))
    ]
    taken = await reads.taken_later(rollout, [member.cluster for member in found])
    newer = await reads.newer(rollout)
    others = {by.namespace for by in taken.values()} | {each.namespace for each in newer}
    named = naming(rollout.namespace, await caller.readable(others))
    return ReadableFailures(
        rollout,
        found,
        {cluster: named(by) for cluster, by in taken.items()},
        [(named(Taken(each.namespace, each.name)), _chosen_by(each.spec)) for each in newer],
    )


async def why_no_retry(rollout: Rollout, reads: Reads, caller: Caller) -> str:
    """Returns why the request would be refused, by what the journal knows of the hub; empty if it
    would not."""
    found = await failures(rollout, reads, caller)
    known = await reads.labels([member.cluster for member in found.members])
    labels = {name: each.labels for name, each in known.items() if each.there}
    if None in labels.values() or len(known) < len(found.members):
        return ""
    target = ChangeTarget(_as_on_the_hub(rollout), caller.user.username, datetime.now(UTC))
    return change.why_no_retry(target, found.judged(labels))


def selecting(ibgus: Sequence[Ibgu], rollout: Rollout) -> list[NewerRollout]:
    """Returns the later rollouts on the hub; the journal may not have seen them yet."""
    return [
        (each.metadata.name, _chosen_by(each.spec))
        for each in ibgus
        if each.metadata.uid != rollout.uid
        and datetime.fromisoformat(each.metadata.creation_timestamp) >= rollout.created_at
    ]


def _selects(later: Sequence[NewerRollout], labels: Labels) -> str:
    if not labels:
        return ""
    return next((name for name, chooses in later if chooses(labels)), "")


def _chosen_by(spec: IbguSpec) -> Callable[[Mapping[str, str]], bool]:
    return matcher(spec.cluster_label_selectors)


def naming(namespace: str, readable: Collection[str]) -> Callable[[Taken], str]:
    """Returns a function that names a rollout; without the right to its namespace the name stays
    hidden."""

    def named(of: Taken) -> str:
        if of.namespace == namespace:
            return of.name
        return f"{of.namespace}/{of.name}" if of.namespace in readable else "a newer rollout"

    return named


def _causes(member: Member) -> set[str]:
    """Returns the member's causes as failures are grouped: by the name of a known one, else by
    cause."""
    known = known_failure(member.failed_action, member.message)
    return {str(member.cause), known.name if known else ""}


def _as_on_the_hub(rollout: Rollout) -> JsonObject:
    metadata = {"namespace": rollout.namespace, "name": rollout.name, "uid": rollout.uid}
    known = rollout.annotations | rollout.controls
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {**metadata, "annotations": for_retry(known)},
        "spec": msgspec.to_builtins(rollout.spec),
    }
