"""What a terminal would obey does not reach it; everything else does."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ibgu.client.harmless import cleaned, harmless

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('\\\x1b\x9bu0\b\r\n"'))


def _plain(text: str) -> str:
    """Character by character, as Unicode has them (category Cc)."""
    return "".join(
        "\ufffd" if (c < " " or "\x7f" <= c <= "\x9f") and c not in "\t\n" else c for c in text
    )


@given(TEXT)
def test_only_control_characters_go(text: str) -> None:
    assert msgspec.json.decode(harmless(msgspec.json.encode(text))) == _plain(text)


@given(TEXT)
def test_however_it_was_escaped(text: str) -> None:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in text)
    assert msgspec.json.decode(harmless(f'"{escaped}"'.encode())) == _plain(text)


class Said(msgspec.Struct, frozen=True):
    at: datetime
    words: tuple[str, ...]
    data: Any = None


@given(TEXT)
def test_a_record_keeps_its_shape(text: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    plain = _plain(text)
    assert cleaned(Said(now, (text,), {"n": [1, text]})) == Said(now, (plain,), {"n": [1, plain]})
