"""The end of a step in one run."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct


class Held(StrEnum):
    """Held says who must act before a step goes on; empty: nobody."""

    NOT = ""
    CIRCUIT_BREAKER = "circuit breaker"
    UPGRADE_BREAKER = "breaker"
    CANARIES = "canaries"
    BUDGET = "failure budget"
    POLICY = "policy"
    """One that lets nothing start for as long as the rehearsal looks ahead."""


class Trip(Struct, frozen=True):
    """Trip is a rule that failures have broken, so that nothing new starts."""

    held: Held
    policy: int | None
    """The place of its policy in the plan; None: it is the step's own circuit breaker."""
    failed: int
    """How many clusters had failed when they were too many."""


class StepEnd(Struct, frozen=True):
    """StepEnd is how a step went; times are in seconds."""

    at: float
    """When it ended, or came to stand."""
    held: Held
    trip: Trip | None
    """The rule that holds it until a person resumes; None: no such rule does."""
    started: int
    """Members that have started."""
    succeeded: int
    failed: int
    expired: int
    """Members whose time was over before their action had ended; they failed, too."""
    never_started: int
    timed_out: bool
    """Whether the step's timeout ended it."""
    ended: Mapping[int, float]
    """When each member finished that has finished, by cluster."""
    results: Sequence[tuple[float, int, int, bool]]
    """The ends of actions: when, on which cluster, which of the step's actions, and whether it
    succeeded. Actions that end later than their member's time are among them."""
    dark: Mapping[int, float]
    """Clusters that still reboot when their member has failed, each until when."""
