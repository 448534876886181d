"""Foreign texts, made harmless."""

import sys
import unicodedata

import pytest

from ibgu.core.text.harmless import REPLACEMENT, harmless, one_line


@pytest.mark.slow("every-point")
def test_only_invisible_characters_are_replaced() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1)]
    gone = {each for each in everything if harmless(each) == REPLACEMENT} - {REPLACEMENT}
    unseen = {each for each in everything if unicodedata.category(each) in _UNSEEN} - {"\t", "\n"}
    assert unseen - gone == set()
    assert {unicodedata.category(each) for each in gone - unseen} <= {"Cn"}
    assert all(harmless(each) == each for each in everything if each not in gone)


_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pull failed: x@sha256:0a", "pull failed: x@sha256:0a"),
        ("ok\r\n  edge-99\tSucceeded\u2028", "ok edge-99 Succeeded"),
        ("\x1b[2J\x1b]0;x\x07", f"{REPLACEMENT}[2J{REPLACEMENT}]0;x{REPLACEMENT}"),
        ("a\u202egnp.exe", f"a{REPLACEMENT}gnp.exe"),
        ("ad\u200bmin", f"ad{REPLACEMENT}min"),
    ],
)
def test_a_text_becomes_one_harmless_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
