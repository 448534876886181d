"""A rollout as a screen shows it: one answer, of one moment."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.api.view.schemas import ViewBody
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Cause,
    Kind,
    Member,
    OnMember,
    OnRollout,
    RolloutState,
    Step,
    StepState,
)
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from ibgu.db.reads import tallies
from tests.api.conftest import Ask
from tests.api.fleet import (
    MONITOR,
    PULL,
    failed,
    fleet,
    open_step,
    put,
    rollout,
    succeeded,
    tell,
)
from tests.api.fleet import seen as rollouts_seen
from tests.db.records import NOW, member, step

ROLLOUT = "rollouts/default/ran-r1"
CLUSTERS = 40


async def body(ask: Ask, path: str = "view", **query: Any) -> Any:
    answer = await ask("alice", f"{ROLLOUT}/{path}", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("number", [None, 1, 2])
async def test_the_view_agrees_with_the_other_routes(
    ask: Ask, journal: Journal, number: int | None
) -> None:
    await fleet(journal)
    query: dict[str, Any] = {"step": number} if number else {}
    found = await body(ask, **query)
    ViewBody.model_validate(found)
    assert found["rollout"] == (await ask("alice", ROLLOUT)).json()
    assert found["steps"] == (await body(ask, "steps"))["items"]
    assert found["grid"] == await body(ask, "grid", **query)
    assert found["failures"] == await body(ask, "failures", step=number or 2)
    timeline = await body(ask, "timeline", points=120, **query)
    assert len(found["timeline"].pop("points")) == len(timeline.pop("points")) == 120
    assert found["timeline"] == timeline
    assert (found["labelled"], found["seq"]) == (None, 5)


async def test_before_the_first_step_and_of_one_that_has_not_begun(
    ask: Ask, journal: Journal
) -> None:
    await rollouts_seen(journal, rollout())
    found = await body(ask)
    assert (found["grid"]["step"], found["grid"]["clusters"], found["seq"]) == (None, [], 1)
    assert [each["state"] for each in found["steps"]] == ["planned"] * 3
    assert (await body(ask, step=3))["failures"] == {"total": 0, "items": []}


async def test_the_view_counts_warnings_and_deadlines_by_step(ask: Ask, journal: Journal) -> None:
    """The deadlines of a deleted rollout are not followed."""
    one = await fleet(journal)
    prep, upgrade = step(one, 0, Action.PREP), step(one, 1, Action.UPGRADE)
    await put(journal, replace(succeeded(prep, "a", 0), warning="odd"))
    back = replace(succeeded(upgrade, "b", 1), rollback_until=NOW + timedelta(days=9))
    await put(journal, back)
    found = await body(ask)
    assert found["reports"] == [
        {"step": 1, "warned": 1, "rollback": 0},
        {"step": 2, "warned": 0, "rollback": 1},
    ]
    assert found["grid"]["warned"] == [False, False, False]
    assert found["grid"]["rollback"] == [False, True, False]
    assert (await body(ask, step=1))["grid"]["warned"] == [True] + [False] * 5
    deleted = replace(one, state=RolloutState.DELETED, deleted_at=NOW)
    await tell(journal, OnRollout(Kind.ROLLOUT_DELETED, deleted, "gone"))
    found = await body(ask)
    assert [each["rollback"] for each in found["reports"]] == [0, 0]
    assert found["grid"]["rollback"] == (await body(ask, "grid"))["rollback"] == [False] * 3


async def test_labels_choose_failures_and_mark_the_grid(
    ask: Ask, journal: Journal, context: Context
) -> None:
    await fleet(journal)
    labels = [seen(name, {"ring": ring}) for name, ring in (("a", "1"), ("c", "1"), ("d", "2"))]
    await LabelStore(context.engine, context.hub).put(labels, 1)
    found = await body(ask, step=1, label="ring=1")
    assert found["labelled"] == [True, False, True, False, False, False]
    assert len(found["grid"]["clusters"]) == 6
    assert [group["clusters"] for group in found["failures"]["items"]] == [["c"]]
    assert (await body(ask, label="ring=1"))["labelled"] == [True, False, False]
    timeline = await body(ask, "timeline", step=1, label="ring=1", points=120)
    for points in (found["timeline"]["points"], timeline["points"]):
        assert (points[-1]["succeeded"], points[-1]["failed"]) == (1, 1)
    nobody = await body(ask, step=1, label="ring=9")
    assert {each["failed"] for each in nobody["timeline"]["points"]} == {0}
    of_hub = await body(ask, label="ring=1", failures="all")
    assert [group["clusters"] for group in of_hub["failures"]["items"]] == [["c"]]
    assert of_hub["rollout"]["counts"]["total"] == 7
    selected = of_hub["selected"]
    parts = {name: number for name, number in selected["counts"].items() if number}
    assert parts == {"total": 2, "running": 1, "failed": 1}
    steps = [(each["counts"]["total"], each["counts"]["succeeded"]) for each in selected["steps"]]
    assert steps == [(2, 1), (1, 0), (0, 0)]
    assert [each["kind"] for each in selected["steps"][1]["reasons"]] == ["Rebooting"]
    none = nobody["selected"]
    assert (none["counts"]["total"], none["steps"][0]["counts"]["total"]) == (0, 0)
    refused = await ask("bob", f"{ROLLOUT}/view", label="ring=1")
    assert refused.status_code == 403
    assert "managedclusters" in refused.json()["detail"]


async def test_failures_of_all_steps_name_the_aborted_clusters(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    abort = await open_step(journal, step(one, 2, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(abort, "c", 0), failed(abort, "e", 1, "no"))
    found = await body(ask, failures="all")
    told = {
        (group["step"], tuple(group["clusters"])): group["aborted"]
        for group in found["failures"]["items"]
    }
    assert told == {(1, ("c", "d")): ["c"], (1, ("e",)): [], (3, ("e",)): []}
    assert found["failures"] == await body(ask, "failures")
    assert [group["step"] for group in (await body(ask))["failures"]["items"]] == [3]


async def test_the_clock_alone_makes_no_other_answer(ask: Ask, journal: Journal) -> None:
    """The rollout is one in which nothing runs."""
    one = rollout()
    await rollouts_seen(journal, one)
    first, second = [await ask("alice", f"{ROLLOUT}/view") for _ in range(2)]
    assert first.json()["now"] < second.json()["now"]
    assert first.headers["etag"] == second.headers["etag"]
    await fleet(journal, "r2")
    assert (await ask("alice", f"{ROLLOUT}/view")).headers["etag"] != first.headers["etag"]


async def test_counts_agree_within_one_view_while_the_rollout_moves(
    ask: Ask, journal: Journal
) -> None:
    one = rollout()
    await rollouts_seen(journal, one)
    opened = await open_step(journal, step(one, 0, Action.PREP, total=CLUSTERS))
    members = [member(opened, f"c{n:02}", n) for n in range(CLUSTERS)]
    await put(journal, *members)
    moments = set()
    for each in members:
        _, found = await asyncio.gather(end(journal, over(opened, each)), body(ask))
        alike(found)
        moments.add(found["seq"])
    alike(await body(ask))
    assert len(moments) > CLUSTERS / 2


async def end(journal: Journal, each: Member) -> None:
    await tell(journal, OnMember(Kind.FINISHED, each, "the cluster says so"))


def over(opened: Step, each: Member) -> Member:
    if each.position % 3:
        return succeeded(opened, each.cluster, each.position)
    words = MONITOR if each.position % 7 else PULL
    return failed(opened, each.cluster, each.position, words)


def alike(found: Any) -> None:
    counts, states = found["steps"][0]["counts"], Counter(found["grid"]["states"])
    assert found["rollout"]["current"]["counts"] == counts
    assert found["grid"]["seq"] == found["seq"]
    for name in ("succeeded", "failed", "waiting"):
        assert states[name] == counts[name]
    assert found["failures"]["total"] == counts["failed"]
    last = found["timeline"]["points"][-1]
    assert (last["succeeded"], last["failed"]) == (counts["succeeded"], counts["failed"])


async def test_a_cluster_taken_over_by_hand_counts_as_failed_everywhere(
    ask: Ask, journal: Journal
) -> None:
    """The grid had it as taken over still, and one failure less than the headline."""
    one = rollout()
    await rollouts_seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=3))
    by_hand = failed(prep, "b", 1, "by hand", cause=Cause.TAKEN_OVER)
    await put(journal, succeeded(prep, "a", 0), by_hand, member(prep, "c", 2))
    found = await body(ask)
    alike(found)
    assert (found["grid"]["states"][1], found["grid"]["causes"][1]) == ("failed", "TakenOver")


async def test_a_cluster_that_completed_late_counts_as_failed_nowhere(
    ask: Ask, journal: Journal
) -> None:
    """The step is over, and its counts are known from before: they do not count it either."""
    one = rollout()
    await rollouts_seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED, total=3))
    slow = failed(prep, "b", 1, PULL)
    await put(journal, succeeded(prep, "a", 0), slow, failed(prep, "c", 2, PULL))
    before = await body(ask)
    assert before["steps"][0]["counts"]["failed"] == before["rollout"]["counts"]["failed"] == 2
    late = replace(slow, late="completed late, after 47 min")
    await tell(journal, OnMember(Kind.COMPLETED_LATE, late, late.late))
    found = await body(ask)
    alike(found)
    assert found["grid"]["states"] == ["succeeded", "succeeded", "failed"]
    assert found["grid"]["causes"] == [None, None, "PrepFailed"]
    assert [each is None for each in found["grid"]["failures"]] == [True, True, False]
    assert found["failures"]["items"][0]["clusters"] == ["c"]
    assert found["rollout"]["counts"]["failed"] == 1
    await _b_has_succeeded(ask)


async def _b_has_succeeded(ask: Ask) -> None:
    for query, clusters in (
        ({"outcome": "succeeded"}, ["a", "b"]),
        ({"outcome": "failed"}, ["c"]),
        ({"cause": "PrepFailed"}, ["c"]),
    ):
        items = (await body(ask, "members", **query))["items"]
        assert [each["cluster"] for each in items] == clusters
    cluster = (await ask("alice", "clusters/b")).json()["newest"]["member"]
    (listed,) = (await body(ask, "members", clusters="b"))["items"]
    for found in (cluster, listed):
        assert (found["outcome"], found["late"]) == ("succeeded", "completed late, after 47 min")
        told = ("cause", "failedAction", "failure", "means", "remedy", "message")
        assert not any(found[name] for name in told)
    explained = (await ask("alice", "clusters/b/explain")).json()
    assert explained["state"] == "succeeded"
    assert explained["headline"] == "succeeded late"
    assert not any(explained[name] for name in ("kind", "means", "do", "who"))


async def test_a_large_step_is_looked_at_once_a_second_for_all(
    ask: Ask, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "LARGE", CLUSTERS)
    one = rollout()
    await rollouts_seen(journal, one)
    opened = await open_step(journal, step(one, 0, Action.PREP, total=CLUSTERS))
    await put(journal, *(member(opened, f"c{n:02}", n) for n in range(CLUSTERS)))
    answers = await asyncio.gather(*(body(ask) for _ in range(5)))
    assert len({each["now"] for each in answers}) == 1
    await end(journal, succeeded(opened, "c00", 0))
    while (found := await body(ask))["seq"] == answers[0]["seq"]:
        alike(found)
    alike(found)
    assert found["steps"][0]["counts"]["succeeded"] == 1


async def test_a_finished_step_is_counted_once(ask: Ask, journal: Journal) -> None:
    one = rollout()
    await rollouts_seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED, total=1))
    await put(journal, succeeded(prep, "a", 0))
    assert (await body(ask))["steps"] == (await body(ask))["steps"]
