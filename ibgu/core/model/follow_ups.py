"""Second rollouts that ibgu itself makes for clusters of a rollout, because a policy says so."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct

from ibgu.core.model.actions import ActionName

_SHOWN = 3
"""The clusters that are named."""


def name_digest(rollout: str, step: int, uids: Iterable[str], decided_at: datetime) -> str:
    """Returns the end of a new rollout's name, for which the same decision always has the same."""
    moment = decided_at.astimezone(UTC).isoformat()
    key = "/".join((rollout, str(step), moment, *sorted(uids)))
    return sha256(key.encode()).hexdigest()[:8]


class PolicyFollowUp(Struct, frozen=True):
    """PolicyFollowUp is what a policy asked for, and what became of it. The journal has it before
    the hub has the new rollout."""

    policy: str
    action: ActionName
    """The first action of the new rollout."""
    clusters: tuple[str, ...]
    uids: tuple[str, ...]
    """Those of the ManagedClusters."""
    why: str
    decided_at: datetime
    name: str = ""
    """The name of the new rollout, which follows from the decision; empty: none is to be made."""
    made_at: datetime | None = None
    """When ibgu saw that the hub has it."""
    refused: str = ""
    """Why ibgu has made none, for a person who has to; empty: it has, or is about to."""
    superseded: bool = False
    """Whether it is refused since somebody else has taken the clusters on, so that nobody has to do
    anything."""
    attempt: int = 0
    """Which attempt it is after the first one, from 1 on; 0: it tries nothing again."""
    due: datetime | None = None
    """When an attempt is to begin; None: at once."""

    @property
    def planned(self) -> bool:
        """Whether it has to be judged once it is due."""
        return not (self.name or self.refused)

    @property
    def pending(self) -> bool:
        """Whether the hub is to have the new rollout, and is not known to have it."""
        return self.made_at is None and not self.refused and not self.planned

    @property
    def words(self) -> str:
        """Returns what the policy has asked for, why, and what became of it."""
        shown, more = ", ".join(self.clusters[:_SHOWN]), len(self.clusters) - _SHOWN
        named = f"{shown} and {more} more" if more > 0 else shown
        again = f" again (retry {self.attempt})" if self.attempt else ""
        what = f"{self.action} of {named}{again} for RolloutPolicy {self.policy}"
        if self.refused:
            return f"{what} was not begun: {self.refused}; {self.why}"
        if self.due is not None and self.planned:
            at = f"{self.due:%Y-%m-%d %H:%M} UTC"
            return f"{what} at {at}, or once this rollout is over, by a new one; {self.why}"
        return f"{what}, by the new rollout {self.name}; {self.why}"


class WellCanary(Struct, frozen=True):
    """WellCanary is a canary that was well since its upgrade, by what its policy asks for."""

    policy: str
    uid: str


class StepFollowUps(Struct, frozen=True):
    """StepFollowUps are those of one step."""

    well: tuple[WellCanary, ...] = ()
    made: tuple[PolicyFollowUp, ...] = ()

    @property
    def uids(self) -> frozenset[str]:
        """The clusters for which a policy has asked for something already."""
        return frozenset(uid for each in self.made for uid in each.uids)


class ShownFollowUp(Struct, frozen=True):
    """ShownFollowUp is what the hub shows of a follow-up, by its name."""

    ours: bool = False
    """The hub has the rollout that ibgu has made."""
    problem: str = ""
    """Why ibgu can't make it, and no later attempt will change that."""
