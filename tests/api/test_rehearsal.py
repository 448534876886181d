"""Rehearsals of a plan, asked for with the rights of the caller."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from msgspec.structs import replace
from starlette.requests import Request

from ibgu.api.app import create_app
from ibgu.api.context import Context, RehearsalLimits
from ibgu.api.http.leaving import unless_left
from ibgu.api.preview.proposals import of_manifest
from ibgu.api.problems import Problem
from ibgu.api.rehearsal import process
from ibgu.api.rehearsal.mapping import MAX_REGIONS, plan_body
from ibgu.api.rehearsal.process import rehearsed
from ibgu.api.rehearsal.work import PlanAndOdds, RehearsalWork, outlooks
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import RolloutState, StepState
from ibgu.core.model.names import FLEET_UPDATE
from ibgu.core.rehearsal.model import Odds, RehearsedPlan
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import fleet, open_step, seen
from tests.api.test_changes import Made, admin, known, made
from tests.api.test_connections import until
from tests.api.test_fleet_updates import IMAGE
from tests.api.test_preview import clusters, freeze, proposed
from tests.core.rehearsal.test_outlook import UP, plan
from tests.db.records import NOW, step

__all__ = ["admin", "clusters", "freeze", "made"]

pytestmark = pytest.mark.hub
Rehearse = Callable[..., Coroutine[Any, Any, httpx.Response]]
BEGIN = "2026-12-01T22:00:00Z"
NAMED = {"namespace": "default", "name": "ran-x1"}


@pytest.fixture
def rehearse(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Rehearse:
    async def rehearse(user: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        sent = {"begin": BEGIN, "runs": 20} | body
        return await client.post("/api/v1/rehearsal", json=sent, headers=headers)

    return rehearse


def taking(action: str, minutes: float, **more: Any) -> dict[str, Any]:
    return {"action": action, "p50": minutes, "p95": minutes} | more


async def test_a_plan_with_the_times_that_the_caller_expects(rehearse: Rehearse) -> None:
    assumed = [taking("Prep", 10), taking("Upgrade", 40)]
    body = proposed("Prep", "Upgrade")
    answer = await rehearse("alice", manifest=body, assumed=assumed, by="fleet")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["begin"], found["runs"]) == (BEGIN, 20)
    (only,) = found["plans"]
    assert (only["name"], only["clusters"], only["slots"]) == ("ran-x1", 3, 2)
    first, second = only["steps"]
    assert (first["step"], first["actions"], first["succeeded"]) == (1, ["Prep"], 2)
    assert first["end"] == {"p5": 600, "p50": 600, "p95": 600}
    assert second["end"] == only["end"] == {"p5": 3000, "p50": 3000, "p95": 3000}
    assert only["ends"] == [3000] * 20
    assert only["pulls"]["p95"] == 2
    assert [each["value"] for each in only["regions"]] == ["pv"]
    assert (only["moreRegions"], only["held"], only["trips"], only["policies"]) == (0, [], [], [])
    assert only["warnings"] == []
    assert (only["approvals"], only["endless"], only["assumed"]) == ([], [], [])


async def test_a_seed_draws_the_same_again_and_two_plans_have_the_same_luck(
    rehearse: Rehearse,
) -> None:
    body = proposed("Prep", "Upgrade")
    wide = proposed("Prep", "Upgrade")
    wide["metadata"]["name"] = "wide"
    first = (await rehearse("olga", manifest=body, seed=7)).json()["plans"]
    both = (await rehearse("olga", manifest=body, against=wide, seed=7)).json()["plans"]
    assert [each["name"] for each in both] == ["ran-x1", "wide"]
    assert [each | {"name": "ran-x1"} for each in both] == first * 2
    other = (await rehearse("olga", manifest=body, seed=8)).json()["plans"]
    assert other[0]["ends"] != first[0]["ends"]


async def test_a_manifest_may_come_as_text(rehearse: Rehearse) -> None:
    body = proposed("Prep", "Upgrade")
    text = f"kind: Namespace\n---\n{yaml.safe_dump(body)}"
    found = (await rehearse("olga", yaml=text, againstYaml=text)).json()
    same = (await rehearse("olga", manifest=body)).json()
    assert found["plans"] == same["plans"] * 2
    assert found["leftOut"].startswith("other rollouts, and clusters that can't")


async def test_a_fleet_update_is_rehearsed(rehearse: Rehearse) -> None:
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": FLEET_UPDATE,
        "metadata": {"name": "to-4-16-12", "namespace": "default"},
        "spec": {
            "update": {"release": {"version": "4.16.12", "image": IMAGE}},
            "clusterLabelSelectors": [{"matchLabels": {"fleet": "pv"}}],
            "plan": [{"actions": ["Update"], "rolloutStrategy": {"maxConcurrency": 1}}],
        },
    }
    answer = await rehearse("alice", manifest=body, assumed=[taking("Update", 60)])
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["plans"]
    assert (found["steps"][0]["actions"], found["steps"][0]["succeeded"]) == (["Update"], 2)
    assert found["end"]["p50"] == 2 * 3600


async def test_with_tenancy_only_what_is_bound_is_rehearsed(
    context: Context, sandbox_hub: SandboxHub
) -> None:
    app = create_app(replace(context, tenancy=True))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:

        async def asked(user: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
            sent = {"manifest": proposed("Prep")}
            return await client.post("/api/v1/rehearsal", json=sent, headers=headers)

        unbound, refused = await asked("admin"), await asked("olga")
    assert unbound.status_code == 422
    assert "no ManagedClusterSet is bound to namespace default" in unbound.json()["detail"]
    assert (refused.status_code, refused.json()["resource"]) == (403, "managedclustersetbindings")


async def test_failures_that_the_caller_fears_hold_the_step(rehearse: Rehearse) -> None:
    failing = [taking("Prep", 10, failing=100)]
    found = (await rehearse("olga", manifest=proposed("Prep"), assumed=failing)).json()
    (only,) = found["plans"][0]["steps"]
    assert (only["succeeded"], only["failed"]) == (0, 2)


async def test_a_plan_that_selects_nobody_says_so(rehearse: Rehearse) -> None:
    body = proposed("Prep")
    body["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"no": "cluster"}}]
    (found,) = (await rehearse("olga", manifest=body)).json()["plans"]
    assert found["clusters"] == 0
    assert found["end"]["p95"] == 0
    assert len(found["warnings"]) == 1


@pytest.mark.usefixtures("freeze")
async def test_policies_that_select_the_rollout_hold_it(rehearse: Rehearse) -> None:
    body = proposed("Prep")
    assert (await rehearse("alice", manifest=body)).json()["plans"][0]["policies"] == []
    body["metadata"]["labels"] = {"tier": "slow"}
    (found,) = (await rehearse("alice", manifest=body)).json()["plans"]
    (kept,) = found["policies"]
    assert (kept["name"], kept["clusters"]["p50"], kept["missed"]["p95"]) == ("pv-freeze", 2, 0)
    assert found["held"] == [{"by": "policy", "share": 1.0}]


@pytest.mark.usefixtures("freeze")
async def test_policies_that_the_caller_may_not_read_are_left_out(rehearse: Rehearse) -> None:
    body = proposed("Prep")
    body["metadata"]["labels"] = {"tier": "slow"}
    answer = await rehearse("carol", manifest=body)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["plans"]
    assert found["warnings"][0].startswith("you may not list RolloutPolicies, so this leaves out")
    assert "pv-freeze" not in answer.text
    assert (found["policies"], found["held"]) == ([], [])


async def test_a_policy_that_nobody_can_follow_leaves_nothing_to_rehearse(
    rehearse: Rehearse, admin: HubClient
) -> None:
    window = {"cron": "0 1 * * *", "durationMinutes": 60, "timeZone": "Moon/Base"}
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "moon"},
        "spec": {"windows": [window]},
    }
    await admin.request("POST", paths.ROLLOUT_POLICIES, body=body)
    try:
        answer = await rehearse("olga", manifest=proposed("Prep"))
    finally:
        await admin.request("DELETE", paths.rollout_policy("moon"))
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("RolloutPolicy moon can't be followed: spec.windows")


async def test_a_caller_who_may_not_list_clusters_is_refused(rehearse: Rehearse) -> None:
    answer = await rehearse("bob", manifest=proposed("Prep"))
    assert answer.status_code == 403
    assert answer.json()["verb"] == "list"
    assert answer.json()["resource"] == "managedclusters"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "body: specify namespace and name, or a manifest, or yaml"),
        ({"yaml": ""}, "body: specify namespace and name, or a manifest, or yaml"),
        ({"against": {}, "againstYaml": ""}, "body: specify against or againstYaml, not both"),
        ({"againstYaml": "a: 1\nb: {"}, "againstYaml: line 3 isn't valid YAML: "),
        ({"againstYaml": "kind: Pod"}, "againstYaml: contains 0 objects of kind "),
        ({"manifest": {}}, "manifest: "),
        ({"manifest": proposed("Upgrade", "Prep")}, "manifest: "),
        ({"against": {"kind": "Pod", "metadata": {}}}, "against: its kind is not "),
        ({"against": proposed("Nothing")}, "against: "),
        ({"runs": 1001}, "runs: must be at most 1000"),
        ({"runs": 0}, "runs: must be at least 1"),
        ({"begin": "tomorrow"}, 'begin: must be a time such as "2026-12-01T22:00:00Z"'),
        ({"begin": "2026-12-01T22:00:00"}, "begin: must be a time such as"),
        ({"begin": "9999-12-01T22:00:00Z"}, "begin: must be a time such as"),
        ({"by": "no label"}, "by: must be the name of a label"),
        ({"assumed": [{"action": "Fly"}]}, "assumed.0.action: should be one of "),
        ({"assumed": [{"action": "Abort"}]}, "assumed.0.action: no step that is rehearsed has"),
        ({"assumed": [taking("Prep", 1, failing=101)]}, "assumed.0.failing: must be at most 100"),
        ({"assumed": [taking("Prep", 1, failing="x")]}, "assumed.0.failing: must be a number"),
        ({"assumed": [{"action": "Prep", "p50": 1}]}, "assumed.0: specify p50 and p95"),
        ({"assumed": [taking("Prep", 2, p95=1)]}, "assumed.0: p95 must be at least p50"),
    ],
)
async def test_a_field_that_can_not_be_rehearsed_is_named(
    rehearse: Rehearse, sent: dict[str, Any], said: str
) -> None:
    plan = {"manifest": proposed("Prep")} if sent else {}
    answer = await rehearse("olga", **plan | sent)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith(said)


async def test_a_rollout_that_has_not_begun_is_rehearsed_by_its_name(
    rehearse: Rehearse, made: Made, journal: Journal, kubectl: Kubectl
) -> None:
    uid = await made("Prep", "Upgrade", "FinalizeUpgrade")
    await seen(journal, known(uid, state=RolloutState.PENDING, started_at=None))
    answer = await rehearse("olga", **NAMED)
    assert answer.status_code == 200, answer.text
    assert [each["step"] for each in answer.json()["plans"][0]["steps"]] == [1, 2, 3]
    kubectl("annotate", "ibgu", "-n", "default", "ran-x1", "ibgu.dev/starts-per-minute=1")
    hidden = await rehearse("bob", **NAMED)
    assert hidden.status_code == 403
    none = await rehearse("olga", namespace="default", name="ran-none")
    assert none.status_code == 404


async def test_steps_that_have_ended_are_not_rehearsed_again(
    rehearse: Rehearse, made: Made, journal: Journal
) -> None:
    found = known(await made("Prep", "Upgrade", "FinalizeUpgrade"))
    await seen(journal, found)
    over = step(found, 0, Action.PREP, state=StepState.FINISHED, finished_at=NOW, total=6)
    await open_step(journal, over)
    answer = await rehearse("olga", **NAMED)
    assert answer.status_code == 200, answer.text
    (rest,) = answer.json()["plans"]
    assert [each["step"] for each in rest["steps"]] == [2, 3]
    assert "failures in the steps that have ended do not count" in "\n".join(rest["warnings"])


async def test_a_step_that_runs_is_not_rehearsed(
    rehearse: Rehearse, made: Made, journal: Journal
) -> None:
    await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    answer = await rehearse("olga", **NAMED)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("step 2 of ran-x1 is under way")


async def test_a_rollout_whose_steps_have_all_ended_has_none_to_rehearse(
    rehearse: Rehearse, made: Made, journal: Journal
) -> None:
    found = known(await made("Prep", "Upgrade", "FinalizeUpgrade"))
    await seen(journal, found)
    for number, action in enumerate((Action.PREP, Action.UPGRADE, Action.FINALIZE_UPGRADE)):
        over = step(found, number, action, state=StepState.FINISHED, finished_at=NOW, total=6)
        await open_step(journal, over)
    answer = await rehearse("olga", **NAMED)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "no step of the plan is left to rehearse: append one",
    )


async def test_rehearsals_take_turns(rehearse: Rehearse, context: Context) -> None:
    body = proposed("Prep")
    async with context.rehearsals.turn("olga"):
        mine = await rehearse("olga", manifest=body)
        assert (mine.status_code, mine.headers["Retry-After"]) == (429, "20")
        waiting = asyncio.create_task(rehearse("alice", manifest=body))
        await until(lambda: context.rehearsals._places._taken.total() == 2)
        others = await rehearse("nora", manifest=body)
        assert (others.status_code, others.headers["Retry-After"]) == (503, "20")
        assert others.json()["type"].endswith("too-many-rehearsals")
        assert not waiting.done()
    assert (await waiting).status_code == 200


@pytest.fixture
def limited(context: Context, sandbox_hub: SandboxHub) -> Rehearse:
    async def limited(**limits: Any) -> httpx.Response:
        app = create_app(replace(context, rehearsal_limits=RehearsalLimits(**limits)))
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {sandbox_hub.token('olga')}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
            sent = {"manifest": proposed("Prep")}
            return await client.post("/api/v1/rehearsal", json=sent, headers=headers)

    return limited


async def test_the_runs_for_which_the_time_suffices_count(limited: Rehearse) -> None:
    assert (await limited(run_seconds=0.0)).json()["runs"] == 1


async def test_a_rehearsal_that_takes_too_long_is_refused(limited: Rehearse) -> None:
    answer = await limited(seconds=0.01)
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "tag:ibgu.dev,2026:problem/too-large",
    )
    assert "the rehearsal takes more than 0 seconds" in answer.json()["detail"]


async def test_a_rehearsal_that_takes_too_much_memory_is_refused() -> None:
    large = replace(plan(), clusters=list(plan().clusters) * 1000)
    limits = RehearsalLimits(memory=1024**2)
    with pytest.raises(Problem, match="takes more than 1 MiB of memory") as refused:
        await rehearsed([PlanAndOdds(large, dict(UP))], 100, 1, "", limits)
    assert (refused.value.status, refused.value.code) == (422, "too-large")


def work(plan: RehearsedPlan, run_seconds: float = 60.0) -> RehearsalWork:
    return RehearsalWork(
        plans=[PlanAndOdds(plan, UP)],
        runs=5,
        seed=1,
        label="",
        run_seconds=run_seconds,
        cpu_seconds=60,
        memory=2**40,
    )


def test_no_run_begins_once_the_time_is_over() -> None:
    clock = itertools.count().__next__
    (found,) = outlooks(work(plan(), run_seconds=3.0), clock)
    assert found.runs == 3
    (found,) = outlooks(work(plan()), lambda: 0.0)
    assert found.runs == 5


def children() -> set[str]:
    """Returns the processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for path in tasks for pid in path.read_text().split()}


