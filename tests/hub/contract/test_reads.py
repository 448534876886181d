"""Lists, pages and watches."""

import pytest
from msgspec import json

from ibgu.hub.authorization.rights import Right, refused
from ibgu.hub.errors import HubError
from ibgu.hub.watching.watch import INITIAL_END
from tests.hub.contract.conftest import END, Edge, Json, version


def names(items: list[Json]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def told(events: list[Json]) -> list[tuple[str, str]]:
    """Type and name of each event, bookmarks apart."""
    return [
        (event["type"], event["object"]["metadata"]["name"])
        for event in events
        if event["type"] != "BOOKMARK"
    ]


async def test_a_list_is_in_the_order_of_names(edge: Edge) -> None:
    for name in ("b", "a", "c"):
        await edge.make(name)
    listed = await edge.send("GET", edge.works)

    assert listed["kind"] == "ManifestWorkList"
    assert names(listed["items"]) == ["a", "b", "c"]
    assert version(listed) >= max(version(item) for item in listed["items"])


async def test_a_list_is_selected_by_labels(edge: Edge) -> None:
    await edge.make("a", labels={"x": "1", "y": "1"})
    await edge.make("b", labels={"x": "1"})
    await edge.make("c")

    for selector, wanted in [
        ("x=1", ["a", "b"]),
        ("x=1,y=1", ["a"]),
        ("x", ["a", "b"]),
        ("!x", ["c"]),
        ("x!=1", ["c"]),
    ]:
        listed = await edge.send("GET", edge.works, labelSelector=selector)
        assert names(listed["items"]) == wanted, selector


async def test_pages_show_one_moment(edge: Edge) -> None:
    for name in ("a", "b", "c"):
        await edge.make(name)
    first = await edge.send("GET", edge.works, limit="2")
    await edge.send("DELETE", edge.work("c"))
    await edge.make("d")
    token = {"continue": first["metadata"]["continue"]}
    second = await edge.send("GET", edge.works, limit="2", **token)

    assert names(first["items"]) == ["a", "b"]
    assert names(second["items"]) == ["c"]
    assert version(first) == version(second)
    assert not second["metadata"].get("continue")


async def test_a_token_that_is_none(edge: Edge) -> None:
    error = await edge.refused("GET", edge.works, **{"limit": "2", "continue": "abc"})

    assert error.status == 400
    assert error.message.startswith("invalid continue token")


async def test_a_watch_sends_changes_after_a_version(edge: Edge) -> None:
    made = await edge.make("a")
    await edge.make("b")
    await edge.send("PATCH", edge.work("a"), {"metadata": {"labels": {"x": "1"}}})
    await edge.send("DELETE", edge.work("b"))
    events = await edge.watch(edge.works, resourceVersion=str(version(made)))

    assert told(events) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    versions = [version(event["object"]) for event in events]
    assert versions == sorted(versions)
    assert versions[0] > version(made)


async def test_an_object_that_leaves_the_selection_is_deleted_as_it_was(edge: Edge) -> None:
    made = await edge.make("a", labels={"x": "1"})
    left = await edge.send("PATCH", edge.work("a"), {"metadata": {"labels": {"x": "2"}}})
    await edge.send("PATCH", edge.work("a"), {"metadata": {"labels": {"x": "1"}}})
    since = str(version(made))
    events = await edge.watch(edge.works, resourceVersion=since, labelSelector="x=1")

    assert told(events) == [("DELETED", "a"), ("ADDED", "a")]
    assert events[0]["object"]["metadata"]["labels"] == {"x": "1"}
    assert version(events[0]["object"]) == version(left)


async def test_one_name_is_selected_by_its_field(edge: Edge) -> None:
    made = await edge.make("a")
    await edge.make("b")
    listed = await edge.send("GET", edge.works, fieldSelector="metadata.name=b")
    assert names(listed["items"]) == ["b"]

    last = f"metadata.name={END}"
    events = await edge.watch(edge.works, resourceVersion=str(version(made)), fieldSelector=last)
    assert events == []


async def test_a_field_that_selects_nothing(edge: Edge) -> None:
    error = await edge.refused("GET", edge.works, fieldSelector="spec.executor=a")
    assert (error.status, error.reason) == (400, "BadRequest")
    assert "field label not supported: spec.executor" in error.message


async def test_a_deletion_that_a_finalizer_held_is_two_events(edge: Edge) -> None:
    made = await edge.make("a", finalizers=["x/y"])
    await edge.send("DELETE", edge.work("a"))
    await edge.send("PATCH", edge.work("a"), {"metadata": {"finalizers": []}})
    events = await edge.watch(edge.works, resourceVersion=str(version(made)))

    assert told(events) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert events[0]["object"]["metadata"]["finalizers"] == ["x/y"]
    assert events[1]["object"]["metadata"]["finalizers"] == ["x/y"]
    assert version(events[1]["object"]) > version(events[0]["object"])


async def test_a_watch_without_a_version_begins_with_what_is_there(edge: Edge) -> None:
    await edge.make("a")

    assert told(await edge.watch(edge.works)) == [("ADDED", "a")]
    assert told(await edge.watch(edge.works, resourceVersion="0")) == [("ADDED", "a")]


async def test_a_streaming_list_says_where_it_ends(edge: Edge) -> None:
    for name in ("a", "b"):
        await edge.make(name, labels={"x": "1"})
    events = await edge.watch(
        edge.works,
        labelSelector="x=1",
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )

    assert sorted(told(events)) == [("ADDED", "a"), ("ADDED", "b")]
    last = events[-1]
    assert last["type"] == "BOOKMARK"
    assert last["object"]["kind"] == "ManifestWork"
    assert last["object"]["metadata"]["annotations"] == {INITIAL_END: "true"}
    assert version(last["object"]) >= version(events[0]["object"])


async def test_a_streaming_list_needs_to_say_how(edge: Edge) -> None:
    with pytest.raises(HubError) as caught:
        await edge.watch(edge.works, sendInitialEvents="true")
    assert caught.value.status == 422


async def test_a_version_that_is_forgotten_is_an_event(edge: Edge) -> None:
    edge.age()
    [event] = await edge.watch(edge.works, resourceVersion="1")

    assert event["type"] == "ERROR"
    assert event["object"]["code"] == 410
    assert event["object"]["reason"] == "Expired"
    assert event["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_watch_goes_on_while_things_happen(edge: Edge) -> None:
    made = await edge.make("a")
    query = {"watch": "true", "resourceVersion": str(version(made))}
    async with edge.client.stream(edge.works, query=query, timeout=20) as lines:
        await edge.make("b")
        first = json.decode(await anext(lines))
        await edge.send("DELETE", edge.work("b"))
        second = json.decode(await anext(lines))

    assert told([first, second]) == [("ADDED", "b"), ("DELETED", "b")]


async def test_a_watch_ends_when_it_was_asked_to(edge: Edge) -> None:
    query = {"watch": "true", "timeoutSeconds": "1"}
    async with edge.client.stream(edge.works, query=query, timeout=20) as lines:
        assert [line async for line in lines] == []


async def test_a_silent_watch_is_given_up(edge: Edge) -> None:
    query = {"watch": "true", "timeoutSeconds": "20"}
    with pytest.raises(HubError) as caught:
        async with edge.client.stream(edge.works, query=query, timeout=0.3) as lines:
            await anext(lines)

    assert (caught.value.status, caught.value.reason) == (0, "Timeout")


async def test_a_watch_goes_on_where_its_list_ended(edge: Edge) -> None:
    await edge.make("a", labels={"x": "1"})
    listed = await edge.send("GET", edge.works, labelSelector="x=1")
    await edge.make("b", labels={"x": "1"})
    await edge.send("PATCH", edge.work("a"), {"metadata": {"labels": {"x": "2"}}})
    since = str(version(listed))
    events = await edge.watch(edge.works, resourceVersion=since, labelSelector="x=1")

    assert told(events) == [("ADDED", "b"), ("DELETED", "a")]


async def test_the_hub_has_a_version_and_a_uid(edge: Edge) -> None:
    version_ = await edge.send("GET", "/version")
    system = await edge.send("GET", "/api/v1/namespaces/kube-system")

    assert version_["major"] == "1"
    assert int(version_["minor"]) >= 34
    assert len(system["metadata"]["uid"]) == 36


async def test_an_admin_is_refused_no_right(edge: Edge) -> None:
    right = Right("patch", "work.open-cluster-management.io", "manifestworks")
    assert await refused(edge.client, [right]) == []
