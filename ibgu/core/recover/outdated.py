"""Detects a journal that is behind the hub: lost, or restored to an earlier time (R31.2)."""

from collections import Counter
from collections.abc import Container, Iterator

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.recover.former_status import StatusEntry
from ibgu.core.recover.found import FoundRollout


def behind(tracked: TrackedRollout, found: FoundRollout, foreign: Container[str]) -> str:
    """Returns what the hub shows of the rollout and the journal can't have forgotten; empty:
    nothing.

    Runs are in the journal before any work carries them, and outcomes before any status shows them.
    A status that someone else wrote proves nothing.
    """
    return next(_signs(tracked, found, foreign), "")


def _signs(tracked: TrackedRollout, found: FoundRollout, foreign: Container[str]) -> Iterator[str]:
    unknown = [trace for trace in found.traces.values() if trace.run in foreign]
    if unknown:
        more = f", and works of {len(unknown) - 1} more clusters do so" if unknown[1:] else ""
        first = f"the work of {unknown[0].cluster} carries the run {unknown[0].run}"
        yield f"{first}, which it does not know{more}"
    status = found.status
    if not status.ours:
        return
    if status.steps > len(tracked.steps) or (
        status.complete and len(tracked.steps) < len(found.plan)
    ):
        yield "the status tells of a later step"
    for entry in status.clusters.values():
        if _is_newer(tracked, entry):
            yield f"the status tells of an action that has ended on {entry.name}"


def _is_newer(tracked: TrackedRollout, entry: StatusEntry) -> bool:
    members = [step.members[entry.name] for step in tracked.steps if entry.name in step.members]
    completed = Counter(str(done.action) for member in members for done in member.completed)
    ended = completed + Counter(str(m.failed_action) for m in members if m.failed_action)
    reported_completed = Counter(each.action for each in entry.completed_actions)
    reported_failed = Counter(each.action for each in entry.failed_actions)
    return bool(reported_completed - completed or (reported_completed + reported_failed) - ended)
