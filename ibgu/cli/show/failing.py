"""Shows what failed in a rollout, the newest step first, and what is left to be done about it."""

from collections.abc import Iterator

from msgspec import Struct

from ibgu.cli.show.names import listed
from ibgu.cli.show.output_style import OutputStyle
from ibgu.client.responses import FailureGroupResponse, FailuresResponse
from ibgu.core.engine.gates import RESUMABLE
from ibgu.core.model import ReasonKind

_RESUMED = RESUMABLE - {ReasonKind.RESTORED}
"""Holds that a person resumes once they know why. After a restore they have to check the hub
first."""
_MAX_MESSAGE = 100
"""The most characters of a message, where lines have no limit."""


class RolloutFailures(Struct, frozen=True):
    """RolloutFailures holds the failures of one rollout."""

    namespace: str
    name: str
    failures: FailuresResponse

    @property
    def groups(self) -> list[FailureGroupResponse]:
        """Returns the groups of the newest step first; of one step, the largest."""
        return sorted(self.failures.items, key=lambda group: -group.step)


def _left(group: FailureGroupResponse) -> list[str]:
    """Returns the clusters without those that were aborted after they had failed."""
    return [name for name in group.clusters if name not in group.aborted]


def failure_lines(failing: RolloutFailures, style: OutputStyle) -> Iterator[str]:
    if not failing.failures.total:
        return
    yield style.paint(f"Failures ({failing.failures.total})", "red", bold=True)
    for group in failing.groups:
        yield from _group(group, style)


def next_lines(failing: RolloutFailures, hold: str = "") -> Iterator[str]:
    """Yields next steps: to look at the newest unresolved failure, and to resume what is held. A
    person's own pause comes first; of any other hold, what explains it does. `hold`: the kind of
    the hold; empty: nothing is held."""
    groups = [group for group in failing.groups if group.clusters]
    where = f" -n {failing.namespace}"
    resume = [f"ibgu resume {failing.name}{where}"] if hold in _RESUMED else []
    commands = resume if hold == ReasonKind.PAUSED else []
    if first := next((name for group in groups for name in _left(group)), ""):
        commands.append(f"ibgu explain {failing.name} {first}{where}")
    if groups:
        commands.append(f"ibgu stragglers {failing.name}{where}")
    commands += [each for each in resume if each not in commands]
    if commands:
        yield f"Next: {' · '.join(commands)}"


def cut(message: str, most: int = _MAX_MESSAGE) -> str:
    return message if len(message) <= most else f"{message[: most - 1]}…"


def message_of(group: FailureGroupResponse) -> str:
    """Returns the message on one line, with the cluster that it is of if those of others differ."""
    message = " ".join(group.message.split())
    return example(group.message_of, message) if group.message_of and message else message


def example(cluster: str, words: str) -> str:
    """Returns the words of one cluster of a group whose clusters have different ones."""
    return f"for example {cluster}: {words}"


def _group(group: FailureGroupResponse, style: OutputStyle) -> Iterator[str]:
    named = group.failure or group.cause or group.outcome
    what = f"{group.action}: {named}" if group.action else named
    head = f"{group.count:>5}  {what}  "
    yield (head + cut(message_of(group), style.room(head, _MAX_MESSAGE))).rstrip()
    yield from style.under("       ", listed(group.clusters, group.count))
    for each in _remedies(group):
        yield from style.under("       → ", each)


def _remedies(group: FailureGroupResponse) -> Iterator[str]:
    """Yields remedies that still have to be carried out."""
    if group.aborted:
        whom = "" if len(group.aborted) == group.count else f": {', '.join(group.aborted)}"
        yield f"aborted afterwards{whom}"
    if group.remedy and len(group.aborted) < group.count:
        yield group.remedy
