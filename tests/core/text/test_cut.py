"""Foreign texts, cut to what journal, log and status can bear."""

import pytest

from ibgu.core.text.cut import MARK, MAX_BYTES, cut


@pytest.mark.parametrize("text", ["", "short", "x" * MAX_BYTES, "é" * (MAX_BYTES // 2)])
def test_a_text_within_the_limit_is_unchanged(text: str) -> None:
    assert cut(text) is text


@pytest.mark.parametrize("char", ["x", "é", "…", "😀"])
def test_a_longer_text_is_cut_at_a_whole_character_and_marked(char: str) -> None:
    found = cut(char * 120_000)
    assert MAX_BYTES - 4 < len(found.encode()) <= MAX_BYTES
    assert found.endswith(MARK)
    assert set(found.removesuffix(MARK)) == {char}
    assert cut(found) is found


def test_a_lone_surrogate_is_replaced() -> None:
    assert cut("\ud800" * 5000).endswith("?" + MARK)
