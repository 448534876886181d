"""The facts of a start that policies read."""

from collections.abc import Mapping

from msgspec import Struct


class StartFacts(Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """StartFacts is what the policies in force decide by, of a cluster that starts an action. The
    history keeps it, so that the start can be judged again (R44.2)."""

    labels: Mapping[str, str | None] = {}
    """The labels of the ManagedCluster by which policies select clusters and canaries; None: the
    cluster does not have the label."""
    rollout_labels: Mapping[str, str | None] = {}
    """The labels of the rollout's object by which policies select rollouts, in the same way."""
    time_zone: str | None = None
    """The time zone of the cluster, if a window is in that; empty: it has none that is known."""
    expected_seconds: float | None = None
    """The seconds within which the action usually ends, and the way back from it, if a policy
    starts only what ends within its window."""
