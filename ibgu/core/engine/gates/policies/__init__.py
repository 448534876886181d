"""The gates of RolloutPolicies: limits of clusters in flight, windows and freezes (R50)."""

from ibgu.core.engine.gates.policies.cluster_hold import CLUSTER_HOLD
from ibgu.core.engine.gates.policies.faults import faults
from ibgu.core.engine.gates.policies.in_force import (
    UNKNOWN,
    HoldingPolicies,
    PolicyGates,
    policies_unknown,
)
from ibgu.core.engine.gates.policies.meanings import MEANINGS
from ibgu.core.engine.gates.policies.sources import (
    Sources,
    source_fault,
    source_faults,
    unknown_sources,
)

__all__ = [
    "CLUSTER_HOLD",
    "MEANINGS",
    "UNKNOWN",
    "HoldingPolicies",
    "PolicyGates",
    "Sources",
    "faults",
    "policies_unknown",
    "source_fault",
    "source_faults",
    "unknown_sources",
]
