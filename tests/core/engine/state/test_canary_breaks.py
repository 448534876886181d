"""R50.11: since when canaries are well again that ibgu has seen as not well."""

from datetime import timedelta

import pytest

from ibgu.core.engine.state import canary_breaks
from ibgu.core.engine.state.canary_breaks import CanaryBreaks
from tests.core.engine.state.records import NOW

LATER = NOW + timedelta(minutes=5)


def test_a_canary_is_well_again_since_it_was_first_seen_so() -> None:
    breaks = CanaryBreaks()
    breaks.note("first", "u", NOW, well=True)
    assert breaks.well_again("first", "u") is None
    breaks.note("first", "u", NOW, well=False)
    assert breaks.well_again("first", "u") is None
    breaks.note("first", "u", LATER, well=True)
    breaks.note("first", "u", LATER + timedelta(hours=1), well=True)
    assert breaks.well_again("first", "u") == LATER
    assert breaks.well_again("second", "u") is None


def test_a_bounded_number_of_canaries_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_breaks, "MAX_BREAKS", 2)
    breaks = CanaryBreaks()
    for uid in ("a", "b", "c"):
        breaks.note("first", uid, NOW, well=False)
        breaks.note("first", uid, LATER, well=True)
    assert breaks.well_again("first", "c") == LATER
    assert breaks.well_again("first", "a") is None
