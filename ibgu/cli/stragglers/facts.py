"""What REST API and hub told: plain data, from which the report is made."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ibgu.client.responses.members import Member
from ibgu.client.responses.rollouts import Rollout, Step
from ibgu.core.kinds import Ibgu


class Elsewhere(Struct, frozen=True):
    """A newer rollout, and the newest member that each cluster is in it."""

    name: str
    """As namespace/name."""
    members: Mapping[str, Member]


class Known(Struct, frozen=True):
    """Of the REST API."""

    rollout: Rollout
    steps: tuple[Step, ...]
    members: Mapping[str, Member]
    """The newest of each cluster."""
    newer: tuple[Elsewhere, ...]
    """The newest rollout first."""
    selector: str = ""
    """Only clusters with such labels were asked for; empty: all of them."""


class Live(Struct, frozen=True):
    """Of the hub, now."""

    ibgu: Ibgu
    ibu_spec: dict[str, Any]
    """As it stands on the hub, unknown fields too."""
    taken: frozenset[str]
    """Names of the IBGUs in its namespace."""
    labels: Mapping[str, Mapping[str, str]]
    """Of every ManagedCluster that may be seen."""


class Unchecked(Struct, frozen=True):
    """The hub could not be asked."""

    why: str
