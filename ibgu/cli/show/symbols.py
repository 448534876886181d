"""Defines one symbol per state, the same everywhere."""

WAITING = "◷"
PROBING = "◌"
RUNNING = "▶"
REBOOTING = "↻"
SUCCEEDED = "✔"
FAILED = "✗"
SKIPPED = "\N{EN DASH}"
CANCELLED = "⊘"
HELD = "⏸"
WARNING = "⚠"
TAKEN_OVER = "✋"

OF_WORDS = {
    "waiting": WAITING,
    "probing": PROBING,
    "running": RUNNING,
    "rebooting": REBOOTING,
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "skipped": SKIPPED,
    "cancelled": CANCELLED,
    "held": HELD,
    "takenOver": TAKEN_OVER,
}
"""Symbols by a member's state, in REST's one word."""

COLOURS = {
    SUCCEEDED: "green",
    FAILED: "red",
    HELD: "yellow",
    TAKEN_OVER: "yellow",
    RUNNING: "blue",
    REBOOTING: "blue",
}
"""Others have none."""
