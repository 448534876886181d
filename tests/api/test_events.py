"""The facts of a start, which name other clusters and a rollout's people, are shown in part."""

from msgspec.structs import replace

from ibgu.api.events.mapping import event_body, event_for
from ibgu.api.requests.readable import Readable
from ibgu.db.views import EventRow
from tests.db.records import NOW

FACTS = {
    "labels": {"region": "north"},
    "rolloutLabels": {"tier": "gold"},
    "author": "alice",
    "beside": {"site-of-others": {"region": "south"}},
    "policies": {"network": {"failed": ["site-of-others"]}},
}


def row(facts: object) -> EventRow:
    found = EventRow(1, NOW, "r1", 0, "site-1", None, None, "RunIntended", "", None, False, "", {})
    return replace(found, data={"slot": 1, "facts": facts})


def test_facts_of_other_clusters_are_not_shown() -> None:
    shown = {"labels": {"region": "north"}, "rolloutLabels": {"tier": "gold"}, "author": "alice"}
    assert event_body(row(FACTS)).data == {"slot": 1, "facts": shown}
    assert event_body(row(None)).data == {"slot": 1, "facts": None}


def test_the_author_of_a_rollout_is_shown_to_those_who_may_read_it() -> None:
    theirs = event_for(row(FACTS), "ran", Readable(frozenset({"ran"})))
    assert theirs == row(FACTS)
    others = event_for(row(FACTS), "ran", Readable(frozenset({"core"})))
    assert event_body(others).data["facts"] == {"labels": {"region": "north"}}
