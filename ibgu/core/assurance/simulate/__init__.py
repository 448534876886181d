"""Judges recorded starts by RolloutPolicies that were not in force then (R50)."""

from ibgu.core.assurance.simulate.clusters import LabelledClusters
from ibgu.core.assurance.simulate.outcome import HeldStart, PolicyOutcome, SimulationOutcome
from ibgu.core.assurance.simulate.simulation import PolicySimulation, counts_on_hub

__all__ = [
    "HeldStart",
    "LabelledClusters",
    "PolicyOutcome",
    "PolicySimulation",
    "SimulationOutcome",
    "counts_on_hub",
]
