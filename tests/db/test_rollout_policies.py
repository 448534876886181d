"""Versions of policies are in force until they are replaced or gone."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import (
    Freeze,
    PolicyClusters,
    PolicyWindow,
    RolloutPolicy,
    RolloutPolicySpec,
)
from ibgu.db import Journal, LeadershipLost
from tests.db.records import rows

Leading = Callable[..., Coroutine[Any, Any, Journal]]
SPEC = RolloutPolicySpec(
    clusters=PolicyClusters(cluster_sets=["ran"]),
    in_flight=30,
    windows=[PolicyWindow(cron="0 1 * * *", duration_minutes=240)],
    freezes=[Freeze("2026-12-19T00:00:00Z", "2027-01-07T00:00:00Z", "holidays")],
)
VERSIONS = "SELECT uid, generation, gone_at IS NULL FROM rollout_policies ORDER BY uid, generation"


def policy(name: str = "nights", generation: int = 1, **changes: Any) -> RolloutPolicy:
    metadata = ObjectMeta(name=name, uid=f"uid-{name}", generation=generation)
    return RolloutPolicy(metadata, replace(SPEC, **changes))


async def names(journal: Journal) -> list[str]:
    return [each.name for each in await journal.policies_in_force()]


async def test_policies_are_in_force_until_they_are_replaced_or_gone(
    journal: Journal, db: AsyncEngine
) -> None:
    assert await journal.policies_in_force() == []
    await journal.note_policies([policy("b"), policy("a")])
    assert await names(journal) == ["a", "b"]
    await journal.note_policies([policy("b"), policy("a", 2, in_flight="5%")])
    versions = [("uid-a", 1, False), ("uid-a", 2, True), ("uid-b", 1, True)]
    assert await rows(db, VERSIONS) == versions
    await journal.note_policies([])
    assert await names(journal) == []
    assert [open_ for *_, open_ in await rows(db, VERSIONS)] == [False] * 3


async def test_the_spec_is_kept_as_it_is_written(journal: Journal) -> None:
    await journal.note_policies([policy()])
    (found,) = await journal.policies_in_force()
    assert (found.uid, found.name, found.generation) == ("uid-nights", "nights", 1)
    assert found.spec["inFlight"] == 30
    assert found.spec["clusters"]["clusterSets"] == ["ran"]
    assert found.spec["freezes"][0]["from"] == "2026-12-19T00:00:00Z"


async def test_a_policy_that_stays_in_force_keeps_its_time(journal: Journal) -> None:
    await journal.note_policies([policy("a")])
    (first,) = await journal.policies_in_force()
    await journal.note_policies([policy("a"), policy("b")])
    again, other = await journal.policies_in_force()
    assert again == first
    assert other.seen_at > first.seen_at


async def test_a_hub_that_was_restored_gives_a_generation_again(
    journal: Journal, db: AsyncEngine
) -> None:
    await journal.note_policies([policy(generation=1)])
    await journal.note_policies([policy(generation=2, in_flight=10)])
    await journal.note_policies([policy(generation=1)])
    assert await rows(db, VERSIONS) == [("uid-nights", 1, True), ("uid-nights", 2, False)]
    await journal.note_policies([policy(generation=2, in_flight=20)])
    (found,) = await journal.policies_in_force()
    assert (found.generation, found.spec["inFlight"]) == (2, 20)


async def test_a_text_that_postgres_does_not_store_is_kept_without_it(journal: Journal) -> None:
    freeze = Freeze("2026-12-19T00:00:00Z", "2027-01-07T00:00:00Z", "a\0b")
    await journal.note_policies([policy(freezes=[freeze])])
    (found,) = await journal.policies_in_force()
    assert found.spec["freezes"][0]["reason"] == "a\N{REPLACEMENT CHARACTER}b"


async def test_the_older_leader_notes_nothing(leading: Leading, db: AsyncEngine) -> None:
    old = await leading("ibgu-0")
    await old.note_policies([policy("a")])
    new = await leading("ibgu-1")
    with pytest.raises(LeadershipLost, match="epoch 1 of hub hub-1 is over; no policies"):
        await old.note_policies([policy("b")])
    assert await names(new) == ["a"]


async def test_hubs_have_policies_of_their_own(leading: Leading) -> None:
    one, other = await leading(), await leading(hub="hub-2")
    await one.note_policies([policy("a")])
    await other.note_policies([policy("a", 7), policy("b")])
    await one.note_policies([])
    assert await names(one) == []
    assert await names(other) == ["a", "b"]
