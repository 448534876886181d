"""`ibgu get`: rollouts in columns."""

from collections.abc import Sequence
from datetime import datetime

from ibgu.cli.show.table import table
from ibgu.cli.show.times import age
from ibgu.client.responses import RolloutResponse

NOBODY = "Completed: no clusters"
"""The phase of a plan that is over and selected no cluster."""
WAITING = "Waiting"
"""The phase of a rollout of which nothing moves, though its object says Running."""
_NARROW = ("NAME", "PHASE", "STEP", "ACTIONS", "DONE", "FAILED", "TOTAL", "AGE")
"""The counts are those of the whole rollout, as in `kubectl get ibgu`."""
_WIDE = ("RUNNING", "WAITING", "SKIPPED", "CANCELLED", "KIND", "RELEASE", "HELD BY", "CREATED BY")


def rollouts_table(
    rollouts: Sequence[RolloutResponse], now: datetime, *, wide: bool, namespaces: bool
) -> list[str]:
    headings = (*(("NAMESPACE",) if namespaces else ()), *_NARROW, *(_WIDE if wide else ()))
    rows = []
    for rollout in rollouts:
        row = [rollout.namespace] if namespaces else []
        row += _narrow(rollout, now)
        rows.append(row + (_wide(rollout) if wide else []))
    return table(headings, rows)


def phase_of(rollout: RolloutResponse) -> str:
    """Returns the rollout's phase in one or a few words."""
    if rollout.deleted_at:
        return "Deleted"
    if selected_nobody(rollout):
        return NOBODY
    return WAITING if rollout.waits_for else rollout.phase


def selected_nobody(rollout: RolloutResponse) -> bool:
    """Returns whether the rollout is complete without any cluster."""
    return rollout.phase == "Completed" and not rollout.counts.total


def _narrow(rollout: RolloutResponse, now: datetime) -> list[str]:
    current = rollout.current
    return [
        rollout.name,
        phase_of(rollout),
        f"{current.step if current else 0}/{len(rollout.plan)}",
        "+".join(current.actions) if current else "-",
        *_numbers(rollout, "succeeded", "failed", "total"),
        age(now - rollout.created_at),
    ]


def _wide(rollout: RolloutResponse) -> list[str]:
    return [
        *_numbers(rollout, "running", "waiting", "skipped", "cancelled"),
        rollout.kind,
        rollout.release.version or "-",
        _held_by(rollout),
        rollout.created_by or "-",
    ]


def _held_by(rollout: RolloutResponse) -> str:
    """Returns the hold, or the first of the reasons for which the rollout only waits."""
    if rollout.hold:
        return rollout.hold.kind
    return next((each.policy or each.kind for each in rollout.waits_for), "-")


def _numbers(rollout: RolloutResponse, *names: str) -> list[str]:
    if rollout.current is None:
        return ["-" for _ in names]
    return [str(getattr(rollout.counts, name)) for name in names]
