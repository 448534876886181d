"""Changes that can't be undone say what is lost, and are made for who types the rollout's name."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.cli.change import confirming
from ibgu.cli.change.confirming import REPEAT, UNKNOWN, lost_by
from ibgu.client.responses import ChangeResponse
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model import ActingParty, Cause, Kind, OnRollout, Reason, ReasonKind, StepState
from ibgu.core.model.grants import BreakGlass
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.views.change.danger import ADOPT, BREAK_GLASS, SKIP
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.fleet import CIRCUIT_BREAKER, failed, fleet, open_step, put, seen, tell
from tests.api.test_changes import admin, clusters, ibgus, known, made, on_hub
from tests.cli.conftest import Ibgu
from tests.cli.terminal import OnTerminal, on_terminal
from tests.cli.test_changes import log
from tests.db.records import NOW, member, step

__all__ = ["admin", "clusters", "log", "made", "on_terminal"]
Made = Callable[..., Awaitable[str]]

RISKS = {action.name: action.risk for action in IBU_ACTIONS.actions}
CHANGED = "nothing was done: the rollout has changed meanwhile."
DIRECT = pytest.mark.parametrize("direct", [(), ("--direct",)])
RISKY = {
    ("add-step", "ran-x1", "AbortOnFailure"): RISKS[Action.ABORT_ON_FAILURE],
    ("add-step", "ran-x1", "Upgrade", "FinalizeUpgrade"): RISKS[Action.FINALIZE_UPGRADE],
    ("add-step", "ran-x1", "abort"): RISKS[Action.ABORT],
    ("skip", "ran-x1", "--waiting"): SKIP,
    ("adopt", "ran-x1"): ADOPT,
}


def unwrapped(screen: str) -> str:
    """Returns the text without the ends of the terminal's lines, and without colours."""
    return " ".join(re.sub(r"\x1b\[[\d;]*m", "", screen).split())


async def as_it_was(admin: HubClient) -> tuple[int, Any]:
    found = await on_hub(admin)
    return len(found.spec.plan), {
        name: value for name, value in found.metadata.annotations.items() if "ibgu.dev" in name
    }


@DIRECT
@pytest.mark.parametrize("args", RISKY, ids=" ".join)
async def test_without_a_terminal_nothing_is_done(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    args: tuple[str, ...],
    direct: tuple[str, ...],
) -> None:
    unfinished = Reason(ReasonKind.ADOPTION, NOW, "unfinished", None, ActingParty.PERSON)
    found = await fleet(journal, await made("Prep"), name="ran-x1")
    held = OnRollout(Kind.ROLLOUT_HELD, replace(found, hold=unfinished), "unfinished")
    await tell(journal, held)
    before = await as_it_was(admin)
    done = await ibgu(*args, *direct, user="olga")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("ibgu: ran-x1: nothing was done. This can't be undone. ")
    assert RISKY[args].lost in done.stderr
    assert "--yes" in done.stderr
    assert await as_it_was(admin) == before


@DIRECT
async def test_breaking_glass_is_confirmed(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient, direct: tuple[str, ...]
) -> None:
    await fleet(journal, await made("Prep"), name="ran-x1")
    args = ("break-glass", "ran-x1", "--gate", "ClusterHold", "--reason", "INC-7", *direct)
    nobody = await ibgu(*args, user="nora")
    assert (nobody.exit_code, nobody.stdout) == (2, "")
    assert BREAK_GLASS.lost in nobody.stderr
    tried = await ibgu(*args, "--dry-run", user="nora")
    assert f"This can't be undone. {BREAK_GLASS.lost}\n" in tried.stdout, tried.output
    path = paths.break_glasses("default")
    assert [each async for page, _ in admin.list_pages(path, BreakGlass) for each in page] == []


def test_an_answer_that_says_nothing_of_its_risk_is_no_leave_to_go_on() -> None:
    assert lost_by(ChangeResponse(done="done", kubectl="kubectl …")) == UNKNOWN
    assert lost_by(ChangeResponse(done="", kubectl="", danger="reversible")) == ""


