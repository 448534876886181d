"""`ibgu get`: rollouts in columns."""

from collections.abc import Sequence
from datetime import datetime

from ibgu.cli.show.table import table
from ibgu.cli.show.times import age
from ibgu.client.answers.rollouts import Rollout

_NARROW = ("NAME", "PHASE", "STEP", "ACTIONS", "ENDED", "FAILED", "AGE")
_WIDE = ("RUNNING", "WAITING", "SEED", "HELD BY", "CREATED BY")


def rollouts_table(
    rollouts: Sequence[Rollout], now: datetime, *, wide: bool, namespaces: bool
) -> list[str]:
    headings = (*(("NAMESPACE",) if namespaces else ()), *_NARROW, *(_WIDE if wide else ()))
    rows = []
    for rollout in rollouts:
        row = [rollout.namespace] if namespaces else []
        row += _narrow(rollout, now)
        rows.append(row + (_wide(rollout) if wide else []))
    return table(headings, rows)


def _narrow(rollout: Rollout, now: datetime) -> list[str]:
    current = rollout.current
    counts = current.counts if current else None
    return [
        rollout.name,
        "Deleted" if rollout.deleted_at else rollout.phase,
        f"{current.step if current else 0}/{len(rollout.plan)}",
        "+".join(current.actions) if current else "-",
        f"{counts.done}/{counts.total}" if counts else "-",
        str(rollout.failed),
        age(now - rollout.created_at),
    ]


def _wide(rollout: Rollout) -> list[str]:
    counts = rollout.current.counts if rollout.current else None
    hold = rollout.hold
    return [
        str(counts.running) if counts else "-",
        str(counts.waiting) if counts else "-",
        rollout.seed.version or "-",
        hold.kind if hold else "-",
        rollout.created_by or "-",
    ]
