"""The way back of one cluster after a change that failed, for a person to follow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.model.reasons import Cause
from ibgu.core.model.runs import RunBase


class RecoveryCase(Struct, frozen=True, kw_only=True):
    """RecoveryCase is what is known of a cluster and its newest rollout."""

    cluster: str
    namespace: str
    rollout: str
    """The rollout's name."""
    spec: RolloutSpec
    controls: Mapping[str, str] = {}
    """The rollout's own annotations."""
    runs: Sequence[RunBase] = ()
    """All runs of the rollout on the cluster, oldest first."""
    finished: bool = False
    in_flight: bool = False
    cause: Cause | None = None
    message: str = ""
    """The cluster's words at the end, or now."""
    shown: Mapping[str, Mapping[str, Any]] = {}
    """The cluster's feedback at the end of runs, as the history has it, by the run's id."""


class RecoveryStep(Struct, frozen=True):
    text: str
    commands: Sequence[str] = ()


class ClusterRecovery(Struct, frozen=True):
    """ClusterRecovery is the way back of one cluster."""

    headline: str
    facts: Mapping[str, str]
    """What is known, by short names, in the order in which it is shown."""
    steps: Sequence[RecoveryStep]
    guide: str
    """The page of the documentation, as docs/page.md."""


KindRecoveries = Mapping[str, Callable[[RecoveryCase], ClusterRecovery]]
"""The way back by the kind of the rollout's object."""