async def long(limits: RehearsalLimits) -> None:
    """Rehearses for longer than any test waits."""
    slow: dict[str, Odds] = dict(UP)
    await rehearsed([PlanAndOdds(plan(), slow)], 10**9, 1, "", limits)


async def begun(before: set[str]) -> str:
    await until(lambda: bool(children() - before))
    return (children() - before).pop()


async def test_the_process_ends_when_nobody_waits_for_it() -> None:
    before = children()
    task = asyncio.create_task(long(RehearsalLimits(run_seconds=3600, seconds=3600)))
    await begun(before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert children() == before


async def test_a_client_that_leaves_ends_the_work() -> None:
    before, left = children(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    request = Request({"type": "http"}, receive)
    doing = long(RehearsalLimits(run_seconds=3600, seconds=3600))
    task = asyncio.create_task(unless_left(request, doing))
    await begun(before)
    left.set()
    with pytest.raises(Problem, match="the client has left"):
        await task
    assert children() == before


async def test_a_client_that_stays_gets_the_answer() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    assert await unless_left(Request({"type": "http"}, never), asyncio.sleep(0, "done")) == "done"


async def test_a_process_that_fails_is_an_error_of_ibgus_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not seen in practice: a module that can't be loaded stands for it."""
    monkeypatch.setattr(process, "_ENVIRONMENT", {"PYTHONPATH": "/nowhere", "HOME": "/nowhere"})
    monkeypatch.setattr(process, "_WORKER", (*process._WORKER[:-1], "ibgu.api.rehearsal.none"))
    with pytest.raises(RuntimeError, match=r"ended with 1: .*No module named"):
        await rehearsed([PlanAndOdds(plan(), dict(UP))], 1, 1, "", RehearsalLimits())


async def test_the_process_gets_nothing_of_its_parents_environment() -> None:
    """The environment of ibgu has its secrets."""
    before = children()
    task = asyncio.create_task(long(RehearsalLimits(run_seconds=3600, seconds=3600)))
    pid = await begun(before)
    environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_text)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {each.partition("=")[0] for each in environment.split("\0") if each} == {"PYTHONPATH"}


async def test_only_the_regions_that_end_last_are_named() -> None:
    clusters = [
        replace(each, name=f"site-{number}", labels={"site": str(number)})
        for number, each in enumerate(list(plan().clusters) * 11)
    ]
    wide = replace(plan(), clusters=clusters)
    (found,) = await rehearsed([PlanAndOdds(wide, dict(UP))], 1, 1, "site", RehearsalLimits())
    body = plan_body(of_manifest(proposed("Prep")), 0, found, ())
    assert (len(body.regions), body.more_regions) == (MAX_REGIONS, 20)
    latest = max(found.regions.values(), key=lambda each: each.p50)
    assert latest.p50 in [each.end.p50 for each in body.regions]
    values = [int(each.value) for each in body.regions]
    assert values == sorted(values)


async def test_an_assumption_is_in_one_place_and_no_warning() -> None:
    (found,) = await rehearsed([PlanAndOdds(plan(), dict(UP))], 1, 1, "", RehearsalLimits())
    told = replace(found, endless=("a backup is missing",), assumed=("no cluster warns",))
    body = plan_body(of_manifest(proposed("Prep")), 0, told, ["no Secret"])
    assert body.warnings == ["no Secret"]
    assert (body.endless, body.assumed) == (["a backup is missing"], ["no cluster warns"])
