"""Judges recorded starts by RolloutPolicies that were not in force then (R50)."""

from ibgu.core.assurance.simulate.clusters import LabelledClusters
from ibgu.core.assurance.simulate.outcome import HeldStart, PolicyOutcome, SimulationOutcome
from ibgu.core.assurance.simulate.simulation import PolicySimulation

__all__ = [
    "HeldStart",
    "LabelledClusters",
    "PolicyOutcome",
    "PolicySimulation",
    "SimulationOutcome",
]
