"""Changes on a real hub, made with the rights of who asks for them."""

import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import structlog
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.api.problems import Problem
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.controller.loop.snapshots import actor_of
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    Kind,
    OnRollout,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    StepState,
    names,
)
from ibgu.core.model.grants import Approval, Grants, RolloutApproval
from ibgu.core.model.kinds import JsonObject, ObjectMeta, RolloutObject
from ibgu.core.model.rollout_policy import (
    ApprovalMoment,
    PolicyApproval,
    RolloutPolicy,
    RolloutPolicySpec,
)
from ibgu.db import Journal
from ibgu.db.labels import LabelStore
from ibgu.db.labels import seen as seen_labels
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.conftest import Ask
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    PULL,
    failed,
    finished,
    fleet,
    open_step,
    over,
    put,
    rollout,
    seen,
    tell,
)
from tests.db.records import NOW, member, step

JSON = {"Content-Type": "application/json"}
Post = Callable[..., Awaitable[httpx.Response]]
PATH = "rollouts/default/ran-x1"


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


@pytest.fixture
def post(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Post:
    async def post(user: str, what: str, body: Any = None, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"} | JSON
        path = f"/api/v1/{PATH}/{what}"
        return await client.post(path, json=body, params=query or None, headers=headers)

    return post


def manifest(*steps: str) -> JsonObject:
    strategy = {"maxConcurrency": 2, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {
            "name": "ran-x1",
            "namespace": "default",
            "annotations": {"x.lca.openshift.io/y": "1"},
        },
        "spec": {
            "ibuSpec": {"seedImageRef": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}},
            "clusterLabelSelectors": [{"matchLabels": {"no": "cluster"}}],
            "plan": [{"actions": each.split(), "rolloutStrategy": strategy} for each in steps],
        },
    }


@pytest.fixture
async def made(admin: HubClient) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """`await made("Prep")` puts ran-x1 with that plan on the hub; its uid."""

    async def make(*steps: str) -> str:
        body = manifest(*steps)
        created = await admin.request("POST", paths.ibgus("default"), body=body)
        import msgspec

        return msgspec.json.decode(created, type=RolloutObject).metadata.uid

    yield make
    for name in [each.metadata.name for each in await ibgus(admin)]:
        await admin.request("DELETE", paths.ibgu("default", name))


async def ibgus(admin: HubClient) -> list[RolloutObject]:
    found: list[RolloutObject] = []
    async for items, _ in admin.list_pages(paths.ibgus("default"), RolloutObject):
        found.extend(each for each in items if each.metadata.name.startswith("ran-x1"))
    return found


async def on_hub(admin: HubClient) -> RolloutObject:
    return await admin.get(paths.ibgu("default", "ran-x1"), RolloutObject)


def known(uid: str, **more: Any) -> Rollout:
    return rollout(uid, name="ran-x1", **more)


Made = Callable[..., Awaitable[str]]
GLASS: JsonObject = {"gates": ["ClusterHold"], "reason": "INC-7", "minutes": 60}


async def test_an_operator_pauses_and_resumes(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    uid = await made("Prep", "Upgrade", "FinalizeUpgrade")
    await fleet(journal, uid, name="ran-x1")
    answer = await post("olga", "pause", {"why": "the mirror is down"})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["done"].startswith("olga pauses ran-x1: nothing new starts")
    assert body["kubectl"] == (
        "kubectl -n default annotate imagebasedgroupupgrade ran-x1 "
        "'ibgu.dev/pause=olga: the mirror is down' --overwrite"
    )
    found = await on_hub(admin)
    assert found.metadata.annotations["ibgu.dev/pause"] == "olga: the mirror is down"
    assert actor_of(found) == "via the hub (ibgu-rest:olga)"
    again = (await post("olga", "pause")).json()
    assert again == {
        "done": "ran-x1 is paused already (olga: the mirror is down)",
        "kubectl": "",
        "danger": "reversible",
        "lost": "",
        "uid": uid,
    }
    resumed = await post("olga", "resume")
    assert resumed.status_code == 202, resumed.text
    assert resumed.json()["done"] == "ran-x1 goes on after the pause (olga: the mirror is down)"
    after = (await on_hub(admin)).metadata.annotations
    assert not {"ibgu.dev/pause", "ibgu.dev/resume"} & set(after)
    assert (await post("olga", "resume")).json()["detail"] == "nothing of ran-x1 is held"


async def test_a_mistyped_dry_run_changes_nothing(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    refused = await post("olga", "pause", dryrun=True, uuid="x")
    assert refused.status_code == 422, refused.text
    says = "is not a query parameter of this request; the parameters are dryRun, uid"
    assert refused.json()["errors"] == [
        {"field": name, "in": "query", "message": says} for name in ("dryrun", "uuid")
    ]
    assert "ibgu.dev/pause" not in (await on_hub(admin)).metadata.annotations


async def test_the_end_of_a_pause_is_not_the_end_of_the_circuit_breaker(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    uid = await made("Prep", "Upgrade", "FinalizeUpgrade")
    paused = Reason(ReasonKind.PAUSED, NOW, "paused by a person", None, ActingParty.PERSON)
    one = await fleet(journal, uid, name="ran-x1", hold=CIRCUIT_BREAKER)
    assert (await post("olga", "pause")).status_code == 202
    await tell(journal, OnRollout(Kind.ROLLOUT_HELD, replace(one, hold=paused), "paused"))
    first = await post("olga", "resume")
    assert "still held (CircuitBreaker: 5 clusters in a row have failed)" in first.json()["done"]
    again = await post("olga", "resume")
    assert (again.status_code, again.json()["kubectl"]) == (202, "")
    after = (await on_hub(admin)).metadata.annotations
    assert not {"ibgu.dev/pause", "ibgu.dev/resume"} & set(after)
    await tell(journal, OnRollout(Kind.ROLLOUT_RELEASED, replace(one, hold=None), "goes on"))
    assert (await post("olga", "resume")).json()["done"].startswith("ran-x1 goes on after the hold")
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/resume"].startswith("olga 20")


async def test_a_user_without_patch_rights_is_refused_with_the_missing_verb(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await seen(journal, known(await made("Prep", "Upgrade", "FinalizeUpgrade")))
    with structlog.testing.capture_logs() as logs:
        refused = await post("alice", "pause")
    assert refused.status_code == 403
    body = refused.json()
    assert (body["type"], body["verb"]) == ("tag:ibgu.dev,2026:problem/forbidden", "patch")
    assert 'User "alice" cannot patch resource "imagebasedgroupupgrades"' in body["detail"]
    assert [(log["event"], log["user"]) for log in logs] == [("not changed", "alice")]
    assert "ibgu.dev/pause" not in (await on_hub(admin)).metadata.annotations
    assert (await post("carol", "pause")).status_code == 403


@pytest.fixture
async def granted(admin: HubClient) -> AsyncIterator[None]:
    """Deletes what the test has people grant."""
    yield
    for kind in (paths.rollout_approvals("default"), paths.break_glasses("default")):
        await admin.request("DELETE", kind)


async def test_actions_name_what_waits_for_an_approval(ask: Ask, journal: Journal) -> None:
    last = await open_step(journal, step(await fleet(journal), 2, Action.FINALIZE_UPGRADE))
    gate = Reason(ReasonKind.GATE, NOW, "words", None, ActingParty.PERSON, "RolloutPolicy/a")
    await put(journal, member(last, "b", 0, reason=replace(gate, approval="FinalizeUpgrade")))
    answer = (await ask("nora", "rollouts/default/ran-r1/actions")).json()
    (approve,) = [each for each in answer["items"] if each["name"] == "approve"]
    [awaited] = approve["approvals"]
    assert awaited == {
        "step": 3,
        "before": "FinalizeUpgrade",
        "what": "FinalizeUpgrade of step 3",
        "danger": "irreversible",
        "ahead": False,
    }
    assert (approve["allowed"], approve["danger"]) == (True, "reversible")
    dangers = answer["dangers"]
    assert (dangers["Prep"], dangers["FinalizeUpgrade"]) == ("reversible", "irreversible")


@pytest.mark.parametrize(
    ("user", "what", "body", "danger", "lost"),
    [
        ("olga", "steps", {"actions": ["Upgrade"]}, "reversible", ""),
        ("olga", "steps", {"actions": ["AbortOnFailure"]}, "destructive", "The prepared release"),
        ("olga", "skip", {}, "destructive", "The clusters stay out of this step, and of later"),
        ("olga", "adopt", {}, "irreversible", "The ClusterGroupUpgrades and ManifestWorks of TALM"),
        ("nora", "break-glass", GLASS, "irreversible", "Starts that a policy forbids happen"),
    ],
)
async def test_a_dry_run_says_what_can_not_be_undone(
    post: Post,
    made: Made,
    journal: Journal,
    user: str,
    what: str,
    body: JsonObject,
    danger: str,
    lost: str,
) -> None:
    uid = await made("Prep")
    found = await fleet(journal, uid, name="ran-x1")
    unfinished = Reason(ReasonKind.ADOPTION, NOW, "unfinished", None, ActingParty.PERSON)
    await tell(journal, OnRollout(Kind.ROLLOUT_HELD, replace(found, hold=unfinished), "begun"))
    tried = await post(user, what, body, dryRun=True)
    assert tried.status_code == 202, tried.text
    answer = tried.json()
    assert (answer["danger"], answer["uid"]) == (danger, uid)
    assert answer["lost"].startswith(lost)
    assert bool(answer["lost"]) == bool(lost)


@pytest.mark.usefixtures("granted")
async def test_people_approve_and_break_glass_in_their_own_name(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    uid = await made("Prep")
    await fleet(journal, uid, name="ran-x1")
    for what, body, kind, role in (
        (
            "approve",
            {"step": 1, "before": "Step", "minutes": 60},
            "rolloutapprovals",
            "ibgu-approval-edit",
        ),
        ("break-glass", GLASS, "breakglasses", "ibgu-break-glass-edit"),
    ):
        answer = await post("nora", what, body)
        assert answer.status_code == 202, answer.text
        refused = await post("olga", what, body)
        assert refused.status_code == 403, refused.text
        problem = refused.json()
        assert (problem["verb"], problem["resource"]) == ("create", kind)
        assert f"; the ClusterRole {role}, " in problem["detail"]
    [approval] = [
        each
        async for page, _ in admin.list_pages(paths.rollout_approvals("default"), RolloutApproval)
        for each in page
    ]
    assert (approval.spec.user, approval.spec.rollout.uid) == ("nora", uid)
    tried = await post("nora", "approve", {"before": "Prep", "step": 1}, dryRun=True)
    assert {key: tried.json()[key] for key in ("step", "danger", "lost")} == {
        "step": 1,
        "danger": "reversible",
        "lost": "",
    }
    wrong = await post("nora", "approve", {"step": 2, "before": "Step"})
    assert (wrong.status_code, wrong.json()["detail"]) == (409, "the plan of ran-x1 has no step 2")
    assert (await post("nora", "approve", {"step": 1})).status_code == 422


async def test_a_second_approval_by_the_same_person_creates_none(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    known = Approval(uid="u-a", name="ran-x1-a", user="nora", step=0, before="Step")
    grants = Grants((known,))
    uid = await made("Prep")
    await fleet(journal, uid, name="ran-x1", grants=grants)
    done = await post("nora", "approve", {"step": 1, "before": "Step"})
    assert done.status_code == 202, done.text
    body = done.json()
    assert body["done"].startswith("nora has approved step 1 of ran-x1 already; no policy asks")
    assert (body["kubectl"], body["step"]) == ("", 1)
    pages = admin.list_pages(paths.rollout_approvals("default"), RolloutApproval)
    written = [each async for page, _ in pages for each in page]
    assert uid not in {each.spec.rollout.uid for each in written}


async def test_grants_are_judged_by_the_policies_in_force(
    ask: Ask, post: Post, made: Made, journal: Journal
) -> None:
    await fleet(journal, await made("Prep"), name="ran-x1")
    metadata = ObjectMeta(name="night", uid="u-night", generation=1)
    approval = PolicyApproval(before=ApprovalMoment.STEP)
    await journal.note_policies([RolloutPolicy(metadata, RolloutPolicySpec(approval=approval))])
    for name, status in (("night", 202), ("nosuch", 409)):
        body = GLASS | {"gates": [f"RolloutPolicy/{name}"]}
        assert (await post("nora", "break-glass", body, dryRun=True)).status_code == status
    assert "RolloutPolicy/night" in (await post("nora", "break-glass", body)).json()["detail"]
    assert (await post("olga", "break-glass", body)).status_code == 403
    rest = {"step": 1, "before": "Rest"}
    tried = (await post("nora", "approve", rest, dryRun=True)).json()["done"]
    assert tried == (
        "nora approves the rest of step 1 of ran-x1; no policy asks for approval of the rest of "
        "step 1 now: the policies ask for approval of step 1"
    )
    found = (await ask("nora", f"{PATH}/actions")).json()["items"]
    (permit,) = [each for each in found if each["name"] == "approve"]
    ahead = [(each["step"], each["before"], each["ahead"]) for each in permit["approvals"]]
    assert (permit["allowed"], ahead) == (True, [(2, "Step", True), (3, "Step", True)])
    whole = {"step": 1, "before": "Step"}
    tried = (await post("nora", "approve", whole, dryRun=True)).json()["done"]
    unknown = "1 of 2 (it is not known who the step's author is)"
    assert tried == f"nora approves step 1 of ran-x1; {unknown}: one more person must approve"


async def test_an_appended_step_overwrites_no_annotation_that_has_come_meanwhile(
    post: Post, made: Made, journal: Journal, admin: HubClient, sandbox_hub: SandboxHub
) -> None:
    """The first annotation makes the map of all of them: a pause would have been lost."""
    await fleet(journal, await made("Prep"), name="ran-x1")
    bare = [{"op": "remove", "path": "/metadata/annotations"}]
    where = paths.ibgu("default", "ran-x1")
    await admin.request("PATCH", where, body=bare, content_type=paths.JSON_PATCH)
    tried = await post("olga", "steps", {"actions": ["Upgrade"]}, dryRun="true")
    assert tried.status_code == 202, tried.text
    line = shlex.split(tried.json()["kubectl"])[1:]
    assert (await post("olga", "pause")).status_code == 202
    assert "The request is invalid" in Kubectl(sandbox_hub).run(*line).err
    assert len((await on_hub(admin)).spec.plan) == 1
    answer = await post("olga", "steps", {"actions": ["Upgrade"]})
    assert answer.status_code == 202, answer.text
    annotations = (await on_hub(admin)).metadata.annotations
    assert annotations.keys() >= {"ibgu.dev/pause", "ibgu.dev/step-2-author"}


async def test_changes_are_logged_with_the_user_and_without_the_token(
    post: Post, made: Made, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    await seen(journal, known(await made("Prep", "Upgrade", "FinalizeUpgrade")))
    with structlog.testing.capture_logs() as logs:
        await post("olga", "pause", dryRun="true")
    (log,) = logs
    told = ("pause", "olga", "default/ran-x1", True)
    assert (log["change"], log["user"], log["rollout"], log["dry_run"]) == told
    assert sandbox_hub.token("olga") not in str(logs)


async def test_steps_are_appended_where_the_plan_allows_it(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await seen(journal, known(await made("Prep")))
    tried = await post("olga", "steps", {"actions": ["Upgrade"]}, dryRun="true")
    assert tried.status_code == 202
    assert len((await on_hub(admin)).spec.plan) == 1
    body = {"actions": ["Upgrade"], "maxConcurrency": 7, "timeout": 60}
    answer = await post("olga", "steps", body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["done"].startswith("Upgrade is step 2 of ran-x1")
    added = (await on_hub(admin)).spec.plan[1]
    strategy = added.rollout_strategy
    assert (added.actions, strategy.max_concurrency, strategy.timeout) == (["Upgrade"], 7, 60)
    repeated = await post("olga", "steps", body)
    assert repeated.json()["done"] == "Upgrade is the plan's last step already"
    wrong = await post("olga", "steps", {"actions": ["Prep"]})
    assert wrong.status_code == 409
    assert (
        "what may follow [Prep][Upgrade]: [FinalizeUpgrade] or [AbortOnFailure]"
        in (wrong.json()["detail"])
    )
    assert len((await on_hub(admin)).spec.plan) == 2


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (400, 422, "refused"),
        (401, 401, "unauthenticated"),
        (404, 404, "not-found"),
        (409, 409, "conflict"),
        (422, 422, "refused"),
        (500, 503, "hub-unavailable"),
        (0, 503, "hub-unavailable"),
    ],
)
def test_hub_errors_become_problems(status: int, answered: int, code: str) -> None:
    with pytest.raises(Problem) as problem, refusals_as_problems("olga", "default", "ran-x1"):
        raise HubError(status, "Invalid", "spec.plan: its words", method="PATCH", path="/x")
    assert (problem.value.status, problem.value.code) == (answered, code)
    if status != 401:
        assert "spec.plan: its words" in problem.value.detail


def test_a_missing_right_to_list_clusters_is_named() -> None:
    error = HubError(403, "Forbidden", "no", method="GET", path=paths.MANAGED_CLUSTERS)
    with pytest.raises(Problem) as problem, refusals_as_problems("olga", "default", "ran-x1"):
        raise error
    assert problem.value.members["resource"] == "managedclusters"


@pytest.mark.parametrize(
    "body",
    [{"actions": []}, {"actions": ["prep"]}, {"actions": ["Prep"], "timeout": 0}, {"more": 1}],
)
async def test_bodies_that_can_not_be_used(
    post: Post, made: Made, journal: Journal, body: JsonObject
) -> None:
    await seen(journal, known("nobody"))
    assert (await post("olga", "steps", body)).status_code == 422


async def test_an_object_that_is_gone_or_another_one(
    post: Post, made: Made, journal: Journal
) -> None:
    await seen(journal, known("nobody"))
    gone = await post("olga", "pause")
    assert (gone.status_code, gone.json()["type"].rpartition("/")[2]) == (404, "not-found")
    await made("Prep")
    other = await post("olga", "pause")
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (409, "not-now")


async def test_a_plan_that_changed_meanwhile_is_a_conflict(
    made: Made, admin: HubClient, sandbox_hub: SandboxHub
) -> None:
    from datetime import UTC, datetime

    from ibgu.core.views.change import NewStep, append
    from ibgu.hub.writing.changes import Changes

    await made("Prep")
    changes = Changes(admin, "test")
    target = await changes.read(names.IBGU, "default", "ran-x1", "admin", datetime.now(UTC))
    await changes.make(target, append(target, NewStep(("Upgrade",))))
    with pytest.raises(HubError) as late:
        await changes.make(target, append(target, NewStep(("AbortOnFailure",))))
    assert late.value.conflict
    assert late.value.message == "someone changed the plan of ran-x1 meanwhile"


async def test_a_status_write_does_not_conflict_with_an_appended_step(
    made: Made, admin: HubClient
) -> None:
    from datetime import UTC, datetime

    from ibgu.core.views.change import NewStep, append
    from ibgu.hub.writing.changes import Changes

    await made("Prep")
    changes = Changes(admin, "test")
    target = await changes.read(names.IBGU, "default", "ran-x1", "admin", datetime.now(UTC))
    await admin.request(
        "PATCH",
        paths.ibgu_status("default", "ran-x1"),
        body={"status": {"observedGeneration": 1}},
        content_type=paths.MERGE_PATCH,
    )
    await changes.make(target, append(target, NewStep(("Upgrade",))))
    assert [each.actions for each in (await on_hub(admin)).spec.plan] == [["Prep"], ["Upgrade"]]


async def test_a_complete_rollout_is_not_paused(
    post: Post, made: Made, journal: Journal, admin: HubClient, ask: Ask
) -> None:
    one = known(await made("Prep", "Upgrade", "FinalizeUpgrade"))
    await seen(journal, one)
    await over(journal, one)
    refused = await post("olga", "pause")
    assert refused.status_code == 409, refused.text
    assert refused.json()["detail"].startswith("it is complete: there is nothing left to start")
    assert "ibgu.dev/pause" not in (await on_hub(admin)).metadata.annotations
    found = (await ask("olga", f"{PATH}/actions")).json()["items"]
    assert {each["name"]: each["allowed"] for each in found}["pause"] is False
    # Anyone who may only read is refused for that, not for the rollout's state.
    for what, body in (("pause", None), ("skip", None), ("steps", {"actions": ["Prep"]})):
        reader = await post("alice", what, body)
        assert (reader.status_code, reader.json()["verb"]) == (403, "patch")


async def test_a_resume_accepts_the_warnings_of_clusters_that_wait(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    one = await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    warned = Reason(ReasonKind.WARNING, NOW, "Thing[1] - not deployed", None, ActingParty.PERSON)
    await put(journal, member(step(one, 1, Action.UPGRADE), "b", 1, reason=warned))
    resumed = await post("olga", "resume")
    assert resumed.status_code == 202, resumed.text
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/resume"].startswith("olga ")


async def test_waiting_clusters_are_skipped_by_name_or_reason(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    for body, chosen in (
        ({"clusters": ["b", "g"]}, ["b", "g"]),
        ({"clusters": ["a", "b", "z"], "ifWaiting": True}, ["b"]),
        ({"reason": "ClaimedByOther"}, ["g"]),
        (None, ["waiting", "step-2"]),
    ):
        answer = await post("olga", "skip", body)
        assert answer.status_code == 202, answer.text
        value = (await on_hub(admin)).metadata.annotations["ibgu.dev/skip"]
        assert [part for part in value.split(",") if not part.startswith("20")] == chosen
    nobody = await post("olga", "skip", {"reason": "Unreachable"})
    assert nobody.json()["detail"] == "no cluster waits for the reason Unreachable"


async def test_a_skip_of_who_does_not_wait_is_refused_and_nobody_is_skipped(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    refused = await post("olga", "skip", {"clusters": ["a", "b", "c", "nowhere"]})
    assert refused.status_code == 409, refused.text
    assert refused.json()["detail"] == (
        "nothing was skipped, because only waiting clusters can be: in flight (Upgrade): a; "
        "not in step 2: c, nowhere; 1 other waits"
    )
    alone = await post("olga", "skip", {"clusters": ["a"], "ifWaiting": True})
    assert alone.json()["detail"].endswith("can be: in flight (Upgrade): a")
    nobody = await post("olga", "skip", {"clusters": []})
    says = "no cluster of ran-x1 is named: nothing to skip"
    assert (nobody.status_code, nobody.json()["detail"]) == (409, says)
    assert "ibgu.dev/skip" not in (await on_hub(admin)).metadata.annotations


async def test_five_thousand_clusters_are_skipped_by_name(
    post: Post, made: Made, journal: Journal
) -> None:
    one = await fleet(journal, await made("Prep", "Upgrade", "FinalizeUpgrade"), name="ran-x1")
    upgrade = step(one, 1, Action.UPGRADE)
    for length, status in ((45, 202), (63, 422)):
        clusters = [f"{i:x<{length}}" for i in range(10_000, 15_000)]
        waiting = (member(upgrade, name, length * 5000 + i) for i, name in enumerate(clusters))
        await put(journal, *waiting)
        answer = await post("olga", "skip", {"clusters": clusters}, dryRun=True)
        assert answer.status_code == status, answer.text
    assert "262144 bytes" in answer.json()["detail"]
    too_long = await post("olga", "skip", {"clusters": ["x" * 110 for _ in range(5000)]})
    assert too_long.status_code == 413
    assert "512 KiB, which 5000 clusters" in too_long.json()["detail"]


async def test_actions_that_the_state_refuses_carry_the_reason(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = (await ask("olga", "rollouts/default/ran-r1/actions")).json()["items"]
    told = {each["name"]: each["why"] for each in found}
    assert told["pause"] == told["resume"] == told["retry"] == told["skip"] == ""
    assert told["cancel"] == told["rollback"] == told["finalize"] == ""
    assert told["append-step"] == "nothing may follow [Prep][Upgrade][FinalizeUpgrade]"
    assert told["adopt"] == "TALM left nothing unfinished; there is nothing to adopt"
    assert told["confirm-cleanup"] == "no abort or finalize has failed to clean up"
    assert told["approve"] == "you may not create rolloutapprovals in namespace default"
    assert {each["name"] for each in found if each["allowed"]} == {
        *("pause", "resume", "retry", "skip", "cancel", "rollback", "finalize")
    }


async def permitted(ask: Ask, user: str = "olga", rollout: str = "ran-x1") -> dict[str, str]:
    """Why not, by name; empty: it is allowed."""
    answer = await ask(user, f"rollouts/default/{rollout}/actions")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert all(each["allowed"] == (not each["why"]) for each in items)
    return {each["name"]: each["why"] for each in items}


async def test_a_change_that_fits_no_cluster_says_so_once_labels_are_known(
    ask: Ask, journal: Journal, context: Context
) -> None:
    """The labels of a finalized upgrade are gone, and a deleted cluster has none that count."""
    await fleet(journal)
    store = LabelStore(context.engine, context.hub)
    upgraded = {"lcm.openshift.io/ibgu-upgrade-completed": ""}
    names = ("a", "b", "c", "d", "e", "f", "g")
    await store.put([seen_labels(name, {}) for name in names[:-1]], 1)
    told = await permitted(ask, rollout="ran-r1")
    assert (told["finalize"], told["rollback"]) == ("", "")  # of one nothing is known yet
    await store.put([seen_labels("g", upgraded)], 1)
    told = await permitted(ask, rollout="ran-r1")
    assert (told["finalize"], told["rollback"]) == ("", "")
    await store.drop(["g"], 1)
    told = await permitted(ask, rollout="ran-r1")
    words = "none of its clusters is upgraded and not finalized"
    assert (told["finalize"], told["rollback"], told["cancel"]) == (words, words, "")


async def test_actions_beyond_the_callers_rights_carry_the_missing_right(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    patch = "you may not patch imagebasedgroupupgrades in namespace default"
    told = await permitted(ask, "alice", "ran-r1")
    create = "you may not create imagebasedgroupupgrades in namespace default"
    creating = ("retry", "cancel", "rollback", "finalize", "confirm-cleanup")
    assert {told.pop(each) for each in creating} == {create}
    assert told.pop("approve") == "you may not create rolloutapprovals in namespace default"
    assert set(told.values()) == {patch}
    items = (await ask("alice", "rollouts/default/ran-r1/actions")).json()["items"]
    assert {each["name"]: each["plans"] for each in items}["append-step"] == []


async def test_the_listed_reason_of_retry_matches_its_dry_run(
    ask: Ask, post: Post, made: Made, journal: Journal, context: Context
) -> None:
    """The journal's knowledge of the hub gives the same words as the request's."""
    one = known(await made("Prep", "Upgrade"))
    await seen(journal, one)
    assert (await permitted(ask))["retry"] == "no cluster has failed"
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED))
    refused = {"cause": Cause.PAYLOAD_REFUSED}
    await put(journal, failed(prep, "x1-a", 0, "no", **refused), failed(prep, "x1-z", 1, "no"))
    assert (await permitted(ask))["retry"] == ""  # of their labels nothing is known yet
    store = LabelStore(context.engine, context.hub)
    await store.put([seen_labels(name, {"name": name}) for name in ("x1-a", "x1-z")], 1)
    await store.drop(["x1-z"], 1)
    assert (await permitted(ask))["retry"] == ""
    other = rollout("later", namespace="edge", name="other", age=-60)
    await seen(journal, other)
    theirs = await open_step(journal, step(other, 0, Action.PREP))
    await put(journal, member(theirs, "x1-a", 0))
    assert (await permitted(ask))["retry"] == "", "it only waits there"
    await put(journal, failed(theirs, "x1-a", 0, "no"))
    told = (await permitted(ask))["retry"]
    assert "x1-a (owned by edge/other now)" in told
    assert "x1-z (no ManagedCluster of that name is on the hub)" in told
    asked = await post("olga", "retry", dryRun="true")
    assert (asked.status_code, "owned by edge/other now" in asked.json()["detail"]) == (409, True)


async def test_taking_over_from_talm(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    hold = Reason(ReasonKind.ADOPTION, NOW, "unfinished", None, ActingParty.PERSON)
    await seen(journal, known(await made("Prep", "Upgrade", "FinalizeUpgrade"), hold=hold))
    assert (await post("olga", "adopt")).status_code == 202
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/adopt"].startswith("olga ")


@pytest.fixture
async def clusters(admin: HubClient) -> AsyncIterator[None]:
    """x1-a can be selected, x1-b has to be aborted first."""
    labels = {
        **{name: {"name": name} for name in ("x1-a", "x1-c", "x1-d", "x1-e", "x1-f")},
        "x1-b": {"name": "x1-b", Action.PREP.failed_label: ""},
    }
    for name, marks in labels.items():
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": marks},
            "spec": {"hubAcceptsClient": True},
        }
        await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
    yield
    for name in labels:
        await admin.request("DELETE", paths.managed_cluster(name))


@pytest.mark.usefixtures("clusters")
async def test_failed_clusters_are_tried_again_by_an_ibgu_of_their_own(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    one = known(await made("Prep", "Upgrade", "AbortOnFailure"))
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED))
    await put(
        journal,
        failed(prep, "x1-a", 0, "refused", cause=Cause.PAYLOAD_REFUSED),
        failed(prep, "x1-b", 1, PULL),
        failed(prep, "x1-gone", 2, "precache"),
        finished(prep, "x1-c", 3, Outcome.CANCELLED, cause=Cause.CANCELLED),
        failed(prep, "x1-d", 4, "by hand", cause=Cause.TAKEN_OVER),
        failed(prep, "x1-e", 5, "late", failed_action=None, late="completed late"),
        failed(prep, "x1-f", 6, "no", cause=Cause.PAYLOAD_REFUSED),
    )
    other = rollout("later", name="other", age=-60)
    await seen(journal, other)
    theirs = await open_step(journal, step(other, 0, Action.PREP))
    await put(journal, failed(theirs, "x1-f", 0, "no"))
    before = await post("olga", "retry", {"clusters": ["x1-b"]})
    assert before.status_code == 409
    assert "x1-b (must be aborted first)" in before.json()["detail"]
    none = await post("olga", "retry", {"cause": "TimedOut"})
    assert none.json()["detail"].startswith("none of these clusters has failed")
    answers = [await post("olga", "retry"), await post("olga", "retry")]
    assert [each.status_code for each in answers] == [202, 409]
    said = answers[0].json()["done"]
    assert "takes 1 failed cluster of ran-x1" in said
    for words in ("x1-c (cancelled)", "x1-d (TakenOver)", "x1-e (completed late", "x1-f (owned by"):
        assert words in said
    assert answers[1].json()["detail"].startswith("the rollout ran-x1-retry-")
    (new,) = [each for each in await ibgus(admin) if each.metadata.name != "ran-x1"]
    assert new.metadata.name.startswith("ran-x1-retry-")
    assert new.metadata.annotations == {"x.lca.openshift.io/y": "1"}
    assert [item.actions for item in new.spec.plan] == [["Prep"], ["Upgrade"]]
    (chosen,) = new.spec.cluster_label_selectors[0].match_expressions
    assert (chosen.key, chosen.operator, chosen.values) == ("name", "In", ["x1-a"])
    assert actor_of(new) == "via the hub (ibgu-rest:olga)"
    assert replace(new.spec, plan=[], cluster_label_selectors=[]) == replace(
        (await on_hub(admin)).spec, plan=[], cluster_label_selectors=[]
    )
