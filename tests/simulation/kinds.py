"""The kinds of change that a simulation can play: the image-based upgrade, the update to another
release, both on the same clusters, and the toy driver's."""

from random import Random

from msgspec import Struct

from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.driver import Drivers
from ibgu.core.model import names
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.cluster_version import Updates
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareProofs
from tests.oracle.kinds import PROOFS
from tests.oracle.proofs import KindProofs
from tests.simulation.firmware import FirmwareCluster
from tests.simulation.updates import MULTI_NODE, SINGLE_NODE, UpdatedCluster


class SimulatedKind(Struct, frozen=True):
    drivers: Drivers
    proofs: KindProofs
    cluster_type: type[SimulatedCluster]
    objects: tuple[str, ...] = (names.IBGU,)
    """The kinds of the objects that ask for rollouts."""
    updates: Updates | None = None
    """How clusters take updates to another release."""

    def object_of(self, seed: int, number: int) -> str:
        """Returns the kind of a rollout's object, by a separate draw."""
        return Random(f"{seed}/{number}/kind").choice(self.objects)


UPGRADE = SimulatedKind({names.IBGU: IBU}, PROOFS, SimulatedCluster)
FIRMWARE = SimulatedKind(
    {names.IBGU: FirmwareDriver()}, {names.IBGU: FirmwareProofs()}, FirmwareCluster
)
UPDATE = SimulatedKind(DRIVERS, PROOFS, UpdatedCluster, (names.FLEET_UPDATE,), MULTI_NODE)
BOTH = SimulatedKind(DRIVERS, PROOFS, UpdatedCluster, (names.IBGU, names.FLEET_UPDATE), SINGLE_NODE)
KINDS = {"upgrade": UPGRADE, "firmware": FIRMWARE, "update": UPDATE, "both": BOTH}
"""The real controllers take whole rollouts of each kind through all faults."""
