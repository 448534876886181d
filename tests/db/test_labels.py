"""Labels of clusters in the journal, and members that are found by them."""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.plan import matches, parse_selector
from ibgu.db import Journal
from ibgu.db.errors import LeadershipLost
from ibgu.db.labels import MAX_BYTES, LabelStore, seen
from ibgu.db.reads import Reads
from tests.api.fleet import open_step, put, rollout
from tests.api.fleet import seen as shown
from tests.db.conftest import HUB
from tests.db.records import member, step

CLUSTERS: Mapping[str, Mapping[str, str]] = {
    "empty": {},
    "north-1": {"region": "north", "ring": "1"},
    "north-2": {"region": "north", "ring": "2", "canary": ""},
    "odd": {"region": "", "a.b/c": "x'\"%\\"},
    "south-1": {"region": "south", "ring": "1", "canary": "yes"},
}
"""Clusters in the order of names; `unknown` is a member too."""


@pytest.fixture
async def reads(db: AsyncEngine, journal: Journal) -> Reads:
    one = rollout()
    await shown(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    names = [*CLUSTERS, "unknown"]
    await put(journal, *(member(prep, name, place) for place, name in enumerate(names)))
    store = LabelStore(db, HUB)
    await store.put([seen(name, labels) for name, labels in CLUSTERS.items()], 1)
    await LabelStore(db, "hub-2").digests()
    return Reads(db, HUB)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("region=north", "north-1 north-2"),
        ("region!=north", "empty odd south-1"),
        ("region in (north,south),ring=1", "north-1 south-1"),
        ("ring notin (1)", "empty north-2 odd"),
        ("canary", "north-2 south-1"),
        ("!canary", "empty north-1 odd"),
        ("region=", "odd"),
        ("region in (,south)", "odd south-1"),
        ("a.b/c", "odd"),
        ("nothing=x", ""),
    ],
)
async def test_members_cells_and_names_by_label(reads: Reads, told: str, expected: str) -> None:
    label = parse_selector(told)
    wanted = expected.split()
    assert [
        each.member.cluster for each in (await reads.members("r1", label=label)).items
    ] == wanted
    for asked in ({}, {"rollout": "r1"}, {"namespaces": ["default"]}):
        assert list((await reads.clusters(label=label, **asked)).items) == wanted
    assert [cell[0] for cell in (await reads.grid("r1", 0, label)).cells] == wanted
    first = await reads.members("r1", label=label, limit=1)
    rest = await reads.members("r1", label=label, cursor=first.next) if first.next else first
    assert len(first.items) + len(rest.items) * bool(first.next) == len(wanted)


KEYS, VALUES = st.sampled_from(["region", "ring", "a.b/c", "none"]), ["north", "1", "", "x'\"%\\"]
REQUIREMENTS = st.one_of(
    st.builds(
        LabelRequirement,
        KEYS,
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
    ),
    st.builds(LabelRequirement, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)


async def test_sql_says_what_the_core_says(reads: Reads) -> None:
    selectors: list[LabelSelector] = []

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.builds(
            LabelSelector,
            st.dictionaries(KEYS, st.sampled_from(VALUES), max_size=1),
            st.lists(REQUIREMENTS, max_size=3),
        )
    )
    def drawn(selector: LabelSelector) -> None:
        selectors.append(selector)

    drawn()
    for selector in selectors:
        found = (await reads.clusters(label=selector)).items
        assert list(found) == [n for n, labels in CLUSTERS.items() if matches(selector, labels)]


async def test_only_who_leads_writes(
    db: AsyncEngine, leading: Callable[..., object], reads: Reads
) -> None:
    store = LabelStore(db, HUB)
    with pytest.raises(LeadershipLost):
        await store.put([seen("north-1", {})], 2)
    await store.drop(["north-1"], 2)
    assert set(await store.digests()) == set(CLUSTERS)
    assert (await reads.cluster("north-1")).labels == CLUSTERS["north-1"]


async def test_labels_of_a_deleted_cluster_are_kept_for_its_rollouts(
    db: AsyncEngine, reads: Reads
) -> None:
    store = LabelStore(db, HUB)
    await store.put([seen("nobody", {"region": "north"})], 1)
    await store.drop(["nobody", "north-1"], 1)
    assert set(await store.digests()) == set(CLUSTERS) - {"north-1"}
    known = await reads.labels(["nobody", "north-1", "north-2"])
    assert known == {
        "north-1": (CLUSTERS["north-1"], False),
        "north-2": (CLUSTERS["north-2"], True),
    }
    await store.put([seen("north-1", {})], 1)
    assert (await reads.labels(["north-1"]))["north-1"] == ({}, True)


async def test_oversized_labels_are_not_kept(db: AsyncEngine, reads: Reads) -> None:
    many = {f"label-{n}": "x" * 60 for n in range(MAX_BYTES // 60)}
    await LabelStore(db, HUB).put([seen("odd", many)], 1)
    assert (await reads.cluster("odd")).labels is None
    assert "odd" not in (await reads.clusters(label=parse_selector("!canary"))).items
    assert (await reads.cluster("unknown")).labels is None


def test_the_digest_does_not_depend_on_the_order() -> None:
    one, two = seen("a", {"x": "1", "y": "2"}), seen("a", {"y": "2", "x": "1"})
    assert one == two
    assert one.digest != seen("a", {"x": "1", "y": "3"}).digest


async def test_pages_of_many_are_whole_whatever_their_order_on_disk(
    db: AsyncEngine, journal: Journal
) -> None:
    """A join has an order of its own, by which the cursor would lose and repeat names."""
    one = rollout()
    await shown(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    names = [f"site-{n:04}" for n in range(1500)]
    await put(journal, *(member(prep, name, place) for place, name in enumerate(names)))
    mixed = sorted(names, key=lambda name: sha256(name.encode()).digest())
    store = LabelStore(db, HUB)
    await store.put([seen(name, {"ring": name[-1]}) for name in mixed], 1)
    async with db.begin() as connection:
        await connection.execute(text("ANALYZE members, cluster_labels, rollouts, steps"))
    reads, label = Reads(db, HUB), parse_selector("ring in (1,2)")
    wanted = [name for name in names if name[-1] in "12"]
    for asked in ({}, {"rollout": "r1"}, {"namespaces": ["default"]}):
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await reads.clusters(label=label, limit=40, cursor=cursor, **asked)
            found += page.items
            if (cursor := page.next) is None:
                break
        assert found == wanted, asked


async def test_label_writes_of_a_deposed_leader_wait_and_fail(
    db: AsyncEngine, journal: Journal
) -> None:
    """An older leader's labels could otherwise come after its successor has read what is there."""
    store = LabelStore(db, HUB)
    async with db.begin() as newer:
        await newer.execute(text("UPDATE hubs SET epoch = epoch + 1"))
        late = asyncio.create_task(store.put([seen("a", {})], 1))
        gone = asyncio.create_task(store.drop(["a"], 1))
        assert not (await asyncio.wait({late, gone}, timeout=0.3))[0]
    with pytest.raises(LeadershipLost):
        await late
    await gone
