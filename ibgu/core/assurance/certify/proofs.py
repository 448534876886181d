"""The certifier's seam to one kind of change of a cluster."""

from collections.abc import Mapping, Set
from typing import Any, Protocol


class Proofs(Protocol):
    """Proofs says what the feedback that the history records of one kind of change proves.

    `seen` is what `FeedbackView.recorded` wrote, without the empty values. Actions are in the words
    of the log.
    """

    @property
    def keeps_spec(self) -> Set[str]:
        """The actions that go on with the spec that the cluster was prepared with."""

    def stage(self, action: str) -> str:
        """Returns the stage that the action asks the cluster for."""

    def fits(self, seen: Mapping[str, Any], action: str) -> bool:
        """Returns whether the cluster is in a state in which the action may start (R8.1)."""

    def reached(self, seen: Mapping[str, Any], action: str) -> bool:
        """Returns whether the cluster is where the action would bring it."""

    def missing(self, seen: Mapping[str, Any], action: str) -> str:
        """Returns what the feedback lacks to prove that the action succeeded; empty: nothing."""

    def failed(self, seen: Mapping[str, Any], action: str) -> bool:
        """Returns whether the feedback proves that the action failed."""

    def shown(self, seen: Mapping[str, Any]) -> str:
        """Returns the state in words, for a violation."""
