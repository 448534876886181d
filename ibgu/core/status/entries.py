"""One entry of `status.clusters[]`: what it shows of a cluster (the table of design 4)."""

from collections.abc import Iterable, Iterator

from ibgu.core.kinds import JsonObject
from ibgu.core.model import Member, MemberState, Outcome

WORDS = 200
"""Characters of a running cluster's last words."""
_SHOWN_FAILURES = frozenset({Outcome.FAILED, Outcome.CANCELLED})


def entry(cluster: str, members: list[Member]) -> JsonObject:
    """`members`: the cluster's, one for each step that it belongs to, in the steps' order."""
    entry: JsonObject = {"name": cluster}
    if completed := [done for member in members for done in _completed(member)]:
        entry["completedActions"] = completed
    if failed := [_failed(member) for member in members if _has_failed(member)]:
        entry["failedActions"] = failed
    if current := next(_current(members), None):
        entry["currentAction"] = current
    return entry


def dispensable(entry: JsonObject) -> bool:
    """It may be left out where not all fit: it tells of no failure and of nothing that runs."""
    return "failedActions" not in entry and "currentAction" not in entry


def cut(entry: JsonObject, length: int) -> JsonObject:
    """With messages of at most so many characters; 0: without."""
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
        yield _action(done.action, done.note)


def _has_failed(member: Member) -> bool:
    return member.outcome in _SHOWN_FAILURES and member.failed_action is not None


def _failed(member: Member) -> JsonObject:
    words = f"{member.cause}: {member.message}" if member.cause else member.message
    return _action(member.failed_action or "", words)


def _current(members: list[Member]) -> Iterator[JsonObject]:
    for member in members:
        run = member.run
        if member.state is MemberState.IN_FLIGHT and run and run.open and run.arming_at:
            yield _action(run.action, member.reason.message[:WORDS])


def _action(action: str, message: str) -> JsonObject:
    return {"action": action, "message": message} if message else {"action": action}
