"""Configures how fast the work agent is."""

from random import Random

from msgspec import Struct


class AgentTiming(Struct, frozen=True):
    """AgentTiming is in seconds. The first group are the agent's own reactions as measured on the
    real one; they are never scaled. The second group is what an installation configures."""

    first_apply: float = 0.35
    """The time from a new work to its first apply: the finalizer, then a requeue."""
    apply: float = 0.012
    read: float = 0.015
    watch: float = 0.022
    restart: float = 0.4
    backoff: float = 0.005
    delete: float = 0.03

    poll: tuple[float, float] = (60.0, 114.0)
    reapply: tuple[float, float] = (240.0, 360.0)
    longest_backoff: float = 1000.0
    watches: bool = True
    """The agent knows feedbackScrapeType Watch (OCM 1.2 and later)."""
    kind_order: bool = True
    """Manifests are applied in the order of their kinds (OCM 1.3); else as they are listed."""

    early_read: float = 0.2
    """Share of new generations, and of restarts, whose feedback is read before they are applied."""
    late_report: float = 0.1
    """Share of applies whose feedback is reported before the apply itself."""

    def scaled(self, scale: float) -> "AgentTiming":
        """Returns the timing with the second group on the fleet's time scale, down to a floor that
        spares the CPU."""
        return AgentTiming(
            poll=(max(self.poll[0] * scale, 0.5), max(self.poll[1] * scale, 0.9)),
            reapply=(max(self.reapply[0] * scale, 2.0), max(self.reapply[1] * scale, 3.0)),
            longest_backoff=max(self.longest_backoff * scale, 0.5),
            watches=self.watches,
            kind_order=self.kind_order,
            early_read=self.early_read,
            late_report=self.late_report,
        )

    def retry(self, failures: int) -> float:
        return min(self.backoff * 2.0 ** min(failures, 30), self.longest_backoff)

    def next_poll(self, rng: Random) -> float:
        return rng.uniform(*self.poll)

    def next_reapply(self, rng: Random) -> float:
        return rng.uniform(*self.reapply)
