"""The reference pages are what the code says now, and leave nothing out."""

import pytest

from ibgu.core.model import Kind
from tests.docs.reference import events
from tests.docs.reference.pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_is_as_made_from_the_code(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "remake it with `make docs`"


def test_no_page_is_made_by_nobody() -> None:
    assert {page.name for page in FOLDER.glob("*.md")} == set(PAGES)


def test_every_kind_of_event_is_explained_once() -> None:
    explained = [kind for rows in events.SECTIONS.values() for kind in rows]
    assert sorted(explained) == sorted(Kind)
