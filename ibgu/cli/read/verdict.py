"""How a rollout that was waited for has ended: the exit codes of `ibgu status --wait`."""

from enum import IntEnum

from ibgu.cli.show.status import Seen


class Verdict(IntEnum):
    SUCCEEDED = 0
    """All members of all steps."""
    FAILED = 1
    """At least one member failed, was cancelled or skipped; nothing is left to be done."""
    STOPPED = 2
    """It goes no further without a person: braked, held, invalid or deleted."""
    TIMED_OUT = 3
    UNASKED = 4
    """The REST API could not be asked, or does not know the rollout."""
    INTERRUPTED = 130
    """By Ctrl-C; as shells count it."""


def verdict(seen: Seen) -> Verdict | None:
    """None while it goes on, or is held by what ends without a person."""
    rollout = seen.rollout
    if rollout.deleted_at or rollout.phase == "Invalid":
        return Verdict.STOPPED
    if rollout.phase == "Completed":
        return Verdict.FAILED if _left(seen) else Verdict.SUCCEEDED
    hold = rollout.hold
    return Verdict.STOPPED if hold and hold.who == "person" else None


def _left(seen: Seen) -> int:
    """Members without success; `failed` counts the cancelled ones too."""
    return sum(step.counts.failed + step.counts.skipped for step in seen.steps)
