"""The record that a run keeps while it goes on."""

from collections import Counter, defaultdict
from collections.abc import Mapping

BUCKET = 600.0
"""Seconds over which slots in use are averaged."""
_MINUTE = 60.0


class RunRecord:
    """RunRecord has what a run did to the fleet, the registry and the hub; times are in seconds."""

    def __init__(self, policies: int) -> None:
        self.slot_seconds: defaultdict[int, float] = defaultdict(float)
        """Seconds of slots in use, by bucket."""
        self.starts: Counter[int] = Counter()
        """Starts of all actions, by minute."""
        self.pulls: Counter[int] = Counter()
        """Starts of actions that load the registry, by minute."""
        self.peak = 0
        """The most slots in use at once."""
        self.held_seconds = [0.0] * policies
        self.held: list[set[int]] = [set() for _ in range(policies)]
        """The clusters that each policy has kept."""
        self.missed_windows = [0] * policies
        """How often a window of each policy has closed on a cluster that waited for its start."""
        self.missed: list[set[int]] = [set() for _ in range(policies)]
        """Those clusters."""
        self.asked: dict[tuple[int, int, str], float] = {}
        """When an approval was missing first, by step, policy and what is approved."""

    def slots(self, since: float, now: float, in_use: int) -> None:
        """Records that so many slots were in use from `since` until `now`."""
        self.peak = max(self.peak, in_use)
        while in_use and since < now:
            bucket = int(since // BUCKET)
            until = min(now, (bucket + 1) * BUCKET)
            self.slot_seconds[bucket] += (until - since) * in_use
            since = until

    def start(self, now: float, *, pulls: bool) -> None:
        minute = int(now // _MINUTE)
        self.starts[minute] += 1
        if pulls:
            self.pulls[minute] += 1

    def kept(self, policy: int, cluster: int, seconds: float) -> None:
        """Records that a policy has kept a cluster for so long."""
        self.held_seconds[policy] += seconds
        self.held[policy].add(cluster)

    def miss(self, policy: int, cluster: int, windows: int) -> None:
        """Records that so many windows of a policy have closed on a cluster."""
        self.missed_windows[policy] += windows
        self.missed[policy].add(cluster)

    def ask(self, step: int, asked: Mapping[tuple[int, str], float]) -> None:
        """Records when approvals of the step were missing first, by policy and what is approved."""
        self.asked |= {(step, *key): at for key, at in asked.items()}
