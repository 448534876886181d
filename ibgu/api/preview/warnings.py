"""Warns of what the caller's rights and the journal say besides the preview."""

from collections.abc import Sequence

from ibgu.api.changes.retrying import naming
from ibgu.api.requests.access import Caller
from ibgu.api.requests.readable import readable_by
from ibgu.core.drivers.ibu.given import GivenSpec, refused_fields
from ibgu.core.model import LABEL_PREFIX, Action, ClusterView, Rollout
from ibgu.core.model.kinds import IbuSpec
from ibgu.core.views.preview import Preview
from ibgu.db.reads import Reads

_ABORTS = (Action.ABORT, Action.ABORT_ON_FAILURE)


async def in_newer(
    found: Preview, rollout: Rollout | None, reads: Reads, caller: Caller
) -> list[str]:
    """Returns a warning if an abort takes clusters that newer rollouts work on since."""
    if rollout is None or not found.selected or found.steps[0].actions[0] not in _ABORTS:
        return []
    taken = await reads.taken_later(rollout, found.selected)
    if not taken:
        return []
    readable = await caller.readable({by.namespace for by in taken.values()})
    named = naming(rollout.namespace, readable)
    names = ", ".join(sorted({named(by) for by in taken.values()}))
    noun = "cluster was" if len(found.selected) == 1 else "clusters were"
    return [
        f"{len(taken)} of {len(found.selected)} {noun} in newer rollouts since ({names}): what "
        "these have done there is aborted, too"
    ]


def in_an_upgrade(found: Preview, clusters: Sequence[ClusterView]) -> list[str]:
    """Returns the clusters of the first step that are in the middle of an upgrade by their
    labels."""
    first = frozenset(found.steps[0].clusters if found.steps else ())
    return [
        each.name
        for each in clusters
        if each.name in first and any(label.startswith(LABEL_PREFIX) for label in each.labels)
    ]


async def refused(
    found: Preview, spec: IbuSpec, upgraded: Sequence[str], caller: Caller, reads: Reads
) -> list[str]:
    """Returns warnings of fields that the clusters would refuse, by what they took last."""
    if not upgraded:
        return []
    readable = await readable_by(caller, reads)
    given = {
        cluster: GivenSpec(
            action,
            rollout.spec.ibu_spec,
            readable.full_name(rollout.namespace, rollout.name),
            readable.includes(rollout.namespace),
        )
        for cluster, (action, rollout) in (await reads.last_taken(upgraded)).items()
    }
    first = found.steps[0]
    return list(refused_fields(Action(first.actions[0]), first.clusters, spec, given))
