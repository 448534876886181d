"""`status.clusters[]`: one entry per cluster of every started step (the table of design 4)."""

from collections.abc import Iterable, Iterator
from operator import is_not

from ibgu.core.book import Book
from ibgu.core.kinds import JsonObject
from ibgu.core.model import Member, MemberState, Outcome
from ibgu.core.plan import natural_key

WORDS = 200
"""Characters of a running cluster's last words."""
_SHOWN_FAILURES = frozenset({Outcome.FAILED, Outcome.CANCELLED})


Known = dict[str, tuple[list[Member], JsonObject]]
"""Cluster -> its entry, and the records that it was made from."""


def entries(book: Book, known: Known | None = None) -> list[JsonObject]:
    """All entries in natural order of the names; `known` is read, and brought up to date."""
    known = {} if known is None else known
    members: dict[str, list[Member]] = {}
    for step in book.steps:
        for cluster, member in step.members.items():
            members.setdefault(cluster, []).append(member)
    return [_known(known, name, members[name]) for name in sorted(members, key=natural_key)]


def _known(known: Known, cluster: str, members: list[Member]) -> JsonObject:
    """Records never change, they are replaced: the same ones make the same entry."""
    before, entry = known.get(cluster, ([], {}))
    if len(before) != len(members) or any(map(is_not, before, members)):
        entry = _entry(cluster, members)
        known[cluster] = (members, entry)
    return entry


def _entry(cluster: str, members: list[Member]) -> JsonObject:
    entry: JsonObject = {"name": cluster}
    if completed := [done for member in members for done in _completed(member)]:
        entry["completedActions"] = completed
    if failed := [_failed(member) for member in members if _has_failed(member)]:
        entry["failedActions"] = failed
    if current := next(_current(members), None):
        entry["currentAction"] = current
    return entry


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
