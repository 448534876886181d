"""Judges how an awaited rollout has ended: the exit codes of `ibgu status --wait`."""

from enum import IntEnum

from ibgu.cli import errors
from ibgu.cli.show.status import Seen


class Verdict(IntEnum):
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
    """By Ctrl-C; as shells count it."""


def verdict(seen: Seen) -> Verdict | None:
    """Returns the verdict; None while the rollout goes on, or its hold ends without a person."""
    rollout = seen.rollout
    if rollout.deleted_at or rollout.phase == "Invalid":
        return Verdict.STOPPED
    if rollout.phase in ("Completed", "CompletedWithFailures"):
        counts = rollout.counts
        if not counts.total:
            return Verdict.NOBODY
        return Verdict.SUCCEEDED if counts.succeeded == counts.total else Verdict.FAILED
    hold = rollout.hold
    return Verdict.STOPPED if hold and hold.who == "person" else None
