"""Histories that go on after a restore: what was imported is trusted, what follows is checked."""

from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace

from ibgu.core.model import Kind, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.records import Records
from tests.core.engine.decide.restores import (
    Journal,
    backup,
    journal,
    lose_journal,
    restore_hub,
    restore_journal,
    write_status,
)
from tests.oracle import Event, Rule, stories
from tests.oracle.breaks import Break, drop, numbered, place
from tests.oracle.logs import certify, log_of, told

UID = "uid-a"


def upgrading() -> InMemoryEngine:
    """Two steps; the first of two clusters is inside its Upgrade."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.wait(minutes=4)
    write_status(engine, UID)
    return engine


def resumed(engine: InMemoryEngine) -> list[Event]:
    engine.wait(hours=1)
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    return log_of(engine)


@cache
def lost() -> list[Event]:
    engine = upgrading()
    lose_journal(engine)
    return resumed(engine)


@cache
def earlier() -> list[Event]:
    """The journal goes back to the second Prep."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.wait(minutes=1)
    kept = journal(engine)
    engine.wait(minutes=3)
    write_status(engine, UID)
    restore_journal(engine, kept)
    return resumed(engine)


@cache
def cancelling() -> list[Event]:
    """A rollout that aborts is imported."""
    engine = sites(2, "slow")
    for spoke in engine.spokes.values():
        spoke.to("Prep")
    engine.apply(ibgu("a", "Abort", concurrency=1))
    engine.wait(seconds=20)
    write_status(engine, UID)
    lose_journal(engine)
    return resumed(engine)


@cache
def restored() -> list[Event]:
    """The history after a restore to a backup from before the labels of the first step."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    saved = backup(engine)
    engine.wait(minutes=4)
    restore_hub(engine, saved)
    return resumed(engine)


@cache
def back_again() -> list[Event]:
    """A deleted rollout that the backup brings back; the plan in it is shorter."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    saved = backup(engine)
    engine.append(UID, "Upgrade")
    engine.wait(hours=1)
    engine.delete(UID)
    engine.wait(hours=1)
    restore_hub(engine, saved)
    return resumed(engine)


@cache
def gone_before_the_restore() -> list[Event]:
    """A rollout that was made and deleted after the backup: its label is put back all the same."""
    engine = sites(1)
    engine.apply(ibgu("other", "Prep", selectors=[]))
    saved = backup(engine)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(minutes=4)
    engine.delete(UID)
    engine.settle()
    restore_hub(engine, saved)
    engine.wait(hours=2)
    return log_of(engine)


@cache
def rows_deleted() -> list[Event]:
    """The records of the rollout are deleted, its history is not; a cluster was skipped before."""
    engine = sites(3)
    engine.apply(ibgu("a", "Prep", "Upgrade", "FinalizeUpgrade", concurrency=2))
    engine.until(Kind.STEP_FINISHED)
    engine.wait(seconds=5)
    engine.annotate(UID, skip="site-3")
    engine.until(Kind.STEP_FINISHED)
    engine.wait(seconds=5)
    assert engine.member(UID, 1, "site-3").outcome is Outcome.SKIPPED
    write_status(engine, UID)
    restore_journal(engine, Journal(Records(), told=len(engine.said)))
    return resumed(engine)


STORIES = [
    *(lost, earlier, cancelling, restored, back_again),
    *(gone_before_the_restore, rows_deleted),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_history_continued_after_an_import_is_certified(story: Callable[[], list[Event]]) -> None:
    findings = certify(story())
    assert told(findings) == []
    assert findings.unknown == {}


def other_slot(slot: int) -> Break:
    def broken(log: list[Event]) -> list[Event]:
        """The cluster that was imported in flight says another slot."""
        at = next(n for n, e in enumerate(log) if e.kind == "Imported" and e.data.get("slot"))
        event = log[at]
        return [*log[:at], replace(event, data={**event.data, "slot": slot}), *log[at + 1 :]]

    return broken


def going_on(log: list[Event]) -> list[Event]:
    """The labels are put back only after the resume."""
    at, to = place(log, "LabelsPutBack"), place(log, "ControlAccepted")
    event, rest = log[at], [*log[:at], *log[at + 1 :]]
    return [*rest[:to], replace(event, at=rest[to - 1].at), *rest[to:]]


@pytest.mark.parametrize(
    ("log", "breaks", "rule", "words"),
    [
        (lost, drop("Imported", nth=1), Rule.ORDER, "step 2 is imported as number 1"),
        (lost, other_slot(2), Rule.SLOTS, "is imported into slot 2, which is taken"),
        (restored, going_on, Rule.LABELS, "are put back while its rollout goes on"),
    ],
)
def test_a_broken_import_is_found(
    log: Callable[[], list[Event]], breaks: Break, rule: Rule, words: str
) -> None:
    found = certify(breaks(list(log())))
    assert any(v.rule is rule and words in v.words for v in found.violations), told(found)


def test_an_older_backup_does_not_replace_a_newer_one() -> None:
    """Two restores in a row import the same cluster, the second from an older status."""
    log = stories.backed_up_and_lost()
    at = place(log, "Imported", "site-1")
    older = replace(log[at], data=log[at].data | {"made": {"Backup": "2025-12-31T10:00:00Z"}})
    events = numbered([*log[: at + 1], older, *log[at + 1 :]])
    assert told(certify(events)) == []
