"""The gates of RolloutPolicies: limits of clusters in flight, windows and freezes (R50)."""

from ibgu.core.engine.gates.policies.faults import faults
from ibgu.core.engine.gates.policies.in_force import UNKNOWN, HoldingPolicies, PolicyGates

__all__ = ["UNKNOWN", "HoldingPolicies", "PolicyGates", "faults"]
