"""The health check of the GitOps guide, on statuses as ibgu writes them."""

from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime
from msgspec import json

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Reason, ReasonKind, Rollout, RolloutState, StepState
from ibgu.core.views.status import status_of
from tests.core.engine.state.records import (
    NOW,
    book_of,
    done,
    failed,
    in_flight,
    member,
    rollout,
    spec,
    step,
)
from tests.docs.site import DOCS, fences

Object = dict[str, Any]
OURS = frozenset({"phase", "summary", "hidden"})
TALMS: frozenset[str] = frozenset()


def script() -> str:
    for fence in fences(DOCS / "guides" / "gitops.md"):
        document = yaml.safe_load(fence.text) if fence.language == "yaml" else {}
        if document.get("kind") == "ArgoCD":
            return str(document["spec"]["resourceHealthChecks"][0]["check"])
    raise AssertionError("the guide has no health check")


def health(ibgu: Object) -> tuple[str, str]:
    """Runs the check as Argo CD does: Lua 5.1 without its library of strings."""
    lua = LuaRuntime()
    lua.execute("getmetatable('').__index = nil; string = nil")
    lua.globals().obj = lua.table_from(ibgu, recursive=True)
    found = lua.execute(script())
    return found["status"], found["message"]


def stands(
    tracked: TrackedRollout, served: frozenset[str] = OURS, generation: int = 0
) -> tuple[str, str]:
    status = json.decode(json.encode(status_of(tracked, PayloadState(), (), served, NOW)))
    kept = {key: value for key, value in status.items() if value is not None}
    return health({"metadata": {"generation": generation}, "status": kept})


def hold(kind: ReasonKind, message: str) -> Rollout:
    return rollout(spec=spec("Prep"), hold=Reason(kind, NOW, message))


FINISHED = step(total=2, state=StepState.FINISHED)
COMPLETE = rollout(spec=spec("Prep"), state=RolloutState.COMPLETE)


@pytest.mark.parametrize("status", [{}, {"status": {}}, {"status": {"conditions": []}}])
def test_waits_for_ibgu_to_see_it(status: Object) -> None:
    assert health({"metadata": {"generation": 1}, **status})[0] == "Progressing"


@pytest.mark.parametrize("served", [OURS, TALMS])
def test_a_running_rollout_is_progressing(served: frozenset[str]) -> None:
    running = rollout(spec=spec("Prep"), state=RolloutState.RUNNING)
    tracked = book_of(
        running, [step(total=2)], [failed("site-1"), in_flight("site-2"), member("site-3")]
    )
    state, words = stands(tracked, served)
    assert state == "Progressing"
    assert words.startswith("Waiting for plan step 0 to be completed")


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (ReasonKind.INVALID_PLAN, "Degraded"),
        (ReasonKind.RESTORED, "Suspended"),
        (ReasonKind.ADOPTION, "Suspended"),
    ],
)
@pytest.mark.parametrize("served", [OURS, TALMS])
def test_a_held_rollout_is_degraded_or_suspended(
    kind: ReasonKind, state: str, served: frozenset[str]
) -> None:
    tracked = book_of(hold(kind, "for a person"), [], [])
    assert stands(tracked, served) == (state, f"{kind}: for a person")


@pytest.mark.parametrize("served", [OURS, TALMS])
def test_a_complete_rollout_is_healthy(served: frozenset[str]) -> None:
    tracked = book_of(
        COMPLETE, [FINISHED], [done("site-1", Action.PREP), done("site-2", Action.PREP)]
    )
    state, words = stands(tracked, served)
    assert state == "Healthy"
    assert words.startswith("All plan steps are completed")


def test_a_rollout_complete_with_failures_is_degraded() -> None:
    tracked = book_of(
        COMPLETE, [FINISHED], [failed("site-1"), failed("site-2"), done("site-3", Action.PREP)]
    )
    state, words = stands(tracked)
    assert state == "Degraded"
    assert words.startswith("2 failed, the first one is site-1: Upgrade UpgradeFailed: ")


@pytest.mark.parametrize(("served", "state"), [(OURS, "Degraded"), (TALMS, "Healthy")])
def test_failures_that_were_aborted(served: frozenset[str], state: str) -> None:
    """They stay failures where the status has a phase, which says so."""
    aborted = rollout(spec=spec("Prep", "AbortOnFailure"), state=RolloutState.COMPLETE)
    second = step(index=1, actions="AbortOnFailure", state=StepState.FINISHED)
    members = [failed("site-1"), done("site-1", Action.ABORT_ON_FAILURE, step=1)]
    found, words = stands(book_of(aborted, [FINISHED, second], members), served)
    assert found == state
    assert words.startswith("1 failed, the first one is site-1: ") == (served is OURS)


def test_an_appended_step_that_ibgu_has_not_seen_makes_it_progress() -> None:
    tracked = book_of(COMPLETE, [FINISHED], [done("site-1", Action.PREP)])
    assert stands(tracked, generation=COMPLETE.generation)[0] == "Healthy"
    assert stands(tracked, generation=COMPLETE.generation + 1)[0] == "Progressing"
