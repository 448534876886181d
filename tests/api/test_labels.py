"""Members, clusters and the grid by the labels of their ManagedClusters."""

from typing import Any

import pytest

from ibgu.api.context import Context
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from tests.api.conftest import Ask
from tests.api.fleet import fleet

ROLLOUT = "rollouts/default/ran-r1"
LABELS = {
    "a": {"region": "north", "ring": "1"},
    "b": {"region": "north", "ring": "2"},
    "c": {"region": "south", "canary": ""},
}


@pytest.fixture(autouse=True)
async def labelled(journal: Journal, context: Context) -> None:
    """Nothing is known of the other clusters."""
    await fleet(journal)
    store = LabelStore(context.engine, context.hub)
    await store.put([seen(name, labels) for name, labels in LABELS.items()], 1)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("region=north", ["a", "b", "a", "b"]),
        ("region!=north", ["c"]),
        ("region in (north,south),!canary,ring=2", ["b", "b"]),
        (" ", ["a", "b", "c", "d", "e", "f", "a", "b", "g"]),
    ],
)
async def test_members_are_filtered_by_label(ask: Ask, label: str, expected: list[str]) -> None:
    items = (await ask("alice", f"{ROLLOUT}/members", label=label)).json()["items"]
    assert [each["cluster"] for each in items] == expected


async def test_with_other_filters_and_in_pages(ask: Ask) -> None:
    async def page(**query: Any) -> dict[str, Any]:
        asked = {"label": "region", "step": 1, "limit": 1} | query
        found: dict[str, Any] = (await ask("alice", f"{ROLLOUT}/members", **asked)).json()
        return found

    first = await page()
    second = await page(cursor=first["nextCursor"])
    third = await page(cursor=second["nextCursor"])
    pages = (first, second, third)
    assert [each["cluster"] for found in pages for each in found["items"]] == ["a", "b", "c"]
    assert third["nextCursor"] is None
    assert [each["cluster"] for each in (await page(outcome="failed"))["items"]] == ["c"]


async def test_clusters_and_the_grid(ask: Ask) -> None:
    names = (await ask("alice", "clusters", label="ring")).json()["items"]
    assert names == ["a", "b"]
    cells = (await ask("alice", f"{ROLLOUT}/grid", label="ring notin (2)")).json()
    assert (cells["clusters"], cells["states"]) == (["a"], ["rebooting"])


async def test_a_cluster_shows_its_labels(ask: Ask) -> None:
    assert (await ask("alice", "clusters/a")).json()["labels"] == LABELS["a"]
    assert (await ask("alice", "clusters/g")).json()["labels"] is None


@pytest.mark.parametrize("path", [f"{ROLLOUT}/members", f"{ROLLOUT}/grid", "clusters"])
async def test_invalid_selectors_and_forbidden_callers_are_refused(ask: Ask, path: str) -> None:
    wrong = await ask("alice", path, label="region north")
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "label"
    assert wrong.json()["detail"].startswith('label: "north" after "region": write it like a=b')
    # bob may read the rollout, and no ManagedClusters.
    refused = await ask("bob", path, label="region=north")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("bob may not list managedclusters")
    own = {"namespace": "default"} if path == "clusters" else {}
    assert (await ask("bob", path, **own)).status_code == 200
