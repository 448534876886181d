"""Members: one reason each, the same words everywhere, and what is known about them."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.model import ActingParty, MemberState, Reason, ReasonKind
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import CIRCUIT_BREAKER, PULL, failed, fleet, open_step, put, rollout, seen
from tests.db.records import NOW, member, step

STAMP = "2026-05-04T03:02:01.123456Z"
MEMBERS = "rollouts/default/ran-r1/members"


async def found(ask: Ask, **query: Any) -> list[dict[str, Any]]:
    answer = await ask("alice", MEMBERS, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def names(ask: Ask, **query: Any) -> list[tuple[int, str]]:
    return [(each["step"], each["cluster"]) for each in await found(ask, **query)]


async def test_a_running_member_says_what_it_is_at(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    (running,) = await found(ask, state="in flight")
    run = running.pop("run")
    assert running == {
        "cluster": "a",
        "step": 2,
        "position": 0,
        "state": "in flight",
        "action": "Upgrade",
        "attempt": 1,
        "reason": {
            "kind": "Rebooting",
            "since": STAMP,
            "until": None,
            "who": "person",
            "message": "not reachable since 03:02",
            "policy": None,
            "overdue": {
                "since": "2026-05-04T03:47:01.123456Z",
                "usual": 2700.0,
                "check": IBU_MEANINGS.checks[ReasonKind.REBOOTING],
            },
        },
        "stalled": None,
        "slot": 1,
        "limit": "2026-05-04T05:02:01.123456Z",
        "startedAt": STAMP,
        "endedAt": None,
        "outcome": None,
        "cause": None,
        "message": "",
        "failedAction": None,
        "failure": None,
        "means": None,
        "fix": None,
        "remedy": None,
        "completed": [],
        "late": "",
        "warning": "",
        "rollbackUntil": None,
        "pausedSince": None,
    }
    assert (run["id"], run["state"], run["acceptedAt"]) == ("run-r1-a", "accepted", STAMP)


async def test_a_failed_member_says_what_it_means_and_what_to_do(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal)
    known, unknown = (
        await found(ask, cause="PrepFailed", cluster="c"),
        await found(ask, cluster="e"),
    )
    assert (known[0]["message"], known[0]["reason"]) == (PULL, None)
    assert known[0]["failure"] == "PrecacheFailed"
    assert "pull" in known[0]["means"]
    retry = "ibgu retry ran-r1 -n default --abort-first"
    assert known[0]["remedy"] == f"{known[0]['fix']} Then run `{retry}`."
    assert [unknown[0][name] for name in ("failure", "means", "fix", "remedy")] == [None] * 4


async def test_words_of_a_running_member_are_explained_too(ask: Ask, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    words = "Waiting for system to stabilize: one or more health checks failed"
    running = Reason(ReasonKind.RUNNING, NOW, words, None, ActingParty.CLUSTER)
    await put(journal, member(prep, "a", reason=running))
    assert [each["failure"] for each in await found(ask)] == ["ClusterNotStable"]


@pytest.mark.parametrize("held", ["step", "rollout"])
@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (ReasonKind.SLOT, "CircuitBreaker"),
        (ReasonKind.PROBING, "CircuitBreaker"),
        (ReasonKind.READY, "CircuitBreaker"),
        (ReasonKind.UNREACHABLE, "Unreachable"),
        (ReasonKind.CLAIM, "ClaimedByOther"),
    ],
)
async def test_a_member_that_only_a_hold_keeps_waiting_shows_the_hold(
    ask: Ask, journal: Journal, held: str, kind: ReasonKind, shown: str
) -> None:
    one = rollout(hold=CIRCUIT_BREAKER if held == "rollout" else None)
    await seen(journal, one)
    prep = await open_step(
        journal, step(one, 0, Action.PREP, hold=CIRCUIT_BREAKER if held == "step" else None)
    )
    await put(journal, member(prep, "a", reason=Reason(kind, NOW, "its own words")))
    (waiting,) = await found(ask)
    assert waiting["reason"]["kind"] == shown
    assert waiting["reason"]["message"] in (CIRCUIT_BREAKER.message, "its own words")


async def test_a_hold_does_not_hide_what_runs(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    kinds = [each["reason"]["kind"] for each in await found(ask, step=2)]
    assert kinds == ["Rebooting", "CircuitBreaker", "ClaimedByOther"]


async def test_members_are_filtered_by_each_parameter(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    assert len(await names(ask)) == 9
    assert await names(ask, step=2) == [(2, "a"), (2, "b"), (2, "g")]
    assert await names(ask, state="waiting") == [(2, "b"), (2, "g")]
    assert await names(ask, outcome="succeeded") == [(1, "a"), (1, "b")]
    assert await names(ask, outcome="cancelled") == [(1, "f")]
    assert await names(ask, cause="Cancelled") == [(1, "f")]
    assert await names(ask, cluster="a") == [(1, "a"), (2, "a")]
    assert await names(ask, cluster="a", step=1) == [(1, "a")]
    assert await names(ask, clusters=["b", "a"], step=1) == [(1, "a"), (1, "b")]
    assert await names(ask, clusters=["none"]) == []
    assert await names(ask, step=3) == []


async def test_members_are_filtered_by_the_shown_reason(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    for reason, cluster in (("CircuitBreaker", "b"), ("ClaimedByOther", "g"), ("Rebooting", "a")):
        assert await names(ask, reason=reason) == [(2, cluster)]
    assert await names(ask, reason="WaitingForSlot") == []
    assert await names(ask, stalled=True) == []


@pytest.mark.parametrize("limit", [2, 100])
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("order", ["c", "a", "b"]),
        ("name", ["a", "b", "c"]),
        ("since", ["b", "c", "a"]),
        ("duration", ["b", "a", "c"]),
    ],
)
async def test_orders_page_by_page(
    ask: Ask, journal: Journal, limit: int, sort: str, expected: list[str]
) -> None:
    """b began an hour ago and goes on, a took a minute until now, c has waited for a minute."""
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    since = Reason(ReasonKind.SLOT, NOW - minute, "waits")
    running = Reason(ReasonKind.RUNNING, NOW - hour, "works", None, ActingParty.CLUSTER)
    await put(
        journal,
        member(prep, "c", 0, reason=since),
        failed(prep, "a", 1, PULL, started_at=NOW - minute),
        member(prep, "b", 2, reason=running, started_at=NOW - hour),
    )
    walked: list[str] = []
    cursor: str | None = None
    while len(walked) < 3:
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        page = (await ask("alice", MEMBERS, sort=sort, limit=limit, **more)).json()
        walked += [each["cluster"] for each in page["items"]]
        cursor = page["nextCursor"]
    assert (walked, cursor) == (expected, None)


async def test_every_page_together_is_everyone_once_while_they_change(
    ask: Ask, journal: Journal
) -> None:
    """The order is fixed when the step starts, so changes move nobody to another page."""
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=25))
    clusters = [f"site-{n}" for n in range(25)]
    await put(journal, *(member(prep, name, at) for at, name in enumerate(clusters)))
    upgrade = await open_step(journal, step(one, 1, Action.UPGRADE))
    walked: list[str] = []
    cursor, page = None, 0
    while page == 0 or cursor:
        answer = await ask(
            "alice", MEMBERS, step=1, limit=4, **({"cursor": cursor} if page else {})
        )
        body = answer.json()
        walked += [each["cluster"] for each in body["items"]]
        cursor, page = body["nextCursor"], page + 1
        await put(
            journal,
            failed(prep, clusters[page], page, PULL),
            member(upgrade, f"late-{page}", page),
        )
    assert walked == clusters
    assert page == 7


async def test_states_are_those_of_the_journal(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    assert {each["state"] for each in await found(ask)} == {str(state) for state in MemberState}