async def test_a_risk_that_has_changed_since_it_was_confirmed_stops_the_change(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name was typed for what AbortOnFailure deletes, and by then FinalizeUpgrade is next."""
    uid = await made("Prep", "Upgrade", "AbortOnFailure", "FinalizeUpgrade")
    restored = Reason(ReasonKind.RESTORED, NOW, "restored", None, ActingParty.PERSON)
    found = replace(known(uid), hold=restored)
    await seen(journal, found)
    aborts = await open_step(journal, step(found, 2, Action.ABORT_ON_FAILURE))
    loop = asyncio.get_running_loop()

    def type_it(name: str) -> None:
        over = replace(aborts, state=StepState.FINISHED, finished_at=NOW)
        asyncio.run_coroutine_threadsafe(open_step(journal, over), loop).result()

    monkeypatch.setattr(confirming, "require_terminal", lambda name, risk: None)
    monkeypatch.setattr(confirming, "require_name", type_it)
    refused = await ibgu("resume", "ran-x1", user="olga")
    assert refused.exit_code == 1
    assert "The rollout goes on with AbortOnFailure." in unwrapped(refused.stderr)
    assert refused.stderr.endswith(
        f"ibgu: {CHANGED} This can't be undone. The rollout goes on with FinalizeUpgrade. "
        f"{RISKS[Action.FINALIZE_UPGRADE].lost} {REPEAT}\n"
    )
    assert (await as_it_was(admin))[1] == {}


async def test_a_change_that_a_colleague_has_made_meanwhile_is_said_to_be_made(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await seen(journal, known(await made("Prep")))
    loop = asyncio.get_running_loop()

    def type_it(name: str) -> None:
        strategy = {"maxConcurrency": 1, "timeout": 60}
        added = {"actions": ["Abort"], "rolloutStrategy": strategy}
        appended = admin.request(
            "PATCH",
            paths.ibgu("default", name),
            body=[{"op": "add", "path": "/spec/plan/-", "value": added}],
            content_type=paths.JSON_PATCH,
        )
        asyncio.run_coroutine_threadsafe(appended, loop).result()

    monkeypatch.setattr(confirming, "require_terminal", lambda name, risk: None)
    monkeypatch.setattr(confirming, "require_name", type_it)
    refused = await ibgu("add-step", "ran-x1", "Abort", user="olga")
    assert refused.exit_code == 1
    assert refused.stderr.endswith(
        f"ibgu: {CHANGED} By now: Abort is the plan's last step already. {REPEAT}\n"
    )


@DIRECT
async def test_typing_the_name_confirms_the_change(
    on_terminal: OnTerminal,
    made: Made,
    journal: Journal,
    admin: HubClient,
    direct: tuple[str, ...],
) -> None:
    await seen(journal, known(await made("Prep")))
    lost = RISKS[Action.ABORT].lost
    args = ("add-step", "ran-x1", "Abort", *direct)
    for typed in ("ran-x\n", "\n", "y\n", "\x03", "\x04"):
        wrong = await on_terminal(*args, types=typed)
        told = unwrapped(wrong.screen)
        assert wrong.exit_code == 1, told
        assert "Abort is step 2 of ran-x1 (2 clusters at a time" in told
        assert "This can't be undone" in told
        assert lost in told
        assert "ibgu: nothing was done" in told
        assert "the same with kubectl" not in told
        assert len((await on_hub(admin)).spec.plan) == 1
    right = await on_terminal(*args, types="ran-x1\n")
    assert right.exit_code == 0, right.screen
    assert lost in unwrapped(right.screen)
    assert (await on_hub(admin)).spec.plan[1].actions == ["Abort"]
    # What is there already is not asked about again.
    again = await on_terminal(*args)
    assert (again.exit_code, again.screen) == (0, "Abort is the plan's last step already\n")


@pytest.mark.usefixtures("clusters")
async def test_for_how_many_clusters_is_said(
    on_terminal: OnTerminal, made: Made, journal: Journal
) -> None:
    names = LabelSelector(match_expressions=[LabelRequirement("name", "In", ["x1-a", "x1-c"])])
    one = known(await made("Prep"))
    spec = replace(one.spec, plan=one.spec.plan[:1], cluster_label_selectors=[names])
    await seen(journal, replace(one, spec=spec))
    asked = await on_terminal("add-step", "ran-x1", "Abort", types="no\n")
    assert "This can't be undone for 2 clusters." in unwrapped(asked.screen)


async def test_a_mistake_is_refused_before_a_name_is_typed(
    on_terminal: OnTerminal, made: Made, journal: Journal
) -> None:
    await seen(journal, known(await made("Prep", "Upgrade")))
    refused = await on_terminal("add-step", "ran-x1", "Abort")
    assert refused.exit_code == 1
    assert "what may follow [Prep][Upgrade]" in unwrapped(refused.screen)
    assert "type the rollout's name" not in refused.screen


async def test_scripts_mean_it_and_their_log_says_what_is_lost(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await seen(journal, known(await made("Prep")))
    tried = await ibgu("add-step", "ran-x1", "Abort", "--dry-run", user="olga")
    assert tried.exit_code == 0, tried.output
    assert f"This can't be undone. {RISKS[Action.ABORT].lost}\n" in tried.stdout
    done = await ibgu("add-step", "ran-x1", "Abort", "--yes", user="olga")
    assert done.exit_code == 0, done.output
    assert done.stderr == f"This can't be undone. {RISKS[Action.ABORT].lost}\n"
    assert len((await on_hub(admin)).spec.plan) == 2


def created_again_meanwhile(
    monkeypatch: pytest.MonkeyPatch, admin: HubClient, made: Made, *plan: str
) -> None:
    """Has ran-x1 deleted and created again while its name is typed to confirm a change."""
    loop = asyncio.get_running_loop()

    async def again() -> None:
        await admin.request("DELETE", paths.ibgu("default", "ran-x1"))
        await made(*plan)

    def type_it(name: str) -> None:
        asyncio.run_coroutine_threadsafe(again(), loop).result()

    monkeypatch.setattr(confirming, "require_terminal", lambda name, risk: None)
    monkeypatch.setattr(confirming, "require_name", type_it)


CREATED_AGAIN = "ibgu: ran-x1 was deleted and created again: look at the new one, then try again\n"


@DIRECT
async def test_a_rollout_that_is_created_again_meanwhile_is_not_changed(
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    monkeypatch: pytest.MonkeyPatch,
    direct: tuple[str, ...],
) -> None:
    await seen(journal, known(await made("Prep")))
    created_again_meanwhile(monkeypatch, admin, made, "Prep")
    refused = await ibgu("add-step", "ran-x1", "Abort", *direct, user="olga")
    assert refused.exit_code == 1
    assert refused.stderr.endswith(CREATED_AGAIN)
    assert len((await on_hub(admin)).spec.plan) == 1


async def going_on(admin: HubClient, journal: Journal, uid: str) -> None:
    """ran-x1 has finalized some of its clusters when the circuit breaker stops it."""
    found = known(uid)
    await seen(journal, found)
    for index, action in enumerate((Action.PREP, Action.UPGRADE)):
        over = step(found, index, action, state=StepState.FINISHED, finished_at=NOW)
        await open_step(journal, over)
    hold = CIRCUIT_BREAKER
    finalize = await open_step(journal, step(found, 2, Action.FINALIZE_UPGRADE, hold=hold, total=3))
    gone = failed(finalize, "a", 0, "no space left", cause=Cause.TIMED_OUT)
    await put(journal, gone, member(finalize, "b", 1), member(finalize, "c", 2))
    message = "Waiting for plan step 2 to be completed"
    condition = {"type": "Progressing", "status": "True", "reason": "InProgress"}
    stamped = condition | {"message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    path = f"{paths.ibgu('default', 'ran-x1')}/status"
    body = {"status": {"conditions": [stamped]}}
    kind = "application/merge-patch+json"
    await admin.request("PATCH", path, body=body, content_type=kind)


@DIRECT
async def test_a_resume_that_finalizes_others_asks_for_the_name(
    on_terminal: OnTerminal,
    ibgu: Ibgu,
    made: Made,
    journal: Journal,
    admin: HubClient,
    direct: tuple[str, ...],
) -> None:
    """The page says so, too: what the step would do to those that wait can't be undone."""
    await going_on(admin, journal, await made("Prep", "Upgrade", "FinalizeUpgrade"))
    lost = f"The rollout goes on with FinalizeUpgrade. {RISKS[Action.FINALIZE_UPGRADE].lost}"
    script = await ibgu("resume", "ran-x1", *direct, user="olga")
    assert (script.exit_code, script.stdout) == (2, "")
    assert script.stderr.startswith("ibgu: ran-x1: nothing was done. This can't be undone. ")
    assert lost in script.stderr
    wrong = await on_terminal("resume", "ran-x1", *direct, types="yes\n")
    told = unwrapped(wrong.screen)
    assert wrong.exit_code == 1
    assert ("" if direct else "This can't be undone for 2 clusters. ") + lost in told
    assert (await as_it_was(admin))[1] == {}
    tried = await ibgu("resume", "ran-x1", "--dry-run", *direct, user="olga")
    assert lost in tried.stdout, tried.output
    done = await on_terminal("resume", "ran-x1", *direct, types="ran-x1\n")
    assert done.exit_code == 0, done.screen
    again = await ibgu("resume", "ran-x1", "--yes", *direct, user="olga")
    assert again.exit_code == 0, again.output
    assert again.stderr == f"This can't be undone. {lost}\n"
    assert set((await as_it_was(admin))[1]) == {"ibgu.dev/resume"}


async def test_a_resume_that_opens_the_next_step_names_no_number(
    on_terminal: OnTerminal, made: Made, journal: Journal, admin: HubClient
) -> None:
    """Nobody knows yet whom that step takes; of the last one nobody waits any more."""
    paused = Reason(ReasonKind.PAUSED, NOW, "paused by a person", None, ActingParty.PERSON)
    found = replace(known(await made("Prep", "Upgrade", "FinalizeUpgrade")), hold=paused)
    await seen(journal, found)
    for index, action in enumerate((Action.PREP, Action.UPGRADE)):
        over = step(found, index, action, state=StepState.FINISHED, finished_at=NOW)
        await open_step(journal, over)
    marks = {"metadata": {"annotations": {"ibgu.dev/pause": ""}}}
    path, kind = paths.ibgu("default", "ran-x1"), "application/merge-patch+json"
    await admin.request("PATCH", path, body=marks, content_type=kind)
    asked = await on_terminal("resume", "ran-x1", types="no\n")
    lost = f"The rollout goes on with FinalizeUpgrade. {RISKS[Action.FINALIZE_UPGRADE].lost}"
    assert f"This can't be undone. {lost}" in unwrapped(asked.screen)


async def test_a_retry_that_finalizes_asks_for_the_name(
    on_terminal: OnTerminal, ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await going_on(admin, journal, await made("Prep", "Upgrade", "FinalizeUpgrade"))
    cluster = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": "a", "labels": {"name": "a", Action.UPGRADE.completed_label: ""}},
        "spec": {},
    }
    await admin.request("POST", paths.MANAGED_CLUSTERS, body=cluster)
    try:
        script = await ibgu("retry", "ran-x1", "a", user="olga")
        assert (script.exit_code, script.stdout) == (2, ""), script.output
        assert "The failed clusters go through FinalizeUpgrade." in script.stderr
        wrong = await on_terminal("retry", "ran-x1", "a", types="a\n")
        assert wrong.exit_code == 1
        assert "This can't be undone for 1 cluster. The failed" in unwrapped(wrong.screen)
        assert len(await ibgus(admin)) == 1
        done = await on_terminal("retry", "ran-x1", "a", "--no-wait", types="ran-x1\n")
        assert done.exit_code == 0, done.screen
        assert len(await ibgus(admin)) == 2
    finally:
        await admin.request("DELETE", paths.managed_cluster("a"))


async def test_reversible_changes_ask_for_no_confirmation(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made("Prep"), name="ran-x1")
    for args in (("pause", "ran-x1"), ("resume", "ran-x1"), ("add-step", "ran-x1", "upgrade")):
        done = await ibgu(*args, user="olga")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert (await on_hub(admin)).spec.plan[1].actions == ["Upgrade"]
    unknown = await ibgu("add-step", "ran-x1", "Upgrde", user="olga")
    assert unknown.exit_code == 2
    assert "'Upgrde' is unknown: do you mean Upgrade?" in unknown.stderr
