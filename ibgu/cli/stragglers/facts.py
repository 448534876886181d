"""Declares what REST API and hub returned: plain data, from which the report is made."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.client.responses import MemberResponse, RolloutResponse, StepResponse
from ibgu.core.model.kinds import JsonObject, RolloutObject


class NewerRollout(Struct, frozen=True):
    """NewerRollout is a newer rollout, with the newest member of each cluster on which it
    has acted."""

    rollout: RolloutResponse
    members: Mapping[str, MemberResponse]

    @property
    def name(self) -> str:
        return f"{self.rollout.namespace}/{self.rollout.name}"


class RestFacts(Struct, frozen=True):
    """RestFacts is what the REST API returned."""

    rollout: RolloutResponse
    steps: tuple[StepResponse, ...]
    members: Mapping[str, MemberResponse]
    """The newest of each cluster."""
    newer: tuple[NewerRollout, ...]
    """The newest rollout first."""
    seq: int
    """The hub's newest event before anything else was read."""
    moved: bool = False
    """Whether one of these rollouts changed while they were read."""
    selector: str = ""
    """The labels of the clusters that were asked for; empty: all clusters."""


class HubClusters(Struct, frozen=True):
    """HubClusters is what the hub shows now."""

    ibgu: RolloutObject
    object: JsonObject
    """The same IBGU as it stands on the hub, unknown fields too."""
    taken: frozenset[str]
    """Names of the IBGUs in its namespace."""
    labels: Mapping[str, Mapping[str, str]]
    """The labels of every ManagedCluster that may be seen."""


class NoProposals(Struct, frozen=True):
    """NoProposals is what stands for the hub where no command can be proposed."""

    why: str
    """A clause, to follow "because"."""
