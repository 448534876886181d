"""One entry of `status.clusters[]`: what the status shows of a cluster (R27.1)."""

from collections.abc import Iterable, Iterator
from enum import IntEnum

from ibgu.core.drivers import KIND_TEXTS, traits
from ibgu.core.model import InFlight, Member, Outcome, RunResult
from ibgu.core.model.actions import whole
from ibgu.core.model.kinds import JsonObject

MAX_MESSAGE = 200
"""Characters of a running cluster's last words."""
MAX_OUTCOME = 1000
"""Characters of an ended action's message; a webhook may return a whole page, and the journal keeps
all of it."""
_SHOWN_FAILURES = frozenset({Outcome.FAILED, Outcome.CANCELLED})


class EntryRank(IntEnum):
    """EntryRank is how much a reader misses an entry that is left out, the least first."""

    QUIET = 0
    """The cluster waits, or has done all it was asked for."""
    RUNNING = 1
    """The cluster runs: that changes soon, and its work on the hub shows it, too."""
    FAILED = 2


def entry(cluster: str, members: list[Member]) -> JsonObject:
    """Returns the entry; `members`: the cluster's, one for each of its steps, in the steps'
    order."""
    entry: JsonObject = {"name": cluster}
    if completed := [done for member in members for done in _completed(member)]:
        entry["completedActions"] = completed
    if failed := [_failed(member) for member in members if _has_failed(member)]:
        entry["failedActions"] = failed
    if current := next(_current(members), None):
        entry["currentAction"] = current
    return entry


def rank(entry: JsonObject) -> EntryRank:
    if "failedActions" in entry:
        return EntryRank.FAILED
    return EntryRank.RUNNING if "currentAction" in entry else EntryRank.QUIET


def cut(entry: JsonObject, length: int) -> JsonObject:
    """Returns the entry with messages of at most `length` characters; 0: without."""
    return {key: _short(value, length) for key, value in entry.items()}


def _short(value: object, length: int) -> object:
    match value:
        case list():
            return [_short(item, length) for item in value]
        case {"message": str(message), **rest}:
            return {**rest, "message": message[:length]} if length else rest
    return value


def _completed(member: Member) -> Iterable[JsonObject]:
    for done in member.completed:
        warning = member.warning if traits(done.action).warns else ""
        words = "; ".join(filter(None, (done.note, warning and f"warning: {warning}")))
        yield _action(done.action, words[:MAX_OUTCOME])


def _has_failed(member: Member) -> bool:
    return member.outcome in _SHOWN_FAILURES and member.failed_action is not None


def _failed(member: Member) -> JsonObject:
    words = f"{_named(member)}: {member.message}" if member.cause else member.message
    return _action(member.failed_action or "", words[:MAX_OUTCOME])


def _named(member: Member) -> str:
    """Returns the cause, with the known failure by which commands and page call it."""
    action, words = member.failed_action, member.message
    known = KIND_TEXTS.failure(action, words) if action and words else None
    return f"{member.cause} ({known.name})" if known else f"{member.cause}"


def _current(members: list[Member]) -> Iterator[JsonObject]:
    for member in members:
        if not isinstance(member, InFlight):
            continue
        # Between two runs of one action the cluster is still in it.
        goes_on = member.run.open or member.run.result is RunResult.CONTINUED
        if goes_on and member.run.arming_at:
            yield _action(whole(member.run.action), member.reason.message[:MAX_MESSAGE])


def _action(action: str, message: str) -> JsonObject:
    return {"action": action, "message": message} if message else {"action": action}
