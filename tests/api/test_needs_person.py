"""The list of rollouts says what needs a person, as of its own moment."""

import asyncio
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Kind,
    OnMember,
    Reason,
    ReasonKind,
    RolloutState,
    RunResult,
    RunState,
)
from ibgu.db import Changeset, Journal
from ibgu.db.labels import LabelStore
from ibgu.db.labels import seen as seen_labels
from tests.api.conftest import Ask
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    PULL,
    failed,
    fleet,
    open_step,
    put,
    rollout,
    seen,
    tell,
)
from tests.db.records import NOW, ended, ending, member, started, starting, step, with_run


async def listed(ask: Ask, user: str = "alice", **query: Any) -> Any:
    answer = await ask(user, "rollouts", needsPerson=True, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_overdue_members_are_listed_as_needing_a_person(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await listed(ask)
    late = {each["kind"]: each["members"] for each in found["needsPerson"]}
    assert late == {"ClaimedByOther": 1, "Rebooting": 1}, "since May"


async def test_holds_and_forbidden_works_need_a_person(ask: Ask, journal: Journal) -> None:
    later = NOW + timedelta(minutes=1)
    forbidden = Reason(
        ReasonKind.FORBIDDEN, later, "may not create works", None, ActingParty.PERSON
    )
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, hold=CIRCUIT_BREAKER))
    await put(
        journal,
        member(prep, "a", 0),
        member(prep, "b", 1, reason=forbidden),
        member(prep, "c", 2, reason=forbidden),
    )
    found = await listed(ask)
    assert [
        (each["name"], each["kind"], each["members"], each["message"])
        for each in found["needsPerson"]
    ] == [
        ("ran-r1", "CircuitBreaker", 0, CIRCUIT_BREAKER.message),
        ("ran-r1", "HubForbids", 2, "may not create works"),
    ]


async def test_needs_person_covers_rollouts_beyond_the_page(ask: Ask, journal: Journal) -> None:
    """The list tells it of rollouts that are not on its page, too."""
    forbidden = Reason(ReasonKind.FORBIDDEN, NOW, "may not create works", None, ActingParty.PERSON)
    for uid, age in (("r1", 2), ("r2", 1), ("r3", 0)):
        one = rollout(uid, age=age)
        await seen(journal, one)
        prep = await open_step(journal, step(one, 0, Action.PREP, hold=CIRCUIT_BREAKER))
        await put(journal, member(prep, f"{uid}-a", 0, reason=forbidden))
    gone = rollout("r4", state=RolloutState.DELETED)
    await seen(journal, gone)
    prep = await open_step(journal, step(gone, 0, Action.PREP, hold=CIRCUIT_BREAKER))
    await put(journal, member(prep, "r4-a", 0, reason=forbidden))
    told = (await listed(ask))["needsPerson"]
    assert len(told) == 6
    for limit in (1, 2):
        page = await listed(ask, limit=limit)
        assert _sorted(page["needsPerson"]) == _sorted(told)
    assert (await ask("alice", "rollouts")).json()["needsPerson"] is None


def _sorted(needs: list[Any]) -> list[Any]:
    return sorted(needs, key=lambda need: (need["name"], need["kind"]))


async def test_numbers_of_the_list_are_of_one_moment_while_a_rollout_moves(
    ask: Ask, journal: Journal
) -> None:
    """One fails, and one needs a person: always both, or neither."""
    forbidden = Reason(ReasonKind.FORBIDDEN, NOW, "may not create works", None, ActingParty.PERSON)
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=40))
    await put(journal, *(member(prep, f"c{n:02}", n) for n in range(40)))

    async def move(n: int) -> None:
        ended = OnMember(Kind.FINISHED, failed(prep, f"c{n:02}", n, PULL), "")
        kept = member(prep, f"c{n + 20:02}", n + 20, reason=forbidden)
        await tell(journal, ended, OnMember(Kind.WAITS, kept, ""))

    moments = set()
    for n in range(20):
        _, answer = await asyncio.gather(move(n), ask("alice", "rollouts", needsPerson=True))
        page = answer.json()
        (row,) = page["items"]
        kept = sum(each["members"] for each in page["needsPerson"])
        assert row["counts"]["failed"] == row["current"]["counts"]["failed"] == kept
        assert page["seq"] == 2 + kept
        moments.add(page["seq"])
    assert len(moments) > 10


