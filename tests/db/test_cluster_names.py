"""Names of clusters: of all rollouts, of one, of some namespaces; each once, in order, in pages."""

from collections.abc import Collection

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model.kinds import LabelSelector
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from ibgu.db.reads import Reads
from tests.db.conftest import HUB
from tests.db.records import members, opening, rollout, step

NORTH = LabelSelector(match_labels={"region": "north"})


@pytest.fixture
async def reads(journal: Journal, db: AsyncEngine) -> Reads:
    """`x` in two namespaces, `b` in three rollouts, `a` and `c` in two steps of one."""
    for uid, namespace, steps in (
        ("r1", "default", [("c", "a", "b"), ("c", "a")]),
        ("r2", "default", [("x", "b")]),
        ("r3", "edge", [("b", "x", "y")]),
        ("r4", "far", [("z",)]),
    ):
        one = rollout(uid, namespace=namespace)
        for index, names in enumerate(steps):
            its_step = step(one, index)
            await journal.commit(opening(one, its_step, waiting=members(its_step, *names)))
    labels = [seen(name, {"region": "north"}) for name in ("b", "y", "z")]
    await LabelStore(db, HUB).put(labels, 1)
    return Reads(db, HUB)


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (None, "abcxyz"),
        (["default", "edge", "far"], "abcxyz"),
        (["default"], "abcx"),
        (["edge"], "bxy"),
        (["default", "far"], "abcxz"),
        (["nowhere"], ""),
        ([], ""),
    ],
)
async def test_cluster_names_are_filtered_by_namespaces(
    reads: Reads, namespaces: Collection[str] | None, expected: str
) -> None:
    assert "".join((await reads.clusters(namespaces=namespaces)).items) == expected
    found, page = "", await reads.clusters(namespaces=namespaces, limit=2)
    while page.next is not None:
        found += "".join(page.items)
        page = await reads.clusters(namespaces=namespaces, limit=2, cursor=page.next)
    assert found + "".join(page.items) == expected


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [(None, "byz"), (["edge"], "by"), (["default"], "b"), (["default", "edge", "far"], "byz")],
)
async def test_cluster_names_are_filtered_by_label(
    reads: Reads, namespaces: Collection[str] | None, expected: str
) -> None:
    found = await reads.clusters(namespaces=namespaces, label=NORTH)
    assert "".join(found.items) == expected


async def test_cluster_names_are_filtered_by_prefix_and_rollout(reads: Reads) -> None:
    assert (await reads.clusters(namespaces=["edge"], prefix="x")).items == ("x",)
    assert (await reads.clusters(namespaces=["edge"], prefix="c")).items == ()
    assert (await reads.clusters(rollout="r1", namespaces=["edge"])).items == ("a", "b", "c")
    assert (await reads.clusters(rollout="r3", label=NORTH)).items == ("b", "y")
