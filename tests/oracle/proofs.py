"""The certifier's seam to one kind of change of a cluster. No driver is asked."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, Protocol


def job_of_run(seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the Job of the run that the cluster echoes, as its work shows it; empty: there is
    none."""
    job: Mapping[str, Any] = seen.get("job", {})
    return job if job.get("run") == seen.get("run") or "refused" in job else {}


class Proofs(Protocol):
    """Proofs says what the feedback that the history records of one kind of change proves.

    `seen` is what `FeedbackView.recorded` wrote, without the empty values. Actions are in the words
    of the log.
    """

    @property
    def label_prefix(self) -> str:
        """The prefix of all labels with which the kind marks clusters."""

    @property
    def labels(self) -> Set[str]:
        """The actions whose success leaves a label; any other one removes all labels."""

    @property
    def reboots(self) -> Set[str]:
        """The actions that the circuit breaker guards inside a chain."""

    @property
    def rolls_back(self) -> Set[str]:
        """The actions after whose failure a cluster goes back by itself."""

    @property
    def resumes(self) -> Set[str]:
        """The actions that resume what was paused on a cluster."""

    @property
    def rate_limited(self) -> Set[str]:
        """The first actions of steps that have rate limits."""

    @property
    def preflight(self) -> Set[str]:
        """The actions that do not start against an error of preflight where it is enforced."""

    @property
    def brings(self) -> Set[str]:
        """The actions that prepare a cluster for another release, or take it there."""

    @property
    def cancels(self) -> Set[str]:
        """The first actions of steps that take their clusters from older rollouts."""

    @property
    def ways_back(self) -> Set[str]:
        """The actions that lead clusters back, which no policy may hold."""

    @property
    def expires(self) -> Set[str]:
        """The actions that may start until the reported time only."""

    @property
    def keeps_spec(self) -> Set[str]:
        """The actions that go on with the spec that the cluster was prepared with."""

    @property
    def backups(self) -> Mapping[str, str]:
        """The actions that need a backup where the spec asks for one, and those that take it."""

    @property
    def parts(self) -> Mapping[str, str]:
        """The parts of actions that runs of their own do right before them, and those actions."""

    def begun(self, seen: Mapping[str, Any], release: Sequence[str]) -> bool:
        """Returns whether the cluster has begun to take the release (image and version), so that
        a backup would be of neither."""

    def stage(self, action: str) -> str:
        """Returns the stage that the action asks the cluster for."""

    def fits(self, seen: Mapping[str, Any], action: str, *, manual_cleanup_done: bool) -> bool:
        """Returns whether the cluster is in a state in which the action may start (R8.1);
        `manual_cleanup_done`: a person has confirmed a clean-up by hand (R45.2)."""

    def reached(self, seen: Mapping[str, Any], action: str) -> bool:
        """Returns whether the cluster is where the action would bring it."""

    def missing(self, seen: Mapping[str, Any], action: str) -> str:
        """Returns what the feedback lacks to prove that the action succeeded; empty: nothing."""

    def continues(self, seen: Mapping[str, Any], action: str) -> str:
        """Returns what the feedback lacks to prove that a run of the action was over, and left
        something to another run; empty: nothing."""

    def failed(self, seen: Mapping[str, Any], action: str) -> bool:
        """Returns whether the feedback proves that the action failed."""

    def paused(self, seen: Mapping[str, Any]) -> Sequence[str]:
        """Returns what is paused on the cluster for a rollout, by name."""

    def shown(self, seen: Mapping[str, Any]) -> str:
        """Returns the state in words, for a violation."""


KindProofs = Mapping[str, Proofs]
"""Proofs by the kind of the object that asked for the rollout."""
