"""The listing that is kept between statuses always equals a full rebuild."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Member
from ibgu.core.views.status.entries import entry
from ibgu.core.views.status.listing import MessageDetail, StatusListing, item
from tests.core.engine.state.records import book_of, done, failed, in_flight, member, rollout, step
from tests.core.views.status.listed import entries

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


def _change(tracked: TrackedRollout, number: int, index: int, kind: str) -> None:
    of = tracked.steps[index]
    if kind != "removed":
        of.put(_member(number, index, kind))
    elif f"site-{number}" in of.members:
        of.remove(f"site-{number}")


@given(st.lists(st.lists(_changes(), max_size=8), max_size=6))
def test_the_kept_listing_equals_a_full_rebuild(rounds: list[list[Any]]) -> None:
    tracked = book_of(rollout(), [step(), step(index=1)])
    kept = StatusListing()
    for changes in rounds:
        for change in changes:
            _change(tracked, *change)
        for words in MessageDetail:
            assert entries(tracked, kept, words) == entries(_copy(tracked), None, words)


def _copy(tracked: TrackedRollout) -> TrackedRollout:
    members = [member for each in tracked.steps for member in each.members.values()]
    return book_of(tracked.rollout, [each.step for each in tracked.steps], members)


def test_only_changed_entries_are_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counting(cluster: str, members: list[Member]) -> Any:
        made.append(cluster)
        return entry(cluster, members)

    monkeypatch.setattr("ibgu.core.views.status.listing.entry", counting)
    tracked = book_of(rollout(), [step()], [in_flight(f"site-{n}", slot=n) for n in range(1, 30)])
    kept = StatusListing()
    kept.update(tracked)
    assert len(made) == 29
    kept.update(tracked)
    tracked.steps[0].put(done("site-7", Action.PREP))
    kept.update(tracked)
    assert made[29:] == ["site-7"]


def test_another_state_is_read_as_a_whole() -> None:
    """A restart loads all again from the journal."""
    kept = StatusListing()
    entries(book_of(rollout(), [step()], [member("site-1"), member("site-2")]), kept)
    assert entries(book_of(rollout(), [step()], [member("site-3")]), kept) == [{"name": "site-3"}]


def test_a_member_that_is_taken_back_is_listed_no_more() -> None:
    """Whether it was listed before or not."""
    tracked, kept = (
        book_of(rollout(), [step()], [member("site-1"), member("site-2")]),
        StatusListing(),
    )
    entries(tracked, kept)
    tracked.steps[0].put(member("site-3"))
    for name in ("site-1", "site-3"):
        tracked.steps[0].remove(name)
    assert entries(tracked, kept) == [{"name": "site-2"}]


def test_an_entry_without_words_is_kept_once() -> None:
    assert len({id(each) for each in item({"name": "site-1"}).encoded}) == 1
