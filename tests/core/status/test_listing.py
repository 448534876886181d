"""What is kept from one status to the next: always what a look at the whole book would give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.book import Book
from ibgu.core.model import Action, Member
from ibgu.core.status.entries import entry
from ibgu.core.status.listing import Listing, Words, item
from tests.core.book.records import book_of, done, failed, in_flight, member, rollout, step
from tests.core.status.listed import entries

LONG = "x" * 200


def _changes() -> st.SearchStrategy[tuple[int, int, str]]:
    kinds = st.sampled_from(["waiting", "running", "done", "failed", "removed"])
    return st.tuples(st.integers(1, 12), st.integers(0, 1), kinds)


def _member(number: int, index: int, kind: str) -> Member:
    name = f"site-{number}"
    match kind:
        case "running":
            return in_flight(name, LONG[: number * 15], slot=number, step=index)
        case "done":
            return done(name, Action.PREP, note=LONG[: number * 10], step=index)
        case "failed":
            return failed(name, message=LONG, step=index)
    return member(name, step=index)


def _change(book: Book, number: int, index: int, kind: str) -> None:
    of = book.steps[index]
    if kind != "removed":
        of.put(_member(number, index, kind))
    elif f"site-{number}" in of.members:
        of.remove(f"site-{number}")


@given(st.lists(st.lists(_changes(), max_size=8), max_size=6))
def test_it_follows_the_book_however_often_it_is_asked(rounds: list[list[Any]]) -> None:
    book = book_of(rollout(), [step(), step(index=1)])
    kept = Listing()
    for changes in rounds:
        for change in changes:
            _change(book, *change)
        for words in Words:
            assert entries(book, kept, words) == entries(_copy(book), None, words)


def _copy(book: Book) -> Book:
    members = [member for each in book.steps for member in each.members.values()]
    return book_of(book.rollout, [each.step for each in book.steps], members)


def test_only_what_has_changed_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counting(cluster: str, members: list[Member]) -> Any:
        made.append(cluster)
        return entry(cluster, members)

    monkeypatch.setattr("ibgu.core.status.listing.entry", counting)
    book = book_of(rollout(), [step()], [in_flight(f"site-{n}", slot=n) for n in range(1, 30)])
    kept = Listing()
    kept.update(book)
    assert len(made) == 29
    kept.update(book)
    book.steps[0].put(done("site-7", Action.PREP))
    kept.update(book)
    assert made[29:] == ["site-7"]


def test_another_book_is_read_as_a_whole() -> None:
    """As after a restart, when all is loaded anew from the journal."""
    kept = Listing()
    entries(book_of(rollout(), [step()], [member("site-1"), member("site-2")]), kept)
    assert entries(book_of(rollout(), [step()], [member("site-3")]), kept) == [{"name": "site-3"}]


def test_a_member_that_is_taken_back_is_listed_no_more() -> None:
    """Whether it was listed before or not."""
    book, kept = book_of(rollout(), [step()], [member("site-1"), member("site-2")]), Listing()
    entries(book, kept)
    book.steps[0].put(member("site-3"))
    for name in ("site-1", "site-3"):
        book.steps[0].remove(name)
    assert entries(book, kept) == [{"name": "site-2"}]


def test_an_entry_without_words_is_kept_once() -> None:
    assert len({id(each) for each in item({"name": "site-1"}).encoded}) == 1
