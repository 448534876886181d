"""Newer rollouts that act, or have acted, on clusters of a rollout."""

from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import RolloutState
from ibgu.core.model.kinds import PlanItem, RolloutStrategy
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import fleet, open_step, put, rollout, seen, spec, succeeded
from tests.db.records import NOW, member, started, starting, step


async def one(ask: Ask, path: str, **query: Any) -> Any:
    answer = await ask("alice", path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_newer_rollouts_that_have_acted_on_clusters(ask: Ask, journal: Journal) -> None:
    """ran-r2 has rolled a back and works on b now; c only waits there, and z is another's."""
    await fleet(journal, age=9)
    assert await one(ask, "rollouts/default/ran-r1/newer") == {"clusters": 0, "items": []}
    plan = [PlanItem(["Rollback"], RolloutStrategy(max_concurrency=2, timeout=240))]
    back = rollout("r2", age=2, namespace="edge", spec=replace(spec(), plan=plan))
    older, deleted = rollout("r0", age=20), rollout("r3", age=1, state=RolloutState.DELETED)
    await seen(journal, older, back, replace(deleted, deleted_at=NOW))
    of_back, of_older, of_deleted = [
        await open_step(journal, step(each, 0, Action.ROLLBACK)) for each in (back, older, deleted)
    ]
    await put(
        journal,
        succeeded(of_back, "a", 0),
        at_work := member(of_back, "b", 1),
        member(of_back, "c", 2),
        succeeded(of_back, "z", 3),
        succeeded(of_older, "d", 0),
        succeeded(of_deleted, "a", 0),
    )
    await journal.commit(starting(started(at_work, slot=1)))
    found = await one(ask, "rollouts/default/ran-r1/newer")
    assert found["clusters"] == 2
    named = [(each["namespace"], each["name"], each["uid"]) for each in found["items"]]
    assert named == [("default", "ran-r3", "r3"), ("edge", "ran-r2", "r2")]
    assert [(each["clusters"], each["acting"]) for each in found["items"]] == [(1, 0), (2, 1)]
    last = found["items"][1]
    assert (last["actions"], last["leadsBack"]) == (["Rollback"], True)
    (own, hidden) = (await ask("bob", "rollouts/default/ran-r1/newer")).json()["items"]
    assert own["name"] == "ran-r3"
    assert (hidden["namespace"], hidden["name"], hidden["actions"]) == (None, None, [])
    assert (await one(ask, "clusters/a/explain", namespace="default", rollout="ran-r1"))[
        "newer"
    ] == [
        "default/ran-r3 (Prep, Upgrade, FinalizeUpgrade) has acted on the cluster since",
        "edge/ran-r2 (Rollback) has acted on the cluster since",
    ]
    assert (await one(ask, "clusters/c/explain", namespace="default", rollout="ran-r1"))[
        "newer"
    ] == []
