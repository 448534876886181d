"""Planted secrets never come out, whatever kind they are of and wherever they stand."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgu.cli.collect.bundle import Bundle
from tests.cli.redact.planted import AFTER, CALM, KINDS, PLACES, leaks


def collected(folder: Path, text: str, place: str) -> str:
    """All of a bundle with the text in an object, a log in JSON, a log in words, and a failure."""
    bundle = Bundle(folder, [])
    found = PLACES[place](text)
    bundle.one("one.json", found)
    bundle.many("many.jsonl", [{"items": [found]}])
    bundle.write("hub/logs/text.log", f"2026-11-23T05:00:00Z {text}\nnext\n")
    bundle.failed("hub/events.jsonl", text)
    bundle.close()
    return "\n".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(data=st.data())
def test_no_secret_comes_out(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    words, secret = data.draw(KINDS[kind])
    text = data.draw(CALM) + words + data.draw(AFTER)
    place = data.draw(st.sampled_from(list(PLACES)))
    everything = collected(tmp_path_factory.mktemp("bundle"), text, place)
    assert not leaks(secret, everything), everything