async def test_only_of_namespaces_that_may_be_read(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    edge = rollout("r2", namespace="edge", hold=CIRCUIT_BREAKER)
    await seen(journal, edge)
    everywhere = await listed(ask)
    assert len(everywhere["items"]) == 2
    assert {each["namespace"] for each in everywhere["needsPerson"]} == {"default", "edge"}
    own = await listed(ask, "bob")
    assert len(own["items"]) == 1
    assert {each["namespace"] for each in own["needsPerson"]} == {"default"}
    (held,) = (await listed(ask, namespace="edge"))["needsPerson"]
    assert (held["name"], held["kind"]) == ("ran-r2", "CircuitBreaker")
    refused = await ask("bob", "rollouts", needsPerson=True, namespace="edge")
    assert refused.status_code == 403


async def test_a_run_longer_than_usual_is_stalled(
    ask: Ask, journal: Journal, context: Context
) -> None:
    """Ten Preps of a minute each; the eleventh has run since May, the twelfth is to be disarmed."""
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, max_concurrency=20))
    waiting = [member(prep, f"c{number}", number) for number in range(12)]
    await put(journal, *waiting)
    running = [
        with_run(
            started(each, each.position + 1), state=RunState.ARMING, arming_at=NOW, disarmed=False
        )
        for each in waiting
    ]
    await journal.commit(starting(*running))
    done = [with_run(ended(each), ended_at=NOW + timedelta(minutes=1)) for each in running[:10]]
    await journal.commit(ending(*done))
    end = {"ended_at": NOW + timedelta(minutes=1), "result": RunResult.SUCCEEDED}
    armed = replace(with_run(running[11], state=RunState.ENDED, **end), action_index=1)
    await journal.commit(Changeset(decisions=(OnMember(Kind.RUN_ENDED, armed, ""),), at=NOW))
    (rollout_body,) = (await ask("alice", "rollouts")).json()["items"]
    assert rollout_body["stalled"] == 1
    first, *_ = (await ask("alice", "rollouts/default/ran-r1/steps")).json()["items"]
    assert (first["stalled"], first["actionsRunning"]) == (1, [{"action": "Prep", "count": 2}])
    for each in (rollout_body, first):
        eta = each["eta"]
        assert (eta["stuck"], eta["at"], eta["latest"]) == (1, eta["limit"], eta["limit"])
        assert eta["basis"] == "1 in flight for longer than usual, so their end is unknown"
    members = (await ask("alice", "rollouts/default/ran-r1/members")).json()["items"]
    assert [each["cluster"] for each in members if each["stalled"]] == ["c10"]
    grid = (await ask("alice", "rollouts/default/ran-r1/grid")).json()
    assert grid["stalled"] == [False] * 10 + [True, False]
    answer = await ask("bob", "durations", action="Prep", namespace="default")
    (measured,) = answer.json()["items"]
    figures = {"p50": 60.0, "p90": 60.0, "p95": 60.0, "max": 60.0}
    assert measured == {"action": "Prep", "result": "succeeded", "count": 11} | figures
    assert (await ask("bob", "durations", action="Upgrade")).json() == {"items": []}
    known = [seen_labels(f"c{n}", {"model": "old" if n < 4 else "new"}) for n in range(12)]
    await LabelStore(context.engine, context.hub).put(known, 1)
    for query in ({"label": "model=old"}, {"label": "model!=new", "namespace": "default"}):
        (old,) = (await ask("alice", "durations", action="Prep", **query)).json()["items"]
        assert (old["result"], old["count"]) == ("succeeded", 4)
    assert (await ask("alice", "durations", label="model=none")).json() == {"items": []}
    assert (await ask("bob", "durations", label="model=old")).status_code == 403
    assert members[10]["stalled"] == {"since": "2026-05-04T03:03:16.123456Z", "usual": 60.0}
