"""The page's table of a bad seed is what today's engine does with today's example."""

import pytest

from tests.bad_seed.__main__ import table
from tests.bad_seed.rollouts import Spoke, part, roll_out
from tests.core.rehearsal.pair import DrawnSpoke
from tests.docs.site import DOCS


def test_the_page_has_the_table_that_the_command_prints() -> None:
    assert table() in (DOCS / "reliability.md").read_text(), "run python -m tests.bad_seed"


def test_agents_that_look_only_after_changes_make_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = roll_out(0.4, 1, part("failure_budget"))
    monkeypatch.setattr(Spoke, "sync", DrawnSpoke.sync)
    assert roll_out(0.4, 1, part("failure_budget")) == quick
