"""One bad object never stops a watch: whatever comes, it is read, reported or answered in words."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.works import view_work
from ibgu.core.model.kinds import ManagedCluster, ManifestWork, RolloutObject
from ibgu.core.model.shown import view_cluster
from ibgu.core.plan import problem, problem_of
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.decode import BadObject, ListPage, decode_answer, decode_page
from ibgu.hub.errors import HubError, read_error
from ibgu.hub.lenient import MAX_DEPTH, repaired
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store
from ibgu.hub.watching.watch import Upsert, read_event
from tests.hub.conftest import COLLECTION, Fault, ScriptedHub
from tests.security.garbage import SAMPLES, bytes_of, spoilt

KINDS = list(SAMPLES)
DEEP = [b"[" * depth + b"]" * depth for depth in (900, 5_000, 100_000)]


def looked_at(obj: Any) -> None:
    """Does what the controller does with whatever decodes."""
    match obj:
        case ManifestWork():
            view_work(IBU, obj)
        case ManagedCluster():
            view_cluster(obj)
        case RolloutObject():
            problem(obj.spec.plan, [])
            problem_of(obj.spec.cluster_label_selectors)


def read(kind: type, line: bytes) -> list[BadObject]:
    bad: list[BadObject] = []
    with suppress(HubError):
        event = read_event("/path", line, kind, bad.append)
        if isinstance(event, Upsert):
            looked_at(event.obj)
    assert all(map(str, bad))
    return bad


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=150)
def test_any_line_of_a_watch(kind: type, data: st.DataObject) -> None:
    types = st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "", "?"])
    event = st.fixed_dictionaries({"type": types, "object": spoilt(SAMPLES[kind])})
    read(kind, data.draw(bytes_of(event)))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=100)
def test_any_page_of_a_list(kind: type, data: st.DataObject) -> None:
    """The good ones are kept, whatever is beside them."""
    bad: list[BadObject] = []
    odd = data.draw(spoilt(SAMPLES[kind]))
    page = {"metadata": {"resourceVersion": "1"}, "items": [odd, SAMPLES[kind]]}
    found: ListPage[Any] = decode_page("/path", json.dumps(page).encode(), kind, bad.append)
    assert len(found.items or ()) + len(bad) == 2
    for obj in found.items or ():
        looked_at(obj)
    cut = data.draw(bytes_of(st.just(page)))
    with suppress(HubError):
        decode_page("/path", cut, kind, bad.append)


@given(status=st.integers(300, 599), body=st.one_of(st.binary(), bytes_of(st.just({"code": 1}))))
def test_any_answer_that_is_an_error(status: int, body: bytes) -> None:
    error = read_error(status, "phrase", body, None, method="GET", path="/path")
    assert error.status == status
    assert str(error)


@pytest.mark.parametrize("body", [b'{"message": "Zeit\xfcberschreitung"}', b'{"a":' * 5000])
def test_an_undecodable_answer_of_a_proxy_is_an_error_with_a_message(body: bytes) -> None:
    error = read_error(502, "Bad Gateway", body, None, method="GET", path="/path")
    assert error.transient
    assert error.message


@pytest.mark.parametrize("deep", DEEP, ids=len)
@pytest.mark.parametrize("kind", KINDS)
def test_depth_where_nothing_is_read_costs_nothing(kind: type, deep: bytes) -> None:
    """A ManifestWork may carry anything, and it is fine."""
    line = json.dumps({"type": "ADDED", "object": SAMPLES[kind] | {"carried": 7}}).encode()
    event = read_event("/path", line.replace(b"7", deep), kind, lambda bad: None)
    assert isinstance(event, Upsert)
    assert event.metadata.name == "a"


@pytest.mark.parametrize("deep", DEEP, ids=len)
def test_depth_where_something_is_read_is_reported_by_name(deep: bytes) -> None:
    sample = SAMPLES[RolloutObject] | {"spec": {"plan": 7}}
    line = json.dumps({"type": "ADDED", "object": sample}).encode().replace(b"7", deep)
    (bad,) = read(RolloutObject, line)
    assert "object spoke/a is malformed" in str(bad)


def test_bytes_that_are_no_text_cost_only_themselves() -> None:
    line = json.dumps({"type": "ADDED", "object": SAMPLES[ManifestWork]}).encode()
    event = read_event("/p", line.replace(b"Prep", b"Pr\xff"), ManifestWork, lambda bad: None)
    assert isinstance(event, Upsert)
    (entry,) = event.obj.status.resource_status.manifests
    assert entry.status_feedback.values[0].field_value.string == "Pr\N{REPLACEMENT CHARACTER}"


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x, max_size=3)))
def test_valid_json_is_not_changed_by_repair(value: Any) -> None:
    data = json.dumps(value).encode()
    assert repaired(data) == data


@given(st.integers(1, 3 * MAX_DEPTH), st.sampled_from(["[", '{"a":']))
def test_json_cut_by_depth_is_still_valid(depth: int, opened: str) -> None:
    closed = ("]" if opened == "[" else "}") * depth
    shown = json.loads(repaired(f'{{"x": {opened * depth}"]}}\\"["{closed}, "y": "["}}'.encode()))
    assert shown["y"] == "["
    assert ("null" in json.dumps(shown)) is (depth >= MAX_DEPTH)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", DEEP[1], b'{"kind": "Status"}'])
def test_an_answer_that_does_not_decode_is_none(body: bytes) -> None:
    assert decode_answer(body, ManagedCluster) is None


BAD_LINES = [
    b"\xff\xfe\n",
    b'{"type":"MODIFIED","object":{"metadata":{"name":"\xff"}}}\n',
    b'{"type":"MODIFIED","object":{"metadata":{"name":"bad"},"status":7}}\n',
    b'{"type":"MODIFIED","object":{"metadata":{"name":"x"},"y":' + DEEP[1] + b"}}\n",
    b'{"type":"MODIFIED","object":' + b"[" * 5000 + b"\n",
    b'{"type":"?","object":null}\n',
    b"null\n",
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: repr(line[:40]))
async def test_a_reflector_lives_through_it(line: bytes) -> None:
    hub = ScriptedHub()
    await hub.start()
    await hub.put("first")
    hub.faults.append(Fault("watch", line=line))
    store: Store[ManifestWork] = Store()
    timing = Timing(backoff=Backoff(first=0.001, longest=0.01))
    async with await HubClient.with_token(hub.url, "t", None) as client:
        reflector = Reflector(
            client, WatchedKind(COLLECTION, ManifestWork, whole), store, timing=timing
        )
        running = asyncio.create_task(reflector.run())
        async with asyncio.timeout(120):
            await reflector.synced.wait()
            await hub.put("second")
            while store.get(("spoke", "second")) is None or not reflector.in_sync:
                assert not running.done()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
    await hub.stop()
