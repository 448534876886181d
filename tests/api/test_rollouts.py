"""Rollouts and steps as the API shows them."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.model import Kind, OnRollout, Reason, ReasonKind, RolloutState
from ibgu.core.model.kinds import PlanItem, RolloutStrategy
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import CIRCUIT_BREAKER, fleet, over, rollout, seen, tell
from tests.db.records import NOW

STAMP = "2026-05-04T03:02:01.123456Z"
INVALID = Reason(ReasonKind.INVALID_PLAN, NOW, "the plan shrank")


async def one(ask: Ask, path: str = "rollouts/default/ran-r1", **query: Any) -> Any:
    answer = await ask("alice", path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_rollout_shows_its_plan_counts_and_current_step(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    assert await one(ask) == {
        "namespace": "default",
        "name": "ran-r1",
        "uid": "r1",
        "phase": "Running",
        "state": "running",
        "hold": None,
        "kind": "ImageBasedGroupUpgrade",
        "release": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"},
        "plan": [
            {"actions": [action], "maxConcurrency": 2, "timeoutMinutes": 240}
            for action in ("Prep", "Upgrade", "FinalizeUpgrade")
        ],
        "generation": 2,
        "createdAt": STAMP,
        "startedAt": STAMP,
        "completedAt": None,
        "deletedAt": None,
        "counts": {
            "total": 7,
            "waiting": 2,
            "running": 1,
            "succeeded": 0,
            "failed": 3,
            "skipped": 0,
            "cancelled": 1,
        },
        "current": {
            "step": 2,
            "actions": ["Upgrade"],
            "counts": {
                "total": 3,
                "waiting": 2,
                "running": 1,
                "succeeded": 0,
                "failed": 0,
                "skipped": 0,
                "cancelled": 0,
            },
            "reasons": (await one(ask, "rollouts/default/ran-r1/steps"))["items"][1]["reasons"],
        },
        "waitsFor": [],
        "stalled": 0,
        "warned": 0,
        "annotationMistakes": [],
        "rollback": None,
        "eta": None,
        "createdBy": None,
        "approvals": [],
        "brokenGlass": [],
    }


async def test_steps_begin_with_what_was_opened_and_end_with_the_plan(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    prep, upgrade, finalize = (await one(ask, "rollouts/default/ran-r1/steps"))["items"]
    assert (prep["step"], prep["state"], prep["finishedAt"]) == (1, "finished", STAMP)
    counts = {"total": 6, "waiting": 0, "running": 0, "succeeded": 2, "failed": 3}
    assert prep["counts"] == counts | {"skipped": 0, "cancelled": 1}
    assert (upgrade["step"], upgrade["maxConcurrency"], upgrade["timeoutMinutes"]) == (2, 2, 240)
    assert upgrade["hold"]["kind"] == "CircuitBreaker"
    assert {each["kind"]: (each["who"], each["count"]) for each in upgrade["reasons"]} == {
        "Rebooting": ("cluster", 1),
        "CircuitBreaker": ("person", 1),
        "ClaimedByOther": ("cluster", 1),
    }
    assert prep["reasons"] == finalize["reasons"] == []
    assert (finalize["step"], finalize["state"]) == (3, "planned")
    assert (finalize["actions"], finalize["counts"]["total"]) == (["FinalizeUpgrade"], 0)


@pytest.mark.parametrize(
    ("state", "hold", "phase"),
    [
        (RolloutState.PENDING, None, "Pending"),
        (RolloutState.RUNNING, None, "Running"),
        (RolloutState.RUNNING, CIRCUIT_BREAKER, "Held"),
        (RolloutState.PENDING, INVALID, "Invalid"),
        (RolloutState.DELETED, None, "Deleted"),
    ],
)
async def test_phases_are_those_of_the_status(
    ask: Ask, journal: Journal, state: RolloutState, hold: Reason | None, phase: str
) -> None:
    await seen(journal, rollout("r1", state=state, hold=hold))
    found = await one(ask)
    assert (found["phase"], found["state"]) == (phase, state.value)
    assert (found["hold"] and found["hold"]["message"]) == (hold and hold.message)


async def test_a_hold_of_the_step_holds_the_rollout(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await one(ask)
    assert (found["phase"], found["hold"]["kind"], found["hold"]["who"]) == (
        "Held",
        "CircuitBreaker",
        "person",
    )


async def test_lists_are_filtered_by_state_and_namespace(ask: Ask, journal: Journal) -> None:
    await seen(
        journal,
        rollout("r1", age=3),
        rollout("r2", age=2, state=RolloutState.COMPLETE),
        rollout("r3", age=1, namespace="edge"),
    )

    async def names(**query: Any) -> list[str]:
        return [each["name"] for each in (await one(ask, "rollouts", **query))["items"]]

    assert await names() == ["ran-r3", "ran-r2", "ran-r1"]
    assert await names(state="running") == ["ran-r3", "ran-r1"]
    assert await names(state=["running", "complete"]) == ["ran-r3", "ran-r2", "ran-r1"]
    assert await names(namespace="edge") == ["ran-r3"]


async def test_a_name_is_its_newest_rollout_and_others_are_found_by_uid(
    ask: Ask, journal: Journal
) -> None:
    old = rollout("r1", age=9, name="ran", state=RolloutState.DELETED, deleted_at=NOW)
    await seen(journal, old, rollout("r2", name="ran"))
    assert (await one(ask, "rollouts/default/ran"))["uid"] == "r2"
    found = await one(ask, "rollouts/default/ran", uid="r1")
    assert (found["uid"], found["phase"]) == ("r1", "Deleted")
    assert (await ask("alice", "rollouts/default/other", uid="r1")).status_code == 404


async def test_a_rollout_that_is_not_there(ask: Ask) -> None:
    answer = await ask("alice", "rollouts/default/ran-9")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(
        "there is no rollout ran-9 in namespace default; an ImageBasedGroupUpgrade appears here"
    )


async def test_other_hubs_are_not_shown(ask: Ask, journal: Journal, context: Any) -> None:
    elsewhere = Journal(context.engine, "another-hub")
    await elsewhere.lead("test")
    await fleet(elsewhere)
    assert (await one(ask, "rollouts"))["items"] == []
    assert (await ask("alice", "rollouts/default/ran-r1")).status_code == 404
    assert (await ask("alice", "clusters/a/history")).status_code == 404


async def test_every_page_together_is_everything_once_while_rollouts_come(
    ask: Ask, journal: Journal
) -> None:
    await seen(journal, *(rollout(f"r{n}", age=n) for n in range(1, 8)))
    found, cursor, page = [], None, 0
    while page == 0 or cursor:
        body = await one(ask, "rollouts", limit=2, **({"cursor": cursor} if cursor else {}))
        found += [each["uid"] for each in body["items"]]
        cursor, page = body["nextCursor"], page + 1
        await seen(journal, rollout(f"new{page}", age=-page))
    assert found == [f"r{n}" for n in range(1, 8)]


async def test_a_rollout_shows_its_newest_state_at_once(ask: Ask, journal: Journal) -> None:
    found = rollout("r1")
    await seen(journal, found)
    complete = await over(journal, found)
    body = await one(ask)
    assert (body["phase"], body["completedAt"]) == ("Completed", STAMP)
    item = PlanItem(["FinalizeUpgrade"], RolloutStrategy(max_concurrency=2, timeout=240))
    grown = replace(complete.spec, plan=[*complete.spec.plan, item])
    appended = replace(complete, spec=grown, generation=3)
    await tell(journal, OnRollout(Kind.PLAN_ACCEPTED, appended, "the plan has 4 steps"))
    body = await one(ask)
    assert (body["phase"], body["state"], body["completedAt"]) == ("Running", "complete", None)


async def test_a_rollout_shows_what_is_wrong_with_its_annotations(
    ask: Ask, journal: Journal
) -> None:
    marks = {"ibgu.dev/pasue": "nora", "ibgu.dev/circuit-breaker": "maybe"}
    one_ = rollout(controls=marks)
    await seen(journal, one_)
    assert (await one(ask))["annotationMistakes"] == [
        "the annotation ibgu.dev/pasue does nothing; do you mean ibgu.dev/pause?",
        'the annotation ibgu.dev/circuit-breaker is "maybe"; expected: off',
    ]
    gone = replace(one_, state=RolloutState.DELETED, deleted_at=NOW)
    await tell(journal, OnRollout(Kind.ROLLOUT_DELETED, gone, "the IBGU was deleted"))
    assert (await one(ask))["annotationMistakes"] == []


async def test_a_mistyped_name_is_answered_with_the_names_that_are_alike(
    ask: Ask, journal: Journal
) -> None:
    gone = rollout("r3", age=1, name="damo", state=RolloutState.DELETED, deleted_at=NOW)
    elsewhere = rollout("r4", name="dmeos", namespace="edge")
    await seen(journal, rollout("r1", age=9, name="demo"), rollout("r2", name="x"), gone, elsewhere)
    for path in ("rollouts/default/dmeo", "rollouts/default/dmeo/steps"):
        detail = (await ask("alice", path)).json()["detail"]
        assert detail.startswith(
            "there is no rollout dmeo in namespace default; do you mean demo or damo? An Image"
        )
    detail = (await ask("alice", "clusters", namespace="default", rollout="xx")).json()["detail"]
    assert "do you mean x?" in detail
