"""`ibgu get`: rollouts in columns."""

from collections.abc import Sequence
from datetime import datetime

from ibgu.cli.rest.client import JsonObject
from ibgu.cli.show.table import table
from ibgu.cli.show.times import age, moment

_NARROW = ("NAME", "PHASE", "STEP", "ACTIONS", "DONE", "FAILED", "AGE")
_WIDE = ("RUNNING", "WAITING", "SEED", "HELD BY")


def rollouts_table(
    rollouts: Sequence[JsonObject], now: datetime, *, wide: bool, namespaces: bool
) -> list[str]:
    headings = (*(("NAMESPACE",) if namespaces else ()), *_NARROW, *(_WIDE if wide else ()))
    rows = []
    for rollout in rollouts:
        row = [rollout["namespace"]] if namespaces else []
        row += _narrow(rollout, now)
        rows.append(row + (_wide(rollout) if wide else []))
    return table(headings, rows)


def _narrow(rollout: JsonObject, now: datetime) -> list[str]:
    current = rollout["current"]
    counts = current["counts"] if current else None
    return [
        rollout["name"],
        "Deleted" if rollout["deletedAt"] else rollout["phase"],
        f"{current['step'] if current else 0}/{len(rollout['plan'])}",
        "+".join(current["actions"]) if current else "-",
        f"{done_of(counts)}/{counts['total']}" if counts else "-",
        str(counts["failed"]) if counts else "-",
        age(now - moment(rollout["createdAt"])),
    ]


def done_of(counts: JsonObject) -> int:
    """Finished, in whatever way."""
    return int(counts["succeeded"] + counts["failed"] + counts["skipped"])


def _wide(rollout: JsonObject) -> list[str]:
    counts = rollout["current"]["counts"] if rollout["current"] else None
    hold = rollout["hold"]
    return [
        str(counts["running"]) if counts else "-",
        str(counts["waiting"]) if counts else "-",
        rollout["seed"]["version"] or "-",
        hold["kind"] if hold else "-",
    ]
