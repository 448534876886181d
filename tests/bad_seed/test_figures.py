"""The page's table of a bad seed is what today's engine does with today's example."""

import pytest

from tests.bad_seed.__main__ import SHARES, table, talms_table
from tests.bad_seed.rollouts import Figures, part, roll_out, unstopped
from tests.bad_seed.spokes import DrawnSpoke, LazySpoke
from tests.docs.site import DOCS


def test_the_page_has_the_table_that_the_command_prints() -> None:
    assert table() in (DOCS / "reliability.md").read_text(), "run python -m tests.bad_seed"


@pytest.mark.parametrize("share", SHARES)
def test_a_rollout_that_nothing_stops_ends_as_it_was_drawn(share: float) -> None:
    assert roll_out(share, 1, breaker=False) == unstopped(share, 1)


def test_agents_that_look_only_after_changes_make_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = roll_out(0.4, 1, part("failure_budget"))
    monkeypatch.setattr(LazySpoke, "sync", DrawnSpoke.sync)
    assert roll_out(0.4, 1, part("failure_budget")) == quick


def test_a_run_of_talm_is_a_table_with_the_same_columns() -> None:
    head, line, row = talms_table(
        {share: Figures(100, round(100 * share)) for share in SHARES}
    ).splitlines()
    columns, rule, *_ = table().splitlines()
    assert head.split("|")[2:] == columns.split("|")[2:]
    assert line == rule
    assert row == "| nothing | 100 | 20 | 100 | 40 | 100 | 100 |"
