"""Judges how an awaited rollout has ended: the exit codes of `ibgu status --wait`."""

from enum import IntEnum

from ibgu.cli import errors
from ibgu.cli.show.status import StatusSnapshot


class WaitResult(IntEnum):
    SUCCEEDED = 0
    """All clusters of the rollout."""
    FAILED = 1
    """At least one cluster failed, was cancelled or skipped; nothing is left to be done."""
    STOPPED = 2
    """The rollout needs a person: held, invalid or deleted."""
    TIMED_OUT = 3
    UNASKED = 4
    """The REST API could not be asked, or does not know the rollout."""
    NOBODY = errors.NOBODY
    """Complete, but none of its steps selected a cluster: nothing was done."""
    INTERRUPTED = 130
    """The exit code after Ctrl-C, as shells count it."""


def verdict(seen: StatusSnapshot) -> WaitResult | None:
    """Returns the verdict; None while the rollout goes on, or its hold ends without a person."""
    rollout = seen.rollout
    if rollout.deleted_at or rollout.phase == "Invalid":
        return WaitResult.STOPPED
    if rollout.phase in ("Completed", "CompletedWithFailures"):
        counts = rollout.counts
        if not counts.total:
            return WaitResult.NOBODY
        return WaitResult.SUCCEEDED if counts.succeeded == counts.total else WaitResult.FAILED
    hold = rollout.hold
    return WaitResult.STOPPED if hold and hold.who == "person" else None
