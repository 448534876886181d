"""Characters that a terminal or a reader would obey do not reach them; everything else does."""

import unicodedata
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ibgu.client.harmless import cleaned, harmless

UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
TEXT = st.text(
    st.characters(codec="utf-8") | st.sampled_from('\\\x1b\x9bu0\b\r\n"\u202e\u200b\U000e0041')
)


def _plain(text: str) -> str:
    """Character by character, as Unicode has them."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in UNSEEN and c not in "\t\n" else c for c in text
    )


@given(TEXT)
def test_only_what_does_something_and_shows_nothing_goes(text: str) -> None:
    assert msgspec.json.decode(harmless(msgspec.json.encode(text))) == _plain(text)


@given(TEXT)
def test_escaped_control_characters_are_replaced(text: str) -> None:
    pairs = text.encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"\\u{pairs[i] << 8 | pairs[i + 1]:04x}" for i in range(0, len(pairs), 2))
    assert msgspec.json.decode(harmless(f'"{escaped}"'.encode())) == _plain(text)


class PrintedLine(msgspec.Struct, frozen=True):
    at: datetime
    words: tuple[str, ...]
    data: Any = None


@given(TEXT)
def test_a_record_keeps_its_shape(text: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    plain = _plain(text)
    assert cleaned(PrintedLine(now, (text,), {"n": [1, text]})) == PrintedLine(
        now, (plain,), {"n": [1, plain]}
    )
