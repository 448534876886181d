"""The map of rooms is of this house: every room is on it, and all places that it names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs/architecture.md").read_text()
ROOMS = MAP.split("## The map of rooms")[1].split("## Where a rule lives")[0]
NAMED = sorted(set(re.findall(r"`((?:ibgu|core|controller|hub|db|api|sim)/[\w/.]+)`", MAP)))


def packages(*folders: str) -> list[str]:
    found = (each.parent for folder in folders for each in (ROOT / folder).glob("*/__init__.py"))
    return sorted(str(each.relative_to(ROOT)) for each in found)


@pytest.mark.parametrize("place", NAMED)
def test_a_place_that_is_named_is_there(place: str) -> None:
    assert (ROOT / place).exists() or (ROOT / "ibgu" / place).exists()


@pytest.mark.parametrize("room", packages("ibgu", "ibgu/core"))
def test_every_room_is_on_the_map(room: str) -> None:
    assert f"`{room}" in ROOMS or room == "ibgu/core"
