import re
from pathlib import Path

import pytest

from tests.benchmarks.sizing import measured, needs, table

PAGE = Path(__file__).parents[2] / "docs" / "sizing.md"


def test_the_page_has_the_table_that_follows_from_what_was_measured() -> None:
    assert table() in PAGE.read_text(), "run python -m tests.benchmarks.sizing"


def test_twice_the_clusters_cost_twice_the_work() -> None:
    known = measured()
    one, two = needs(5_000, 1, known), needs(10_000, 1, known)
    assert two.hub_writes_per_second == pytest.approx(2 * one.hub_writes_per_second)
    assert two.journal_gib == pytest.approx(2 * one.journal_gib)
    assert two.controller_mib - one.controller_mib == pytest.approx(
        one.controller_mib - known.base.memory_mib
    )


def test_hubs_share_the_clusters_and_one_postgres() -> None:
    known = measured()
    alone, shared = needs(1_000, 1, known), needs(10_000, 10, known)
    assert shared.hub_writes_per_second == pytest.approx(alone.hub_writes_per_second)
    assert shared.transactions_per_second == pytest.approx(10 * alone.transactions_per_second)


def test_every_figure_says_how_it_was_measured() -> None:
    text = (Path(__file__).with_name("sizing.toml")).read_text()
    tables = re.split(r"^\[", text, flags=re.M)[1:]
    assert tables
    assert all("#" in each for each in tables)
