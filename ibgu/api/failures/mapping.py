"""Groups failures by what happened: known ones by name, others by cause."""

from collections.abc import Iterable
from functools import lru_cache

from ibgu.api.failures.schemas import FailureGroupBody, FailuresBody
from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.engine.driver import FailureText
from ibgu.core.model import ActionName, Cause, Member
from ibgu.core.text.commands import named_commands
from ibgu.core.text.natural import natural_key
from ibgu.core.views.explain import finding
from ibgu.db.reads import NAMED
from ibgu.db.views import FailedRow

_Group = tuple[FailureText | None, list[FailedRow]]


_REMEMBERED = 10_000
"""The most messages that are cached; a grid asks for those of all failed members each time."""


def known_failure(action: ActionName | None, message: str) -> FailureText | None:
    return _known(action, message) if action is not None and message else None


_known = lru_cache(_REMEMBERED)(KIND_TEXTS.failure)


def failures_body(rows: Iterable[FailedRow], namespace: str, name: str) -> FailuresBody:
    """Returns the failures of the rollout of that name."""
    groups: dict[tuple[object, ...], _Group] = {}
    for row in rows:
        known = known_failure(row.action, row.message)
        key = (row.step, row.action, row.outcome, row.cause, known and known.name)
        groups.setdefault(key, (known, []))[1].append(row)
    items = [_group(known, found, namespace, name) for known, found in groups.values()]
    items.sort(key=lambda group: (-group.count, group.step))
    return FailuresBody(total=sum(group.count for group in items), items=items)


def _group(
    known: FailureText | None, rows: list[FailedRow], namespace: str, name: str
) -> FailureGroupBody:
    commonest = max(rows, key=lambda row: row.count)
    clusters = sorted({name for row in rows for name in row.clusters}, key=natural_key)[:NAMED]
    aborted = {name for row in rows for name in row.aborted}
    found = finding(commonest.cause, KIND_TEXTS.meanings(commonest.action))
    remedy = known.remedy if known else found.do if found else ""
    only = clusters[0] if len(clusters) == 1 else ""
    return FailureGroupBody(
        step=commonest.step + 1,
        action=commonest.action,
        outcome=commonest.outcome,
        cause=commonest.cause,
        failure=known.name if known else None,
        specific=known is not None or is_specific(commonest.cause),
        means=known.means if known else found.means if found else None,
        remedy=named_commands(remedy, namespace, name, only) or None,
        message=commonest.message,
        message_of=next(iter(commonest.clusters), None) if len(rows) > 1 else None,
        count=sum(row.count for row in rows),
        clusters=clusters,
        aborted=[name for name in clusters if name in aborted],
    )


def is_specific(cause: Cause | None) -> bool:
    """Returns whether there is a cause that says more than action and outcome do."""
    return cause is not None and cause.is_specific


def causes(member: Member) -> set[str]:
    """Returns the member's causes as failures are grouped: by the name of a known one, else by
    cause."""
    known = known_failure(member.failed_action, member.message)
    return {str(member.cause), known.name if known else ""}
