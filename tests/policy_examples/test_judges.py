"""The judges of the examples find what would be wrong, and the page has the table of all."""

from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from tests.docs.site import DOCS
from tests.policy_examples.__main__ import HEAD, table
from tests.policy_examples.examples import EXAMPLES
from tests.policy_examples.nights import NEVER, at_night, by_day, site_of
from tests.policy_examples.stage import Proof
from tests.policy_examples.truth import Run, Span, grouped, in_flight, met, most_at_once

PROOF = Proof(8, ("all are upgraded", "in 2 nights"), timedelta(hours=2), timedelta(seconds=40))


def span(begin: float, end: float, number: int = 1) -> Span:
    return Span(begin, end, f"site-{number}", "Upgrade")


def test_the_most_at_once_counts_what_overlaps() -> None:
    assert most_at_once([]) == 0
    assert most_at_once([span(0, 2), span(2, 4), span(4, inf)]) == 1
    assert most_at_once([span(0, 9), span(1, 3), span(2, 4), span(5, 6)]) == 3


def test_an_action_is_in_flight_from_its_intent_to_its_end() -> None:
    begun = datetime(2026, 11, 27, tzinfo=UTC)
    ended = Run("site-40", "Upgrade", begun, begun + timedelta(seconds=9), "succeeded")
    going_on = Run("site-41", "Upgrade", begun, None, None)
    found = in_flight([ended, going_on])
    assert [each.end - each.begin for each in found] == [9, inf]
    assert most_at_once(found) == 2


def test_neighbours_that_were_busy_together_are_found() -> None:
    apart = [span(0, 2, 40), span(2, 4, 41), span(1, 3, 17)]
    assert met(apart, NEVER) == []
    assert met([*apart, span(3, 5, 42)], NEVER) == [("site-41", "site-42")]
    assert met([span(0, 9, 40), span(1, 2, 3), span(5, 6, 42)], NEVER) == [("site-40", "site-42")]


def test_clusters_whose_numbers_differ_by_a_hundred_share_a_site() -> None:
    sites = grouped({name: site_of(name) for name in ("site-40", "site-41", "site-140")})
    assert sites == [["site-40", "site-140"], ["site-41"]]


@pytest.mark.parametrize(
    ("at", "cluster", "open_"),
    [
        ("2026-11-27T00:30", "site-40", True),  # 01:30 in Berlin
        ("2026-11-26T23:59", "site-40", False),
        ("2026-11-27T04:00", "site-40", False),
        ("2026-11-27T06:30", "site-143", True),  # 01:30 in New York
        ("2026-11-27T00:30", "site-143", False),
        ("2026-11-28T00:30", "site-40", False),  # a Saturday
    ],
)
def test_a_night_is_that_of_the_clusters_own_clock(at: str, cluster: str, open_: bool) -> None:
    assert at_night(datetime.fromisoformat(at).replace(tzinfo=UTC), cluster) is open_


@pytest.mark.parametrize("hour", range(0, 24 * 7, 5))
def test_a_rollout_begins_by_day_and_the_next_night_is_on_a_workday(hour: int) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)
    begins = by_day(now)
    assert now <= begins < now + timedelta(days=5)
    for cluster in ("site-40", "site-143"):
        nights = [each for each in range(24) if at_night(begins + timedelta(hours=each), cluster)]
        assert len(nights) == 4
        assert nights[0] > 1


def test_an_example_that_failed_shows_in_the_table() -> None:
    good, bad = table({"one": PROOF, "two": None}).removeprefix(HEAD).splitlines()
    assert good == "| one | 8 | all are upgraded; in 2 nights | 2 h | 40 s |"
    assert "not as the guide says" in bad
    assert bad.count("|") == good.count("|") == HEAD.splitlines()[0].count("|")


def test_the_page_has_the_table_of_all_examples() -> None:
    page = (DOCS / "reliability.md").read_text()
    assert HEAD in page, "run python -m tests.policy_examples"
    rows = page.split(HEAD)[1].splitlines()[: len(EXAMPLES)]
    assert [row.split(" | ")[0] for row in rows] == [f"| {each.name}" for each in EXAMPLES]
