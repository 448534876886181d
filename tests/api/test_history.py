"""Events, failures by cause, and what a cluster has been through."""

from typing import Any

from msgspec.structs import replace

from ibgu.core.model import Change, Kind, OnPendingPatch, OnRollout, PendingPatch
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import PULL, failed, fleet, open_step, put, rollout, seen, tell
from tests.db.records import step


async def body(ask: Ask, path: str, **query: Any) -> Any:
    answer = await ask("alice", path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_of_a_rollout_are_listed_in_order_after_a_number(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal)
    path = "rollouts/default/ran-r1/events"
    events = (await body(ask, path))["items"]
    assert [(each["seq"], each["kind"]) for each in events] == [
        (1, "RolloutSeen"),
        (2, "StepStarted"),
        (3, "StepStarted"),
        (4, "RunIntended"),
        (5, "RunArmed"),
    ]
    assert (events[2]["step"], events[2]["cluster"]) == (2, None)
    assert (events[4]["step"], events[4]["cluster"], events[4]["run"]) == (2, "a", "run-r1-a")
    later = (await body(ask, path, after=3))["items"]
    assert [each["seq"] for each in later] == [4, 5]
    assert (await body(ask, path, after=5))["items"] == []


async def test_every_page_of_events_together_is_everything_once(ask: Ask, journal: Journal) -> None:
    one = rollout()
    other = rollout("r2")
    await seen(journal, one, other)
    walked: list[int] = []
    cursor, page = None, 0
    for generation in range(3, 9):
        grew = replace(one, generation=generation)
        await tell(journal, OnRollout(Kind.PLAN_ACCEPTED, grew, "a step was added", actor="alice"))
    while page == 0 or cursor:
        query = {"cursor": cursor} if page else {}
        found = await body(ask, "rollouts/default/ran-r1/events", limit=3, **query)
        walked += [each["seq"] for each in found["items"]]
        cursor, page = found["nextCursor"], page + 1
        if page == 1:
            await tell(journal, OnRollout(Kind.ROLLOUT_HELD, other, "not of this rollout"))
            await tell(journal, OnRollout(Kind.ROLLOUT_STARTED, one, "while it is read"))
    assert walked == [1, 3, 4, 5, 6, 7, 8, 10]


async def test_the_data_of_an_event_is_named_as_all_else(ask: Ask, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    await open_step(journal, step(one, 0))
    labels = {"lcm.openshift.io/ibgu-prep-completed": Change(None, "")}
    pending = PendingPatch(uid="u", cluster="a", rollout="r1", labels=labels)
    await tell(journal, OnPendingPatch(Kind.LABELS_PENDING, pending, "Prep completed"))
    first, second, third = (await body(ask, "rollouts/default/ran-r1/events"))["items"]
    assert first["data"]["plan"][0]["rolloutStrategy"]["maxConcurrency"] == 2
    assert second["data"]["maxConcurrency"] == 2
    assert second["data"]["timeoutSeconds"] == 14400
    assert third["data"]["labels"] == {"lcm.openshift.io/ibgu-prep-completed": [None, ""]}


async def test_failures_are_grouped_by_what_is_known_about_them(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await body(ask, "rollouts/default/ran-r1/failures")
    assert found["total"] == 3
    known, *others = found["items"]
    assert (known["count"], known["clusters"], known["message"]) == (2, ["c", "d"], PULL)
    assert (known["failure"], known["cause"], known["step"]) == ("PrecacheFailed", "PrepFailed", 1)
    assert known["means"]
    assert known["remedy"]
    assert [(each["cause"], each["outcome"], each["failure"]) for each in others] == [
        ("PrepFailed", "failed", None),
    ]
    assert (known["messageOf"], others[0]["messageOf"]) == ("c", None)
    assert (await body(ask, "rollouts/default/ran-r1/failures", step=2))["total"] == 0
    assert (await body(ask, "rollouts/default/ran-r1/failures", step=1))["total"] == 3


async def test_a_large_group_names_its_first_clusters(ask: Ask, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0))
    clusters = [f"site-{n}" for n in range(30)]
    words = (f"{PULL} (node {n % 3})" for n in range(30))
    await put(
        journal,
        *(
            failed(prep, name, n, said)
            for n, (name, said) in enumerate(zip(clusters, words, strict=True))
        ),
    )
    (group,) = (await body(ask, "rollouts/default/ran-r1/failures"))["items"]
    assert (group["count"], group["clusters"]) == (30, clusters[:10])
    assert (group["message"], group["messageOf"]) == (f"{PULL} (node 0)", "site-0")


async def test_a_cluster_remembers_every_rollout(ask: Ask, journal: Journal) -> None:
    await fleet(journal, age=60)
    one = rollout("r2", namespace="edge")
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0))
    await put(journal, failed(prep, "a", 0, PULL))
    path = "clusters/a/history"
    visits = (await body(ask, path))["items"]
    assert [
        (each["rollout"]["name"], each["member"]["step"], each["member"]["state"])
        for each in visits
    ] == [("ran-r2", 1, "finished"), ("ran-r1", 2, "in flight"), ("ran-r1", 1, "finished")]
    assert [run["id"] for run in visits[1]["runs"]] == ["run-r1-a"]
    assert visits[0]["member"]["failure"] == "PrecacheFailed"
    first = await body(ask, path, limit=1)
    rest = await body(ask, path, limit=2, cursor=first["nextCursor"])
    assert first["items"] + rest["items"] == visits
    assert rest["nextCursor"] is None
    assert (await ask("alice", "clusters/nobody/history")).status_code == 404


async def test_events_of_a_cluster_are_listed_newest_first(ask: Ask, journal: Journal) -> None:
    await fleet(journal, age=60)
    path = "clusters/a/events"
    found = (await body(ask, path))["items"]
    assert {each["cluster"] for each in found} == {"a"}
    assert [each["seq"] for each in found] == sorted((e["seq"] for e in found), reverse=True)
    first = await body(ask, path, limit=1)
    rest = await body(ask, path, limit=500, cursor=first["nextCursor"])
    assert first["items"] + rest["items"] == found
    assert rest["nextCursor"] is None
    assert (await ask("alice", "clusters/nobody/events")).status_code == 404
