"""The kinds of change that a simulation can play: the image-based upgrade, and the toy driver's."""

from msgspec import Struct

from ibgu.core.assurance.certify.proofs import Proofs
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.proofs import IBU_PROOFS
from ibgu.core.engine.driver import Driver
from ibgu.core.model import Action
from ibgu.sim.cluster import SimulatedCluster
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareProofs
from tests.simulation.firmware import FirmwareCluster


class SimulatedKind(Struct, frozen=True):
    driver: Driver
    proofs: Proofs
    cluster_type: type[SimulatedCluster]
    lacks: frozenset[Action] = frozenset()
    """The actions that it does not have; no plan names them."""


UPGRADE = SimulatedKind(IBU, IBU_PROOFS, SimulatedCluster)
FIRMWARE = SimulatedKind(
    FirmwareDriver(),
    FirmwareProofs(),
    FirmwareCluster,
    frozenset({Action.ROLLBACK, Action.FINALIZE_ROLLBACK}),
)
KINDS = {"upgrade": UPGRADE, "firmware": FIRMWARE}
