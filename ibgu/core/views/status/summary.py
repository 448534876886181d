"""`status.summary`: ibgu's counts, an addition to TALM's status."""

from msgspec import to_builtins

from ibgu.core.engine.state import TrackedRollout


def summary_of(tracked: TrackedRollout) -> dict[str, int] | None:
    """Returns the counts of the whole rollout, and the newest step (from 1); None before it.

    `stepTotal` is of that step alone, 0 while it opens: a rebuild of a lost journal reads from it
    whether the step has members.
    """
    if not tracked.steps:
        return None
    total = tracked.steps[-1].step.total
    return {"step": len(tracked.steps), "stepTotal": total, **to_builtins(tracked.counts)}
