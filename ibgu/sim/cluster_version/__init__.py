"""Simulates OpenShift's cluster-version operator, and as much of the machine-config operator as an
update shows of it."""

from ibgu.sim.cluster_version.operator import VersionOperator
from ibgu.sim.cluster_version.settings import Updates
from ibgu.sim.cluster_version.timeline import UpdateTimeline

__all__ = ["UpdateTimeline", "Updates", "VersionOperator"]
