"""Gaps, as the facts of a term remember them."""

from datetime import timedelta

import pytest

from ibgu.controller.facts import TermFacts
from ibgu.controller.journal.retries import JournalRetries
from ibgu.core.engine.state.snapshot import Facts
from tests.core.engine.state.records import NOW


class Hub:
    complete = True
    gaps = 0


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def facts(hub: Hub) -> TermFacts:
    return TermFacts(
        Facts(in_sync_since=NOW), JournalRetries(), lambda: hub.complete, lambda: hub.gaps
    )


def test_a_gap_between_two_looks_at_the_mirror_counts(hub: Hub, facts: TermFacts) -> None:
    assert not facts.had_gap()
    hub.gaps += 1
    assert facts.had_gap()
    assert facts.writes_suspended
    later = NOW + timedelta(minutes=1)
    facts.closed(later)
    assert not facts.had_gap()
    assert facts.facts.in_sync_since == later


def test_a_gap_that_was_seen_counts_until_it_is_closed(hub: Hub, facts: TermFacts) -> None:
    hub.complete = False
    assert facts.incomplete()
    hub.complete = True
    assert facts.had_gap()
    facts.closed(NOW)
    assert not facts.gap
