"""The controller keeps clusters' labels in the journal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.controller.journal.labels import BATCH, LabelKeeper
from ibgu.db import Journal
from ibgu.db.labels import LabelStore
from ibgu.db.reads import Reads
from tests.db.proxy import proxied

HUB = "hub-1"


class Fleet(dict[str, dict[str, str]]):
    """Labels by cluster, as a mirror answers them."""


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    pool = db.engine(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
async def keeper(engine: AsyncEngine) -> AsyncIterator[LabelKeeper]:
    keeper = LabelKeeper(engine, HUB, every=0.01)
    yield keeper
    await keeper.stop()


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    while not await so():  # noqa: ASYNC110 - of a database
        await asyncio.sleep(0.01)


async def noted(engine: AsyncEngine, count: int) -> bool:
    return len(await LabelStore(engine, HUB).digests()) == count


async def said(logs: Sequence[object]) -> bool:
    return bool(logs)


async def kept(engine: AsyncEngine, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Waits until these, and no others, are in the journal."""
    reads, store = Reads(engine, HUB), LabelStore(engine, HUB)

    async def so() -> bool:
        if set(await store.digests()) != set(wanted):
            return False
        found = {name: (await reads.cluster(name)).labels for name in wanted}
        return found == wanted

    await until(so)


async def test_labels_are_stored_at_the_start_and_on_each_change(
    engine: AsyncEngine, keeper: LabelKeeper
) -> None:
    fleet = Fleet({f"site-{n}": {"n": str(n)} for n in range(BATCH + 1)})
    epoch = await Journal(engine, HUB).lead("test")
    keeper.lead(epoch, fleet.get, fleet)
    await until(lambda: noted(engine, len(fleet)))
    for name in [name for name in fleet if name != "site-7"]:
        del fleet[name]
        keeper.changed(name)
    fleet["site-7"] = {"region": "north"}
    fleet["new"] = {}
    keeper.changed("site-7")
    keeper.changed("new")
    await kept(engine, fleet)


async def test_the_next_leader_stores_labels_changed_in_between(
    engine: AsyncEngine, keeper: LabelKeeper
) -> None:
    fleet = Fleet(a={"x": "1"}, b={}, c={})
    epoch = await Journal(engine, HUB).lead("test")
    keeper.lead(epoch, fleet.get, fleet)
    await kept(engine, fleet)
    keeper.rest()
    keeper.changed("a")
    newer = Fleet(a={"x": "2"}, b={})
    successor = LabelKeeper(engine, HUB, every=0.01)
    successor.lead(await Journal(engine, HUB).lead("other"), newer.get, newer)
    await kept(engine, newer)
    await successor.stop()


async def test_an_older_leader_writes_nothing_more(
    engine: AsyncEngine, keeper: LabelKeeper
) -> None:
    fleet = Fleet(a={"x": "1"})
    epoch = await Journal(engine, HUB).lead("test")
    keeper.lead(epoch, fleet.get, fleet)
    await kept(engine, fleet)
    await Journal(engine, HUB).lead("other")
    before, fleet["a"] = Fleet(fleet), {"x": "2"}
    keeper.changed("a")
    for _ in range(20):
        await asyncio.sleep(0.01)
    await kept(engine, before)


async def test_a_journal_that_is_away_delays_them(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibgu.controller.journal.labels.RETRY", 0.01)
    fleet = Fleet(a={"x": "1"})
    epoch = await Journal(engine, HUB).lead("test")
    async with proxied(database_url, tmp_path) as (proxy, url):
        through = db.engine(url)
        proxy.drop = b"cluster_labels"
        keeper = LabelKeeper(through, HUB, every=0.01)
        with structlog.testing.capture_logs() as logs:
            keeper.lead(epoch, fleet.get, fleet)
            await until(lambda: said(logs))
        proxy.drop = b""
        await kept(engine, fleet)
        await keeper.stop()
        await through.dispose()
    assert logs[0]["event"] == "will store clusters' labels later"


async def test_labels_that_the_database_refuses_do_not_stop_others(
    engine: AsyncEngine, keeper: LabelKeeper
) -> None:
    fleet = Fleet({f"site-{n}": {"n": str(n)} for n in range(9)})
    refused = Fleet(fleet, bad={"x": "\0"})
    epoch = await Journal(engine, HUB).lead("test")
    with structlog.testing.capture_logs() as logs:
        keeper.lead(epoch, refused.get, refused)
        await kept(engine, fleet)
        await until(lambda: said(logs))
    assert [(log["event"], log["cluster"]) for log in logs] == [("can't store labels", "bad")]


async def test_a_mistake_does_not_end_it(
    engine: AsyncEngine, keeper: LabelKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibgu.controller.journal.labels.RETRY", 0.01)
    fleet = Fleet(a={"x": "1"})
    odd = Fleet(a={"x": object()})  # type: ignore[dict-item]
    epoch = await Journal(engine, HUB).lead("test")
    with structlog.testing.capture_logs() as logs:
        keeper.lead(epoch, lambda name: (fleet if logs else odd).get(name), fleet)
        await kept(engine, fleet)
    assert logs[0]["event"] == "will store clusters' labels later"
