"""The hub in memory and its past, when only a part of it is forgotten."""

from typing import Any

import pytest
from msgspec import json

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.answers import RefusedRequest
from ibgu.sim.hub.server import ServedRequest
from ibgu.sim.hub.watch import Watch

NAMESPACES = "/api/v1/namespaces"


def ask(hub: MemoryHub, method: str, path: str, body: Any = None, **query: str) -> JsonObject:
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    data = None if body is None else json.encode(body)
    answer: JsonObject = json.decode(hub.handle(ServedRequest(method, path, query, data, content)))
    return answer


def create(hub: MemoryHub, name: str, **labels: str) -> int:
    meta = {"name": name, "labels": labels}
    made = ask(hub, "POST", NAMESPACES, {"kind": "Namespace", "metadata": meta})
    return int(made["metadata"]["resourceVersion"])


def told(watch: Watch) -> list[tuple[str, str, str]]:
    """Type, name and resourceVersion of each event."""
    events = [json.decode(line) for line in watch.lines]
    metas = [(event["type"], event["object"]["metadata"]) for event in events]
    return [(kind, meta.get("name", ""), meta.get("resourceVersion", "")) for kind, meta in metas]


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub(now=lambda: 0.0)


def test_a_list_goes_on_until_its_moment_is_forgotten(hub: MemoryHub) -> None:
    first = ask(hub, "GET", NAMESPACES, limit="2")
    meta = first["metadata"]
    listed, token = int(meta["resourceVersion"]), meta["continue"]
    create(hub, "later")

    hub.compact(listed - 1)
    second = ask(hub, "GET", NAMESPACES, **{"limit": "2", "continue": token})
    hub.compact(listed)

    assert "later" not in [item["metadata"]["name"] for item in second["items"]]
    with pytest.raises(RefusedRequest) as caught:
        ask(hub, "GET", NAMESPACES, **{"limit": "2", "continue": token})
    assert caught.value.code == 410


def test_a_watch_goes_on_from_what_is_not_forgotten(hub: MemoryHub) -> None:
    first, second, third = (create(hub, name) for name in ("a", "b", "c"))

    hub.compact(second)

    assert told(hub.watch(NAMESPACES, {"resourceVersion": str(second)})) == [
        ("ADDED", "c", str(third))
    ]
    [(kind, _, _)] = told(hub.watch(NAMESPACES, {"resourceVersion": str(first)}))
    assert kind == "ERROR"


def test_an_object_leaving_a_selection_is_sent_as_deleted(hub: MemoryHub) -> None:
    """The history tells it later, too."""
    made = create(hub, "a", fleet="x")
    before = {"resourceVersion": str(made), "labelSelector": "fleet=x"}
    live = hub.watch(NAMESPACES, before)

    changed = ask(hub, "PATCH", f"{NAMESPACES}/a", {"metadata": {"labels": {"fleet": "y"}}})
    later = hub.watch(NAMESPACES, before)

    version = changed["metadata"]["resourceVersion"]
    assert told(live) == told(later) == [("DELETED", "a", version)]
    assert json.decode(live.lines[0])["object"]["metadata"]["labels"] == {"fleet": "x"}
