"""Warnings and rollback deadlines of clusters, as the API shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, OnRollout, RolloutState
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import open_step, put, rollout, seen, succeeded, tell
from tests.api.reported import LATER_STAMP, SOON, SOON_STAMP, WARNING, upgraded
from tests.db.records import NOW, step

ROLLOUT = "rollouts/default/ran-r1"


async def body(ask: Ask, path: str = ROLLOUT, **query: Any) -> Any:
    answer = await ask("alice", path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_rollout_counts_them_and_names_the_first_deadline(
    ask: Ask, journal: Journal
) -> None:
    await upgraded(journal)
    expected = (1, {"clusters": 2, "until": SOON_STAMP})
    found = await body(ask)
    assert (found["warned"], found["rollback"]) == expected
    (found,) = (await body(ask, "rollouts"))["items"]
    assert (found["warned"], found["rollback"]) == expected
    found = (await body(ask, f"{ROLLOUT}/view"))["rollout"]
    assert (found["warned"], found["rollback"]) == expected


async def test_a_cluster_that_several_steps_report_counts_once(ask: Ask, journal: Journal) -> None:
    """A cluster that refuses FinalizeUpgrade still reports when its way back ends."""
    await upgraded(journal)
    finalize = await open_step(journal, step(rollout(), 2, Action.FINALIZE_UPGRADE, total=1))
    again = replace(succeeded(finalize, "b", 0), rollback_until=SOON, warning=WARNING)
    await put(journal, again)
    found = await body(ask)
    assert (found["warned"], found["rollback"]) == (1, {"clusters": 2, "until": SOON_STAMP})


async def test_a_deleted_rollout_shows_no_rollback_deadlines(ask: Ask, journal: Journal) -> None:
    await upgraded(journal)
    gone = replace(rollout(), state=RolloutState.DELETED, deleted_at=NOW)
    await tell(journal, OnRollout(Kind.ROLLOUT_DELETED, gone, "deleted"))
    assert (await body(ask))["rollback"] is None


async def test_the_list_says_which_ways_back_close_soon(ask: Ask, journal: Journal) -> None:
    """The rollouts may be on any page."""
    now = datetime.now(UTC).replace(microsecond=0)
    for uid, days in (("r1", 4), ("r2", 2), ("r3", 1)):
        of = rollout(uid, age=days)
        await seen(journal, of)
        upgrade = await open_step(journal, step(of, 0, Action.UPGRADE))
        until = now + timedelta(days=days, hours=-1)
        await put(journal, replace(succeeded(upgrade, f"{uid}-a", 0), rollback_until=until))
    for limit in (1, 10):
        found = await body(ask, "rollouts", needsPerson=True, limit=limit)
        soon = [(each["name"], each["clusters"]) for each in found["rollbackDeadlines"]]
        assert soon == [("ran-r3", 1), ("ran-r2", 1)]
    assert (await body(ask, "rollouts"))["rollbackDeadlines"] is None


async def test_members_have_them_and_are_found_by_them(ask: Ask, journal: Journal) -> None:
    await upgraded(journal)
    (found,) = (await body(ask, f"{ROLLOUT}/members", warned=True))["items"]
    assert (found["cluster"], found["step"], found["warning"]) == ("b", 1, WARNING)
    found = (await body(ask, f"{ROLLOUT}/members", rollback=True))["items"]
    told = [(each["cluster"], each["step"], each["rollbackUntil"]) for each in found]
    assert told == [("a", 2, LATER_STAMP), ("b", 2, SOON_STAMP)]


async def test_an_explanation_has_what_was_reported_last(ask: Ask, journal: Journal) -> None:
    await upgraded(journal)
    found = await body(ask, "clusters/b/explain")
    assert (found["warning"], found["rollbackUntil"]) == (None, SOON_STAMP)
    finalize = await open_step(journal, step(rollout(), 2, Action.FINALIZE_UPGRADE, total=1))
    await put(journal, succeeded(finalize, "b", 0))
    found = await body(ask, "clusters/b/explain")
    assert (found["warning"], found["rollbackUntil"]) == (None, None)
