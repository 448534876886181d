"""Which of the clusters that failed were taken back to Idle since."""

from collections.abc import Iterator, Sequence

from ibgu.client import Client
from ibgu.client.answers.failures import Failures
from ibgu.client.answers.members import Member
from ibgu.client.answers.rollouts import Rollout, Step
from ibgu.core.model import Action, Outcome

_ABORTS = frozenset({Action.ABORT, Action.ABORT_ON_FAILURE})
_ASKED = 100
"""Names that REST takes at once."""


def aborted(
    client: Client, rollout: Rollout, steps: Sequence[Step], failures: Failures
) -> dict[str, int]:
    """The newest such step of each cluster that `failures` names. Raises RestError."""
    return {
        member.cluster: step.step
        for step in steps
        if step.counts.succeeded and not _ABORTS.isdisjoint(step.actions)
        for member in _succeeded(client, rollout, step, failures)
    }


def _succeeded(
    client: Client, rollout: Rollout, step: Step, failures: Failures
) -> Iterator[Member]:
    before = [group for group in failures.items if group.step < step.step]
    names = sorted({name for group in before for name in group.clusters})
    for first in range(0, len(names), _ASKED):
        yield from client.members(
            rollout.namespace,
            rollout.name,
            step=step.step,
            outcome=Outcome.SUCCEEDED,
            clusters=names[first : first + _ASKED],
        )
