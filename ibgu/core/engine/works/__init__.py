"""The works that ibgu writes to the hub, whatever kind of change they carry, and the patches of
ManagedClusters."""

from ibgu.core.engine.works.cluster_patch import cluster_patch
from ibgu.core.engine.works.wanted import Wanted, disarmed_stage, wanted_stage

__all__ = ["Wanted", "cluster_patch", "disarmed_stage", "wanted_stage"]
