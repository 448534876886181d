"""The mirror: who is newer, what is gone, what the indexes say."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.model.kinds import ManifestWork, ObjectMeta
from ibgu.hub.watching.store import Key, Store


def work(name: str, version: int, uid: str = "u1", **labels: str) -> ManifestWork:
    return ManifestWork(
        ObjectMeta(
            name=name, namespace="spoke", uid=uid, resource_version=str(version), labels=labels
        )
    )


KEY = ("spoke", "a")


def versions(store: Store[ManifestWork]) -> dict[str, str]:
    return {obj.metadata.name: obj.metadata.resource_version for obj in store}


def test_a_list_replaces_everything() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5), work("b", 6)], "7")
    store.replace([work("b", 6), work("c", 9)], "9")

    assert versions(store) == {"b": "6", "c": "9"}
    assert len(store) == 2
    assert ("spoke", "c") in store


def test_the_callback_gets_the_old_and_the_new_object() -> None:
    told: list[tuple[Key, ManifestWork | None, ManifestWork | None]] = []
    store: Store[ManifestWork] = Store(changed=lambda *change: told.append(change))
    first, second = work("a", 5), work("a", 6)
    store.replace([first], "5")
    store.upsert(second)
    store.delete(work("a", 7))

    assert told == [(KEY, None, first), (KEY, first, second), (KEY, second, None)]


def test_the_callback_is_not_called_for_known_versions() -> None:
    told: list[tuple[Key, ManifestWork | None, ManifestWork | None]] = []
    store: Store[ManifestWork] = Store(changed=lambda *change: told.append(change))
    store.replace([work("a", 5)], "5")
    store.replace([work("a", 5)], "9")
    store.upsert(work("a", 5))

    assert len(told) == 1


@pytest.mark.parametrize(
    ("listed", "version", "proof"),
    [
        ([work("a", 4)], "7", "spoke/a is of version 4, and version 5 of it was seen before"),
        ([work("a", 5)], "6", "a list is of version 6, and version 7 was seen before"),
        ([], "6", "a list is of version 6, and version 7 was seen before"),
        ([work("a", 5)], "7", ""),
        ([work("a", 9)], "9", ""),
        ([work("a", 4, uid="u2")], "7", ""),  # another object under the name
        ([], "8", ""),  # deleted
        ([work("a", 5)], "opaque", ""),
    ],
)
def test_a_restored_hub_is_detected_by_older_versions(
    listed: list[ManifestWork], version: str, proof: str
) -> None:
    told: list[str] = []
    store: Store[ManifestWork] = Store(hub_restored=told.append)
    store.replace([work("a", 5)], "5")
    store.progress("7")
    store.replace(listed, version)

    assert told == ([proof] if proof else [])
    assert versions(store) == {obj.metadata.name: obj.metadata.resource_version for obj in listed}


def test_an_answer_that_overtakes_a_list_proves_nothing() -> None:
    told: list[str] = []
    store: Store[ManifestWork] = Store(hub_restored=told.append)
    store.replace([work("a", 5)], "5")
    store.listing()
    store.put_newer(work("a", 9))
    store.replace([work("a", 6)], "6")

    assert told == []


def test_an_answer_to_a_write_is_kept_until_the_watch_has_it() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5)], "5")

    assert store.put_newer(work("a", 8))
    store.upsert(work("a", 7))
    assert versions(store) == {"a": "8"}
    store.upsert(work("a", 9))
    assert versions(store) == {"a": "9"}


def test_an_answer_that_the_watch_overtook_is_ignored() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 9)], "9")

    assert not store.put_newer(work("a", 8))
    assert versions(store) == {"a": "9"}


def test_a_late_answer_does_not_bring_back_what_was_deleted() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([], "5")
    store.upsert(work("a", 6))
    store.delete(work("a", 9))

    assert not store.put_newer(work("a", 8))
    assert KEY not in store


def test_a_created_object_is_stored_before_its_watch_event() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([], "5")

    assert store.put_newer(work("a", 6))
    assert store.get(KEY) == work("a", 6)


def test_bookmarks_count_as_seen() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([], "5")
    store.progress("20")

    assert not store.put_newer(work("a", 19))


def test_the_deletion_of_an_older_object_of_that_name_is_ignored() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5, uid="old")], "5")
    store.put_newer(work("a", 9, uid="new"))
    store.delete(work("a", 8, uid="old"))

    assert store.get(KEY) == work("a", 9, uid="new")


def test_an_answer_made_during_a_list_outlives_it() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5)], "5")
    store.listing()
    store.put_newer(work("a", 9))
    store.put_newer(work("b", 10))
    store.replace([work("a", 5)], "8")

    assert versions(store) == {"a": "9", "b": "10"}


def test_an_answer_is_kept_until_its_watch_event_or_the_next_list() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([], "5")
    for version in (7, 8, 9):
        store.put_newer(work("a", version))
    assert [store.answered(version) for version in "6789"] == [None, KEY, KEY, KEY]

    store.echo(work("a", 7).metadata)
    store.delete(work("a", 8))
    assert [store.answered(version) for version in "789"] == [None, None, KEY]
    store.listing()
    assert store.answered("9") is None


def test_an_echoed_answer_does_not_outlive_an_older_list() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5)], "5")
    store.put_newer(work("a", 9))
    store.echo(work("a", 9).metadata)
    store.replace([work("a", 5)], "8")

    assert versions(store) == {"a": "5"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["answer", "agent", "delete", "list"]), st.sampled_from("ab")),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_an_echo_does_what_reading_the_whole_event_would(
    happened: list[tuple[str, str]], random: Random
) -> None:
    """The watch tells in order, and late; answers come at once."""
    short, long = Store[ManifestWork](), Store[ManifestWork]()
    late: list[tuple[str, ManifestWork]] = []
    for version, (kind, name) in enumerate(happened, start=1):
        obj = work(name, version)
        if kind == "list":
            listed = {each.metadata.name: each for each in long}
            for store in (short, long):
                store.listing()
                store.replace(listed.values(), str(version))
            late.clear()
            continue
        if kind == "answer":
            assert short.put_newer(obj) == long.put_newer(obj)
        late.append((kind, obj))
        while late and random.random() < 0.6:
            told, event = late.pop(0)
            if told == "delete":
                short.delete(event)
                long.delete(event)
                continue
            if short.answered(event.metadata.resource_version) is not None:
                short.echo(event.metadata)
            else:
                short.upsert(event)
            long.upsert(event)
        assert (versions(short), short.seen) == (versions(long), long.seen)
        assert short._answers == long._answers


def test_a_restored_hub_with_older_versions_is_believed() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 50), work("b", 60)], "60")
    store.put_newer(work("a", 70))
    store.listing()
    store.replace([work("a", 30)], "40")

    assert versions(store) == {"a": "30"}
    assert store.put_newer(work("b", 41))


def test_an_object_that_did_not_decode_stays_as_it_was() -> None:
    store: Store[ManifestWork] = Store()
    store.replace([work("a", 5), work("b", 5)], "5")
    store.replace([], "9", unread={KEY})

    assert versions(store) == {"a": "5"}


def test_an_object_that_never_decoded_is_not_gone() -> None:
    store: Store[ManifestWork] = Store()
    other = (KEY[0], "b")
    store.replace([work("b", 5)], "5", unread={KEY, other})
    assert store.is_unread(KEY)
    assert not store.is_unread(other)
    store.upsert(work("a", 6))
    assert not store.is_unread(KEY)
    store.replace([], "9", unread={KEY})
    assert not store.is_unread(KEY), "its last good version stays"
    fresh: Store[ManifestWork] = Store()
    fresh.replace([], "9", unread={KEY})
    fresh.delete(work("a", 10))
    assert not fresh.is_unread(KEY)


def by_site(obj: ManifestWork) -> list[str]:
    return [value for key, value in obj.metadata.labels.items() if key == "site"]


def test_an_index_follows_the_objects() -> None:
    store = Store(indexes={"site": by_site})
    store.replace([work("a", 5, site="x"), work("b", 5, site="x"), work("c", 5)], "5")
    assert [obj.metadata.name for obj in store.by("site", "x")] == ["a", "b"]

    store.upsert(work("a", 6, site="y"))
    store.delete(work("b", 7))

    assert list(store.values_of("site")) == ["y"]
    assert list(store.keys_by("site", "y")) == [("spoke", "a")]
    assert store.by("site", "x") == []


CHANGE = st.tuples(
    st.sampled_from(["upsert", "delete", "answer", "list"]),
    st.sampled_from("abc"),
    st.sampled_from("xy"),
)


@given(st.lists(CHANGE, max_size=40))
def test_an_index_is_always_what_a_scan_would_find(changes: list[tuple[str, str, str]]) -> None:
    store = Store(indexes={"site": by_site})
    for version, (kind, name, site) in enumerate(changes, start=1):
        obj = work(name, version, site=site)
        changed: dict[str, Callable[[ManifestWork], object]] = {
            "upsert": store.upsert,
            "delete": store.delete,
            "answer": store.put_newer,
            "list": lambda obj: store.replace([obj], obj.metadata.resource_version),
        }
        changed[kind](obj)

        scan = {site: {o.metadata.name for o in store if by_site(o) == [site]} for site in "xy"}
        found = {site: {o.metadata.name for o in store.by("site", site)} for site in "xy"}
        assert found == scan
