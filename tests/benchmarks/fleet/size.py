"""The sizes that are measured."""

from msgspec import Struct


class Size(Struct, frozen=True):
    clusters: int
    heads: int
    """Clusters with agents, which work; all others are silent copies."""
    slots: int
    seed: int = 1
    rest: float = 0.0
    """Seconds of rest, after `settle`."""
    settle: float = 20.0
    """Seconds from a start to rest, once everything is in sync; and for the API server, from the
    last of so many writes to the start."""
