"""Warns of what the journal says besides the preview and preflight."""

from collections.abc import Sequence

from ibgu.api.changes.other_rollouts import naming, newest
from ibgu.api.requests.access import Caller
from ibgu.api.requests.readable import readable_by
from ibgu.core.drivers import traits
from ibgu.core.engine.driver import GivenSpec
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.views.preview import Preview, Proposal
from ibgu.db.reads import Reads


async def in_newer(
    found: Preview, rollout: Rollout | None, reads: Reads, caller: Caller
) -> list[str]:
    """Returns a warning if an abort takes clusters that newer rollouts work on since."""
    if rollout is None or not found.selected or not traits(found.steps[0].actions[0]).aborts:
        return []
    later = await reads.taken_later(rollout, found.selected)
    taken = newest({name: [each for each in its if each.acted] for name, its in later.items()})
    if not taken:
        return []
    readable = await caller.readable({by.rollout.namespace for by in taken.values()})
    named = naming(rollout.namespace, readable)
    names = ", ".join(sorted({named(by.rollout) for by in taken.values()}))
    noun = "cluster was" if len(found.selected) == 1 else "clusters were"
    return [
        (
            f"{len(taken)} of {len(found.selected)} {noun} in newer rollouts since "
            f"({names}): this also aborts what they have done there"
        )
    ]


def in_an_upgrade(found: Preview, clusters: Sequence[ClusterView]) -> list[str]:
    """Returns the clusters of the first step that are in the middle of an upgrade by their
    labels."""
    if not found.steps:
        return []
    first, prefix = found.steps[0], traits(found.steps[0].actions[0]).label_prefix
    members = frozenset(first.clusters)
    return [
        each.name
        for each in clusters
        if each.name in members and any(label.startswith(prefix) for label in each.labels)
    ]


async def refused(
    found: Preview, proposal: Proposal, upgraded: Sequence[str], caller: Caller, reads: Reads
) -> list[str]:
    """Returns warnings of fields that the clusters would refuse, by what they took last."""
    if not upgraded:
        return []
    readable, driver = await readable_by(caller, reads), proposal.driver
    taken = await reads.last_taken(upgraded, driver.actions.names)
    given = {
        cluster: GivenSpec(
            action,
            rollout.spec,
            readable.full_name(rollout.namespace, rollout.name),
            readable.includes(rollout.namespace),
        )
        for cluster, (action, rollout) in taken.items()
    }
    first = found.steps[0]
    return list(driver.refused_fields(first.actions[0], first.clusters, proposal.spec, given))
