"""One symbol a state, the same everywhere."""

from ibgu.core import words

WAITING = "◷"
LOOKING = "◌"
RUNNING = "▶"
REBOOTING = "↻"
SUCCEEDED = "✔"
FAILED = "✗"
SKIPPED = "\N{EN DASH}"
HELD = "⏸"
WARNING = "⚠"
TAKEN_OVER = "✋"

OF_WORDS = {
    "waiting": WAITING,
    "looking": LOOKING,
    "running": RUNNING,
    "rebooting": REBOOTING,
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "skipped": SKIPPED,
    "cancelled": FAILED,
    "held": HELD,
    "takenOver": TAKEN_OVER,
}
"""Of where a member stands, in REST's one word."""

_OF_REASONS: dict[str, str] = {
    **dict.fromkeys(("Looking", "Ready", "NoAnswer"), LOOKING),
    **dict.fromkeys(
        ("Preparing", "Arming", "Running", "Disarming", "ApplyError", "PayloadError"), RUNNING
    ),
    **dict.fromkeys(("Rebooting", "Reopening"), REBOOTING),
    **dict.fromkeys(map(str, words.HOLDS), HELD),
    "Diverged": TAKEN_OVER,
}


def of_reason(kind: str) -> str:
    """Of why members are not further, where their state is not told beside it."""
    return _OF_REASONS.get(kind, WAITING)
