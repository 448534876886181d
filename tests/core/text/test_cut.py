"""Foreign texts, cut to what journal, log and status can bear."""

import pytest

from ibgu.core.text.cut import MARK, MOST_BYTES, cut


@pytest.mark.parametrize("text", ["", "short", "x" * MOST_BYTES, "é" * (MOST_BYTES // 2)])
def test_what_fits_stays(text: str) -> None:
    assert cut(text) is text


@pytest.mark.parametrize("char", ["x", "é", "…", "😀"])
def test_what_is_longer_is_marked_and_whole_characters_stay(char: str) -> None:
    found = cut(char * 120_000)
    assert MOST_BYTES - 4 < len(found.encode()) <= MOST_BYTES
    assert found.endswith(MARK)
    assert set(found.removesuffix(MARK)) == {char}
    assert cut(found) is found


def test_half_a_character_costs_nothing_but_itself() -> None:
    assert cut("\ud800" * 5000).endswith("?" + MARK)
