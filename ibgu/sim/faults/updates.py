"""Lists the faults of updates to another release: each holds from the beginning, until its
duration is over."""

from ibgu.sim.cluster_version.settings import TROUBLES
from ibgu.sim.faults.fault import Fault, FaultPoint

UPDATE_FAULTS: dict[str, Fault] = {name: Fault(name, FaultPoint.UPDATE) for name in TROUBLES}
"""A cluster without a cluster-version operator shows nothing of them."""
