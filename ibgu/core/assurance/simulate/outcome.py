"""The outcome of a simulation of policies."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct


class HeldStart(Struct, frozen=True):
    """HeldStart is a recorded start that a policy would have held."""

    rollout: str
    """namespace/name."""
    step: int
    """The index of its step."""
    cluster: str
    action: str
    at: datetime
    rule: str
    """The number of the rule that would have held it."""
    why: str
    until: datetime | None
    """When the policy would have let it start; None: that depends on what else happens."""


class PolicyOutcome(Struct, frozen=True):
    """PolicyOutcome is what one policy would have held."""

    policy: str
    held: int
    """The starts that it would have held."""
    clusters: int
    """Their clusters, each counted once in its rollout."""
    passed: int
    """The starts that passed the policy of this name by BreakGlass, and that it would have held,
    or may have. They are counted here alone."""
    unjudged: int
    """The starts of which the log does not show whether it would have held them."""
    unknown: Mapping[str, int]
    """What would have to be known, with the number of those starts that it is about."""
    reasons: Mapping[str, int]
    """The fields of the policy that would have held starts, with how many."""
    first: Sequence[HeldStart]


class SimulationOutcome(Struct, frozen=True):
    """SimulationOutcome is what policies would have held of the starts of rollouts."""

    rollouts: int
    """The rollouts with such a start."""
    starts: int
    """The starts that policies may hold: all but those that lead back."""
    lost: int
    """The starts of rollouts whose first events are gone: nothing is known of those."""
    policies: Sequence[PolicyOutcome]

    @property
    def held(self) -> bool:
        """Whether one of the policies would have held a start."""
        return any(each.held for each in self.policies)
