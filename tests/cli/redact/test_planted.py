"""Planted secrets never come out, whatever kind they are of and wherever they stand."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from ibgu.cli.collect.bundle import Bundle
from tests.cli.redact.attacks import OBJECTS
from tests.cli.redact.forms import WORD
from tests.cli.redact.kinds import KINDS
from tests.cli.redact.planted import AFTER, CALM, PLACES, leaks

SETTINGS = settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
"""A text that fails is short enough as it is, and there are many kinds of them."""


def collected(folder: Path, found: Any, text: str = "") -> str:
    """All of a bundle with an object, also in a log, and a text in a log and in a failure."""
    bundle = Bundle(folder, [])
    bundle.one("one.json", found)
    bundle.many("many.jsonl", [{"items": [found]}])
    bundle.write("hub/logs/text.log", f"2026-11-23T05:00:00Z {text}\nnext\n")
    bundle.write("hub/logs/json.log", json.dumps({"event": "seen", "object": found}))
    bundle.failed("hub/events.jsonl", text)
    bundle.close()
    return "\n".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
@SETTINGS
@given(data=st.data())
def test_no_secret_comes_out(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    words, secret = data.draw(KINDS[kind])
    text = data.draw(CALM) + words + data.draw(AFTER)
    place = data.draw(st.sampled_from(list(PLACES)))
    everything = collected(tmp_path_factory.mktemp("bundle"), PLACES[place](text), text)
    if leaks(secret, everything):  # Hypothesis also draws words of the code, as ManagedCluster…
        without = collected(tmp_path_factory.mktemp("without"), PLACES[place](""), "")
        assume(not leaks(secret, without))
    assert not leaks(secret, everything), everything


@pytest.mark.parametrize("kind", OBJECTS)
@SETTINGS
@given(secret=WORD)
def test_no_planted_secret_gets_out_of_an_object(
    tmp_path_factory: pytest.TempPathFactory, kind: str, secret: str
) -> None:
    found = OBJECTS[kind](secret)
    everything = collected(tmp_path_factory.mktemp("bundle"), {"spec": found})
    everything += collected(tmp_path_factory.mktemp("bundle"), found)
    assert not leaks(secret, everything), everything
