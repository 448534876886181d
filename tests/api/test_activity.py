"""The activity of a rollout: who changed it, from where, and with what result."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.activity.schemas import ActivityEntryBody
from ibgu.api.bodies import PageBody
from ibgu.core.model import ActingParty, Kind, OnRollout, OnStep, Reason, ReasonKind, names
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import CIRCUIT_BREAKER, fleet, put, rollout, succeeded, tell
from tests.db.records import NOW, step

PAUSED = Reason(
    ReasonKind.PAUSED, NOW, "paused by alice: the mirror is down", None, ActingParty.PERSON
)


async def told(ask: Ask, **query: Any) -> list[tuple[str, str, str | None, str | None]]:
    answer = await ask("bob", "rollouts/default/ran-r1/activity", **query)
    assert answer.status_code == 200, answer.text
    found = PageBody[ActivityEntryBody].model_validate(answer.json())
    return [(each.title, each.text, each.who, each.via) for each in found.items]


async def test_each_change_names_its_user_and_their_client(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    held, rate_limited = (
        replace(one, hold=PAUSED),
        {names.SKIP: "site-1", names.STARTS_PER_MINUTE: "5"},
    )
    controlled = replace(one, controls=rate_limited)
    page, cli, kubectl = (
        f"via the hub ({manager})"
        for manager in ("ibgu-page:alice", "ibgu-cli:bob", "kubectl-annotate")
    )
    skipped = f"{names.SKIP}=site-1: 1 waiting clusters skipped"
    await tell(
        journal,
        OnRollout(Kind.ROLLOUT_HELD, held, PAUSED.message, actor=page),
        OnRollout(Kind.ROLLOUT_RELEASED, one, "no longer: paused by alice", actor=cli),
        OnRollout(Kind.CONTROL, controlled, skipped, actor=kubectl),
        OnRollout(
            Kind.CONTROL, controlled, f"{names.STARTS_PER_MINUTE}=5: the rate limit for new starts"
        ),
        OnRollout(Kind.PLAN_ACCEPTED, one, "the plan has 3 steps", actor="via the hub"),
        OnStep(Kind.STEP_FINISHED, step(one, 1), "all have ended", actor="somebody else"),
    )
    assert (await told(ask))[:6] == [
        ("Step finished", "all have ended", "somebody else", None),
        ("Plan changed", "Prep, then Upgrade, then FinalizeUpgrade", None, "the hub"),
        (
            "Rate limit changed",
            f"{names.STARTS_PER_MINUTE}=5: the rate limit for new starts",
            None,
            None,
        ),
        ("Skipped", "1 waiting clusters skipped", None, "kubectl-annotate"),
        ("Resumed", "no longer: paused by alice", "bob", "cli"),
        ("Paused", PAUSED.message, "alice", "page"),
    ]
    assert (await told(ask))[-1][0] == "Created"


async def test_clusters_have_no_part_in_it_and_a_limit_keeps_the_newest(
    ask: Ask, journal: Journal
) -> None:
    one = await fleet(journal)
    await put(journal, *(succeeded(step(one, 1), f"c{n}", n + 9) for n in range(3)))
    answer = await ask("bob", "rollouts/default/ran-r1/activity")
    assert {each["kind"] for each in answer.json()["items"]} == {"RolloutSeen", "StepStarted"}
    assert [each[0] for each in await told(ask, limit=1)] == ["Step started"]


async def test_a_hold_names_the_kind_of_its_reason(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    upgrade = step(one, 1, hold=CIRCUIT_BREAKER)
    await tell(
        journal,
        OnRollout(Kind.ROLLOUT_HELD, replace(one, hold=PAUSED), PAUSED.message),
        OnRollout(Kind.ANNOTATIONS_CHANGED, replace(one, hold=PAUSED), "changed"),
        OnStep(Kind.STEP_HELD, upgrade, CIRCUIT_BREAKER.message),
        OnStep(Kind.STEP_RELEASED, replace(upgrade, hold=None), "no longer"),
    )
    items = (await ask("bob", "rollouts/default/ran-r1/activity")).json()["items"]
    assert [each["hold"] for each in items[:4]] == [None, "CircuitBreaker", None, "Paused"]


async def test_pages_together_are_the_whole_activity_once(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    await tell(journal, *(OnRollout(Kind.ROLLOUT_STARTED, one, str(n)) for n in range(4)))
    whole = await told(ask)
    walked: list[str] = []
    query: dict[str, Any] = {}
    while query.get("cursor", "first"):
        page = (await ask("bob", "rollouts/default/ran-r1/activity", limit=3, **query)).json()
        walked += [each["title"] for each in page["items"]]
        query = {"cursor": page["nextCursor"]}
    assert walked == [each[0] for each in whole]
    assert len(walked) == 7


async def test_a_skip_that_found_nobody_says_so(ask: Ask, journal: Journal) -> None:
    one = await fleet(journal)
    named = replace(one, controls={names.SKIP: "a"})
    words = f"{names.SKIP}=a: nothing skipped; not skipped: in flight: a"
    await tell(journal, OnRollout(Kind.CONTROL, named, words))
    assert (await told(ask))[0] == ("Nothing skipped", "not skipped: in flight: a", None, None)


@pytest.mark.parametrize(
    ("key", "result", "title", "text"),
    [
        (names.SKIP, "no step is running", "Nothing skipped", "no step is running"),
        (names.RESUME, "nothing was held", "Nothing resumed", "nothing was held"),
        (names.RESUME, "goes on after: x", "Resumed", "goes on after: x"),
        (names.MANUAL_CLEANUP_DONE, "they clean up", "Cleanup confirmed", "they clean up"),
    ],
)
async def test_a_control_without_effect_is_not_shown_as_done(
    ask: Ask, journal: Journal, key: str, result: str, title: str, text: str
) -> None:
    marked = replace(await fleet(journal), controls={key: "1"})
    await tell(journal, OnRollout(Kind.CONTROL, marked, f"{key}=1: {result}"))
    assert (await told(ask))[0][:2] == (title, text)


async def test_the_first_plan_has_not_changed(ask: Ask, journal: Journal) -> None:
    one = replace(await fleet(journal), generation=1)
    await tell(journal, OnRollout(Kind.PLAN_ACCEPTED, one, "the plan has 3 steps"))
    assert (await told(ask))[0][0] == "Plan accepted"


async def test_a_change_of_the_backup_is_no_rate_limit(ask: Ask, journal: Journal) -> None:
    key = names.BACKUP_ANNOTATIONS[0]
    marked = replace(await fleet(journal), controls={key: "x"})
    await tell(journal, OnRollout(Kind.CONTROL, marked, f"{key}=x: the backup before Upgrade"))
    assert (await told(ask))[0][0] == "Backup before Upgrade changed"


@pytest.mark.parametrize(
    ("marks", "words", "warning"),
    [
        ({"ibgu.dev/pasue": "x"}, "ibgu.dev/pasue=x: the annotation does nothing", True),
        ({}, "no ibgu.dev/pasue: no annotation without effect is left", False),
        ({names.CIRCUIT_BREAKER: "x"}, "ibgu.dev/circuit-breaker=x: expected: off", True),
    ],
)
async def test_an_annotation_that_does_nothing_has_a_title_of_its_own(
    ask: Ask, journal: Journal, marks: dict[str, str], words: str, warning: bool
) -> None:
    marked = replace(await fleet(journal), controls=marks)
    await tell(journal, OnRollout(Kind.CONTROL, marked, words, warning=warning))
    assert (await told(ask))[0][0] == "Annotation not understood"


async def test_a_rollout_that_has_just_been_seen(ask: Ask, journal: Journal) -> None:
    await tell(journal, OnRollout(Kind.ROLLOUT_SEEN, rollout(), "seen on the hub"))
    assert await told(ask) == [("Created", "Prep, then Upgrade, then FinalizeUpgrade", None, None)]
