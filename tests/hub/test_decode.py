"""The reading of damaged answers."""

import pytest
from msgspec import json

from ibgu.core.model.kinds import ManifestWork
from ibgu.hub.client import HubError
from ibgu.hub.decode import BadObject, decode_page
from ibgu.hub.watching.initial import InitialList
from ibgu.hub.watching.watch import Bookmark, Event, read_echo, read_event

PATH = "/works"


def read(line: bytes) -> Event:
    return read_event(PATH, line, ManifestWork, lambda bad: None)


@pytest.mark.parametrize("data", [b"", b'{"items":[{"meta', b"<html>"])
def test_a_page_that_is_cut_is_malformed(data: bytes) -> None:
    with pytest.raises(HubError) as caught:
        decode_page(PATH, data, ManifestWork, lambda bad: None)

    assert caught.value.reason == "Malformed"
    assert not caught.value.transient


def test_an_empty_list_may_be_null() -> None:
    page = decode_page(
        PATH, b'{"metadata":{"resourceVersion":"5"},"items":null}', ManifestWork, None
    )
    assert page.items is None
    assert page.metadata.resource_version == "5"


def test_an_object_without_any_metadata_is_reported_unnamed() -> None:
    reported: list[BadObject] = []
    data = b'{"metadata":{"resourceVersion":"5"},"items":[{"metadata":7}]}'
    page = decode_page(PATH, data, ManifestWork, reported.append)

    assert page.items == []
    assert "object unnamed is malformed" in str(reported[0])


def test_changes_during_a_streaming_list_are_applied() -> None:
    initial: InitialList[ManifestWork] = InitialList()
    for line in (
        b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"b"}}}',
        b'{"type":"MODIFIED","object":{"metadata":{"name":"b"},"status":7}}',
        b'{"type":"DELETED","object":{"metadata":{"name":"a"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"c"}}}',
    ):
        initial.event(read(line))

    assert set(initial.objects) == {("", "c")}
    assert initial.unread == {("", "b")}


def test_a_bookmark_needs_no_name() -> None:
    line = (
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9",'
        b'"annotations":{"k8s.io/initial-events-end":"true"}}}}'
    )
    event = read(line)
    assert isinstance(event, Bookmark)
    assert event.initial_end


def test_an_error_event_is_the_error_it_says() -> None:
    line = b'{"type":"ERROR","object":{"status":"Failure","code":410,"reason":"Expired"}}'
    with pytest.raises(HubError) as caught:
        read(line)
    assert caught.value.gone


def event_line(kind: str, version: str, name: str = "a", **annotations: str) -> bytes:
    metadata = {"annotations": annotations, "name": name, "resourceVersion": version}
    return json.encode({"type": kind, "object": {"metadata": metadata}})


def answered(version: str) -> tuple[str, str] | None:
    return ("", "a") if version == "7" else None


def test_an_event_of_what_an_answer_has_brought_is_an_echo() -> None:
    echo = read_echo(event_line("MODIFIED", "7"), answered)

    assert echo is not None
    assert (echo.metadata.name, echo.metadata.resource_version) == ("a", "7")


@pytest.mark.parametrize(
    "line",
    [
        event_line("MODIFIED", "8"),
        event_line("DELETED", "7"),
        event_line("MODIFIED", "7", name="b"),
        event_line("MODIFIED", "8", resourceVersion="7"),
        event_line("MODIFIED", "7")[:-3],
        b"gibberish",
        b"",
    ],
)
def test_no_other_event_is_one(line: bytes) -> None:
    assert read_echo(line, answered) is None
