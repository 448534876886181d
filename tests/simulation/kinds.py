"""The kinds of change that a simulation can play: the image-based upgrade, and the toy driver's."""

from msgspec import Struct

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.proofs import PROOFS
from ibgu.core.engine.driver import Driver
from ibgu.core.model import names
from ibgu.core.model.proofs import KindProofs
from ibgu.sim.cluster import SimulatedCluster
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareProofs
from tests.simulation.firmware import FirmwareCluster


class SimulatedKind(Struct, frozen=True):
    driver: Driver
    proofs: KindProofs
    cluster_type: type[SimulatedCluster]


UPGRADE = SimulatedKind(IBU, PROOFS, SimulatedCluster)
FIRMWARE = SimulatedKind(FirmwareDriver(), {names.IBGU: FirmwareProofs()}, FirmwareCluster)
KINDS = {"upgrade": UPGRADE, "firmware": FIRMWARE}
