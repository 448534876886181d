"""Ids of runs tell what they were made for, and nothing of other runs."""

from datetime import UTC, datetime, timedelta

import pytest

from ibgu.core.model.bounds import LATEST
from ibgu.core.model.run_ids import origin_of, run_id

NOW = datetime(2026, 11, 30, 22, 15, 7, 123000, tzinfo=UTC)
ACTIONS = ("Prep", "Upgrade", "FinalizeUpgrade")


def made(attempt: int = 3, now: datetime = NOW) -> str:
    return run_id("uid-a", "uid-site-1", "Upgrade", 1, attempt, now)


def test_an_id_is_read_back() -> None:
    found = origin_of(made(), "uid-a", "uid-site-1", ACTIONS)
    assert found is not None
    assert (found.id, found.action) == (made(), "Upgrade")
    assert (found.step, found.attempt, found.intended_at) == (1, 3, NOW)


@pytest.mark.parametrize(
    ("rollout", "cluster", "actions"),
    [
        ("uid-b", "uid-site-1", ACTIONS),
        ("uid-a", "uid-site-2", ACTIONS),
        ("uid-a", "uid-site-1", ("Prep", "Rollback")),
        ("uid-a", "uid-site-1", ()),
    ],
)
def test_an_id_of_another_rollout_cluster_or_action_is_none(
    rollout: str, cluster: str, actions: tuple[str, ...]
) -> None:
    assert origin_of(made(), rollout, cluster, actions) is None


@pytest.mark.parametrize("run", ["", "r1", "z" * 34, "0" * 34, "a" * 20, made()[:-1], made() + "0"])
def test_another_text_is_no_id(run: str) -> None:
    assert origin_of(run, "uid-a", "uid-site-1", ACTIONS) is None


def test_each_attempt_and_each_millisecond_has_an_id_of_its_own() -> None:
    others = {made(2), made(4), made(now=NOW + timedelta(milliseconds=1))}
    assert len(others | {made()}) == 4


def test_no_two_clusters_of_a_large_fleet_share_an_id_when_they_start_together() -> None:
    """The first eight digits of the digests of these two are the same."""
    one, other = (
        run_id("uid-a", f"uid-site-{number}", "Upgrade", 1, 3, NOW) for number in (33758, 85619)
    )
    assert one[:8] == other[:8]
    assert one != other


@pytest.mark.parametrize("year", [1971, 2200])
def test_a_time_that_the_journal_can_not_keep_is_none(year: int) -> None:
    run = made(now=datetime(year, 1, 1, tzinfo=UTC))
    assert origin_of(run, "uid-a", "uid-site-1", ACTIONS) is None


def test_any_number_and_time_that_the_journal_keeps_has_an_id() -> None:
    """One that has more digits than ids have places for is not recognized, and is still unique."""
    found = origin_of(made(999_999, LATEST), "uid-a", "uid-site-1", ACTIONS)
    assert found is not None
    assert (found.attempt, found.intended_at) == (999_999, LATEST)
    assert origin_of(made(2**20), "uid-a", "uid-site-1", ACTIONS) is None
    assert made(2**20) != made(2**20 + 1)
