"""Members of a rollout with all attempts on their clusters, and the labels that are asked for."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Intended, MemberState, RunState
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from tests.api.conftest import Ask
from tests.api.fleet import fleet
from tests.db.records import NOW, changing, member, started, starting, step, with_run
from tests.members import changed_member

PATH = "rollouts/default/ran-r1/attempts"


async def items(ask: Ask, user: str = "alice", **query: Any) -> list[dict[str, Any]]:
    answer = await ask(user, PATH, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_members_come_in_order_with_their_attempts(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await items(ask)
    assert [(each["member"]["step"], each["member"]["cluster"]) for each in found] == [
        *((1, cluster) for cluster in "abcdef"),
        *((2, cluster) for cluster in "abg"),
    ]
    assert [[run["id"] for run in each["runs"]] for each in found[5:]] == [
        [],
        ["run-r1-a"],
        [],
        [],
    ]
    assert found[6]["member"]["run"] == found[6]["runs"][0]
    assert all(each["labels"] == {} for each in found)


async def test_a_second_attempt_comes_after_the_first(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    upgrade = step(one, 1, Action.UPGRADE)
    waiting = member(upgrade, "b", 1)
    running = started(waiting, slot=2, run="first")
    await journal.commit(starting(running))
    over = with_run(running, state=RunState.ENDED, ended_at=NOW, disarmed=True)
    assert over.run is not None
    again = Intended(id="second", action=over.run.action, attempt=2, intended_at=NOW)
    await journal.commit(changing(over))
    await journal.commit(changing(changed_member(over, run=again, attempts=2)))
    [found] = [
        each
        for each in await items(ask)
        if (each["member"]["step"], each["member"]["cluster"]) == (2, "b")
    ]
    assert [(run["id"], run["attempt"]) for run in found["runs"]] == [("first", 1), ("second", 2)]
    assert found["member"]["run"]["id"] == "second"
    assert found["member"]["state"] == MemberState.IN_FLIGHT


async def test_pages_together_are_all_members_once(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    whole = await items(ask)
    walked: list[dict[str, Any]] = []
    query: dict[str, Any] = {}
    while query.get("cursor", "first"):
        page = (await ask("alice", PATH, limit=4, **query)).json()
        walked += page["items"]
        query = {"cursor": page["nextCursor"]}
    assert walked == whole


async def test_only_labels_that_are_asked_for_are_included(
    ask: Ask, journal: Journal, context: Context
) -> None:
    await fleet(journal)
    labels = {"region": "north", "example.com/Ring_1": "", "secret": "x"}
    store = LabelStore(context.engine, context.hub)
    await store.put([seen("a", labels), seen("b", {"secret": "y"})], 1)
    found = await items(ask, labels=["region", "example.com/Ring_1"])
    by_cluster = {each["member"]["cluster"]: each["labels"] for each in found}
    assert by_cluster["a"] == {"region": "north", "example.com/Ring_1": ""}
    assert by_cluster["b"] == by_cluster["c"] == {}


@pytest.mark.parametrize("name", ["", "a b", "/x", "a/b/c", "x" * 318, "-x", "a\x00"])
async def test_a_name_that_no_label_has_is_refused(ask: Ask, journal: Journal, name: str) -> None:
    await fleet(journal)
    answer = await ask("alice", PATH, labels=name)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "labels.0"


async def test_labels_take_the_right_to_list_clusters(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    assert await items(ask, user="bob")
    refused = await ask("bob", PATH, labels="region")
    assert refused.status_code == 403
    assert "list managedclusters" in refused.json()["detail"]


async def test_attempts_are_numbered_for_each_action(ask: Ask, journal: Journal) -> None:
    """Upgrade is the member's second run, and the first of its kind."""
    one = await fleet(journal)
    chain = replace(step(one, 1, Action.PREP), actions=(Action.PREP, Action.UPGRADE))
    running = started(member(chain, "b", 1), slot=2, run="prep")
    await journal.commit(starting(running))
    over = with_run(running, state=RunState.ENDED, ended_at=NOW, disarmed=True)
    upgrade = Intended(id="upgrade", action=Action.UPGRADE, attempt=2, intended_at=NOW)
    await journal.commit(changing(over))
    await journal.commit(changing(changed_member(over, run=upgrade, attempts=2)))
    [found] = [
        each
        for each in await items(ask)
        if (each["member"]["step"], each["member"]["cluster"]) == (2, "b")
    ]
    assert [(run["action"], run["attempt"]) for run in found["runs"]] == [
        (Action.PREP, 1),
        (Action.UPGRADE, 1),
    ]
