"""Objects that an inspection reads, put by hand onto simulated clusters."""

from ibgu.core.drivers.ibu.preflight.inspection.objects import IBU, InspectedObject
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spoke.objects import key_of
from tests.core.drivers.ibu.preflight.answers import objects


def equip(
    cluster: SimulatedCluster, now: float, without: frozenset[InspectedObject] = frozenset()
) -> None:
    """Gives the cluster all that a correct one has, in place of what it has; its own
    ImageBasedUpgrade stays."""
    for each, content in objects().items():
        metadata = {"name": each.name, "namespace": each.namespace}
        manifest: JsonObject = {
            "apiVersion": each.api_version,
            "kind": each.kind,
            "metadata": metadata,
            **content,
        }
        if each is IBU:
            continue
        cluster.spoke.delete(key_of(manifest), now)
        if each not in without:
            cluster.spoke.create(manifest, now)
