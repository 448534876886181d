"""Groups failures by what happened: known ones by name, others by cause."""

from collections.abc import Iterable
from functools import lru_cache

from ibgu.api.failures.schemas import FailureGroupBody, FailuresBody
from ibgu.core.drivers.ibu.failures import KnownFailure, explain
from ibgu.core.model import Action
from ibgu.core.plan import natural_key
from ibgu.db.reads import NAMED
from ibgu.db.views import FailedRow

_Group = tuple[KnownFailure | None, list[FailedRow]]


_REMEMBERED = 10_000
"""The most messages that are cached; a grid asks for those of all failed members each time."""


def known_failure(action: Action | None, message: str) -> KnownFailure | None:
    return _known(action, message) if action is not None and message else None


_known = lru_cache(_REMEMBERED)(explain)


def failures_body(rows: Iterable[FailedRow]) -> FailuresBody:
    groups: dict[tuple[object, ...], _Group] = {}
    for row in rows:
        known = known_failure(row.action, row.message)
        key = (row.step, row.action, row.outcome, row.cause, known and known.name)
        groups.setdefault(key, (known, []))[1].append(row)
    items = [_group(known, found) for known, found in groups.values()]
    items.sort(key=lambda group: (-group.count, group.step))
    return FailuresBody(total=sum(group.count for group in items), items=items)


def _group(known: KnownFailure | None, rows: list[FailedRow]) -> FailureGroupBody:
    commonest = max(rows, key=lambda row: row.count)
    clusters = sorted({name for row in rows for name in row.clusters}, key=natural_key)[:NAMED]
    aborted = {name for row in rows for name in row.aborted}
    return FailureGroupBody(
        step=commonest.step + 1,
        action=commonest.action,
        outcome=commonest.outcome,
        cause=commonest.cause,
        failure=known.name if known else None,
        means=known.means if known else None,
        remedy=known.remedy if known else None,
        message=commonest.message,
        count=sum(row.count for row in rows),
        clusters=clusters,
        aborted=[name for name in clusters if name in aborted],
    )
