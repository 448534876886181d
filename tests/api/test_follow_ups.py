"""Cancel, rollback and finalize on a real hub, with the rights of who asks for them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.concurrency import FleetLists
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Rollout, RolloutState, StepState
from ibgu.core.model.kinds import LabelSelector, RolloutObject
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import Ask
from tests.api.fleet import (
    failed,
    open_step,
    put,
    rollout,
    run_upgrade,
    seen,
    succeeded,
)
from tests.api.test_changes import Post, admin, ibgus, known, made, on_hub, permitted, post
from tests.db.records import NOW, member, started, starting, step

__all__ = ["admin", "made", "post"]
Made = Callable[..., Awaitable[str]]
PREPARED, UPGRADED = Action.PREP.completed_label, Action.UPGRADE.completed_label
FAILED, UPGRADE_FAILED = Action.PREP.failed_label, Action.UPGRADE.failed_label
LABELS: dict[str, tuple[str, ...]] = {
    "x2-waits": (PREPARED,),
    "x2-runs": (PREPARED,),
    "x2-prepared": (PREPARED,),
    "x2-failed": (FAILED,),
    "x2-upgraded": (PREPARED, UPGRADED),
    "x2-held": (PREPARED,),
}


@pytest.fixture
async def labelled(admin: HubClient) -> AsyncIterator[None]:
    """ManagedClusters with the labels that their outcomes left."""
    for name, marks in LABELS.items():
        labels = {"name": name, "fleet": "x2", "ring": name[3]} | dict.fromkeys(marks, "")
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": labels},
            "spec": {"hubAcceptsClient": True},
        }
        await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
    yield
    for name in LABELS:
        await admin.request("DELETE", paths.managed_cluster(name))


def of(uid: str, *steps: str, **more: Any) -> Rollout:
    """ran-x1 as the journal knows it, with the plan that is on the hub."""
    found = known(uid, **more)
    plan = [replace(found.spec.plan[0], actions=each.split()) for each in steps]
    chosen = [LabelSelector(match_labels={"fleet": "x2"})]
    return replace(found, spec=replace(found.spec, plan=plan, cluster_label_selectors=chosen))


async def upgrading(journal: Journal, uid: str) -> Rollout:
    """Prep is over; in the Upgrade one cluster is done, one runs, two wait: one of them for
    another rollout."""
    one = of(uid, "Prep", "Upgrade")
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED, total=6))
    names = ["x2-waits", "x2-runs", "x2-prepared", "x2-upgraded", "x2-held"]
    await put(
        journal,
        *(succeeded(prep, name, n) for n, name in enumerate(names)),
        failed(prep, "x2-failed", 5, "no"),
    )
    upgrade = await open_step(journal, step(one, 1, Action.UPGRADE, total=4))
    runs = member(upgrade, "x2-runs", 1)
    held = member(upgrade, "x2-held", 2)
    await put(journal, succeeded(upgrade, "x2-upgraded", 0), runs, held)
    await put(journal, member(upgrade, "x2-waits", 3))
    await run_upgrade(journal, runs)
    other = rollout("older", name="ran-400", age=60)
    await seen(journal, other)
    theirs = await open_step(journal, step(other, 0, Action.PREP))
    taken = member(theirs, "x2-held", 0)
    await put(journal, taken)
    await journal.commit(starting(started(taken, slot=1)))
    return one


async def over(journal: Journal, uid: str, *steps: str) -> Rollout:
    """All clusters of the plan's steps have succeeded, except one whose Prep failed."""
    one = of(uid, *steps)
    await seen(journal, one)
    prep = step(one, 0, *map(Action, steps[0].split()), state=StepState.FINISHED, total=3)
    await open_step(journal, replace(prep, finished_at=NOW))
    names = ["x2-upgraded", "x2-prepared"]
    await put(
        journal,
        *(succeeded(prep, name, n) for n, name in enumerate(names)),
        failed(prep, "x2-failed", 2, "no"),
    )
    for index in range(1, len(steps)):
        more = step(one, index, Action(steps[index]), state=StepState.FINISHED, total=1)
        await open_step(journal, replace(more, finished_at=NOW))
        await put(journal, succeeded(more, "x2-upgraded", 0))
    complete = replace(one, state=RolloutState.COMPLETE, completed_at=NOW)
    await seen(journal, complete)
    return complete


async def without(admin: HubClient, *names: str) -> None:
    """The selectors of the rollout no longer match these clusters."""
    for name in names:
        body = {"metadata": {"labels": {"fleet": None}}}
        path, kind = paths.managed_cluster(name), paths.MERGE_PATCH
        await admin.request("PATCH", path, body=body, content_type=kind)


def created(found: list[RolloutObject]) -> RolloutObject:
    (new,) = [each for each in found if each.metadata.name != "ran-x1"]
    return new


def selected(new: RolloutObject) -> list[str]:
    (chosen,) = new.spec.cluster_label_selectors[0].match_expressions
    assert (chosen.key, chosen.operator) == ("name", "In")
    return chosen.values


def detail(answer: httpx.Response) -> str:
    assert answer.status_code == 409, answer.text
    return str(answer.json()["detail"])


@pytest.mark.usefixtures("labelled")
async def test_an_upgrade_under_way_is_cancelled_by_a_second_ibgu(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    """Nobody is in it whom the operator does not mean: the upgraded, and another rollout's."""
    await upgrading(journal, await made("Prep", "Upgrade"))
    tried = await post("olga", "cancel", dryRun="true")
    assert tried.status_code == 202, tried.text
    assert len(await ibgus(admin)) == 1
    done = await post("olga", "cancel")
    assert done.status_code == 202, done.text
    body = done.json()
    assert {**body, "preview": None} == {**tried.json(), "preview": None}
    new = created(await ibgus(admin))
    assert new.metadata.name == body["rollout"]
    assert selected(new) == ["x2-failed", "x2-prepared", "x2-runs", "x2-waits"]
    assert [item.actions for item in new.spec.plan] == [["Abort"]]
    assert new.spec.ibu_spec == (await on_hub(admin)).spec.ibu_spec
    assert (body["clusters"], body["danger"]) == (4, "destructive")
    assert "x2-upgraded (upgraded already: roll it back, or finalize it)" in body["done"]
    assert "x2-held (ran-400 works on it)" in body["done"]
    assert body["preview"]["steps"][0]["order"] == selected(new)
    warned = " ".join(body["preview"]["warnings"])
    assert "Upgrade is under way on x2-runs: a cluster that has restarted" in warned
    assert "wait for ran-x1" not in warned  # the Abort takes x2-runs over
    again = detail(await post("olga", "cancel"))
    assert again.startswith(f"the rollout {body['rollout']} does this already: `ibgu status ")


@pytest.mark.usefixtures("labelled")
async def test_a_follow_up_has_one_turn_for_lists_of_the_fleet(
    context: Context, sandbox_hub: SandboxHub, made: Made, journal: Journal
) -> None:
    """Three that each waited for a second turn would wait for each other, and all others too."""
    await upgrading(journal, await made("Prep", "Upgrade"))
    app = create_app(replace(context, fleet_lists=FleetLists(of_user=1)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        headers = {"Authorization": f"Bearer {sandbox_hub.token('olga')}"}
        path = "/api/v1/rollouts/default/ran-x1/cancel?dryRun=true"
        answer = await client.post(path, json={}, headers=headers)
    assert answer.status_code == 202, answer.text


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize(
    ("body", "clusters", "action"),
    [
        ({"which": "waiting"}, ["x2-waits"], "Abort"),
        ({"which": "failed"}, ["x2-failed"], "AbortOnFailure"),
        ({"label": "ring in (p,r)", "maxConcurrency": 7}, ["x2-prepared", "x2-runs"], "Abort"),
        ({"clusters": ["x2-runs"]}, ["x2-runs"], "Abort"),
    ],
)
async def test_selected_clusters_are_cancelled(
    post: Post,
    made: Made,
    journal: Journal,
    admin: HubClient,
    body: dict[str, Any],
    clusters: list[str],
    action: str,
) -> None:
    await upgrading(journal, await made("Prep", "Upgrade"))
    done = await post("olga", "cancel", body)
    assert done.status_code == 202, done.text
    new = created(await ibgus(admin))
    (item,) = new.spec.plan
    assert (selected(new), item.actions) == (clusters, [action])
    assert item.rollout_strategy.max_concurrency == body.get("maxConcurrency", 2)


@pytest.mark.usefixtures("labelled")
async def test_a_complete_rollout_is_cancelled_by_its_own_next_step(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await over(journal, await made("Prep"), "Prep")
    await without(admin, "x2-waits", "x2-runs", "x2-held")
    tried = (await post("olga", "cancel", {"which": "failed"}, dryRun="true")).json()
    assert (tried["rollout"], tried["clusters"]) == ("ran-x1", 1), tried
    assert '"actions":["AbortOnFailure"]' in tried["kubectl"]
    done = (await post("olga", "cancel")).json()
    assert "as the next step of its plan: Abort is step 2 of ran-x1 (" in done["done"]
    assert [item.actions for item in (await on_hub(admin)).spec.plan] == [["Prep"], ["Abort"]]
    assert len(await ibgus(admin)) == 1


@pytest.mark.usefixtures("labelled")
async def test_a_next_step_never_takes_clusters_that_came_later(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    """Another rollout has prepared three more clusters since, which the selectors match now."""
    await over(journal, await made("Prep"), "Prep")
    done = await post("olga", "cancel")
    assert done.status_code == 202, done.text
    new, body = created(await ibgus(admin)), done.json()
    assert selected(new) == ["x2-failed", "x2-prepared"]
    assert (body["rollout"], body["clusters"]) == (new.metadata.name, 2)
    assert body["preview"]["steps"][0]["order"] == selected(new)
    assert [item.actions for item in (await on_hub(admin)).spec.plan] == [["Prep"]]


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize(
    ("body", "plan"),
    [({}, [["Rollback"]]), ({"finalize": True}, [["Rollback", "FinalizeRollback"]])],
)
async def test_upgraded_clusters_are_rolled_back(
    post: Post,
    made: Made,
    journal: Journal,
    admin: HubClient,
    body: dict[str, Any],
    plan: list[list[str]],
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    done = await post("olga", "rollback", body)
    assert done.status_code == 202, done.text
    new = created(await ibgus(admin))
    assert selected(new) == ["x2-upgraded"]
    assert [item.actions for item in new.spec.plan] == plan
    assert "restarts with the release and the data from before" in done.json()["lost"]
    again = detail(await post("olga", "rollback", body))
    assert again.startswith(f"the rollout {new.metadata.name} does this already")


@pytest.mark.parametrize("change", ["pause", "resume", "adopt", "cancel", "retry", "rollback"])
async def test_a_deleted_rollout_takes_no_change(post: Post, journal: Journal, change: str) -> None:
    await seen(journal, of("gone", "Prep", state=RolloutState.DELETED, deleted_at=NOW))
    answer = await post("olga", change)
    assert (answer.status_code, detail(answer)) == (409, "the ImageBasedGroupUpgrade was deleted")


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize("deleted", [False, True])
async def test_a_later_rollout_that_is_deleted_has_no_clusters(
    post: Post, made: Made, journal: Journal, deleted: bool
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    later = rollout("later", name="ran-x1-retry", age=-60)
    await seen(journal, later)
    step_of = await open_step(journal, step(later, 0, Action.PREP))
    await put(journal, succeeded(step_of, "x2-upgraded", 0))
    if deleted:
        await seen(journal, replace(later, state=RolloutState.DELETED, deleted_at=NOW))
    done = await post("olga", "finalize")
    assert done.status_code == (202 if deleted else 409), done.text
    assert deleted or "x2-upgraded (in ran-x1-retry now)" in detail(done)


@pytest.mark.usefixtures("labelled")
async def test_a_later_rollout_that_only_failed_on_a_cluster_does_not_have_it(
    post: Post, made: Made, journal: Journal
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    later = rollout("later", name="five", age=-60)
    chosen = [LabelSelector(match_labels={"fleet": "x2"})]
    await seen(journal, replace(later, spec=replace(later.spec, cluster_label_selectors=chosen)))
    step_of = await open_step(journal, step(later, 0, Action.PREP))
    wrong = {"cause": Cause.WRONG_STATE, "started_at": None}
    await put(journal, failed(step_of, "x2-upgraded", 0, "it is upgraded", **wrong))
    done = await post("olga", "finalize")
    assert (done.status_code, done.json()["clusters"]) == (202, 1), done.text


@pytest.mark.usefixtures("labelled")
async def test_the_upgraded_are_finalized(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    done = await post("olga", "finalize", {"maxConcurrency": 9})
    assert done.status_code == 202, done.text
    assert (done.json()["rollout"], done.json()["clusters"]) == ("ran-x1", 1)
    item = (await on_hub(admin)).spec.plan[2]
    assert (item.actions, item.rollout_strategy.max_concurrency) == (["FinalizeUpgrade"], 9)


@pytest.mark.usefixtures("labelled")
async def test_a_finalization_that_people_must_approve_does_not_start_at_once(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await over(journal, await made("Prep", "Upgrade"), "Prep", "Upgrade")
    policy = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "x2-board"},
        "spec": {
            "clusters": {"selector": {"matchLabels": {"fleet": "x2"}}},
            "actions": ["FinalizeUpgrade"],
            "approval": {"before": "Step"},
        },
    }
    await admin.request("POST", paths.ROLLOUT_POLICIES, body=policy)
    named, dry = {"clusters": ["x2-upgraded"]}, {"dryRun": "true"}
    finalize = (await post("olga", "finalize", named, **dry)).json()["done"]
    back = (await post("olga", "rollback", named, **dry)).json()["done"]
    await admin.request("DELETE", paths.rollout_policy("x2-board"))
    assert finalize.endswith(", which starts once people have approved it")
    assert back.endswith(", which starts at once")


@pytest.mark.usefixtures("labelled")
async def test_clusters_that_do_not_qualify_are_refused_with_a_reason(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgrading(journal, await made("Prep", "Upgrade"))
    named = {"clusters": ["x2-upgraded", "x2-failed"]}
    assert detail(await post("olga", "finalize", named)) == (
        "nothing was done: x2-failed (not upgraded: its Prep failed); 1 cluster could be: name "
        "those alone"
    )
    assert detail(await post("olga", "rollback", {"clusters": ["x2-runs"]})) == (
        "nothing of ran-x1 to roll back: x2-runs (not upgraded)"
    )
    missing = await post("olga", "cancel", {"clusters": ["x2-runs", "nowhere"]})
    assert detail(missing) == (
        "ran-x1: nothing was done, since it has no cluster of that name: nowhere"
    )
    nobody = await post("olga", "cancel", {"label": "ring=none"})
    assert detail(nobody) == "ran-x1 has no such cluster: nothing to cancel"
    wrong = await post("olga", "cancel", {"label": "a in b"})
    assert (wrong.status_code, "label" in wrong.text) == (422, True)
    assert len(await ibgus(admin)) == 1


async def test_a_rollout_that_has_begun_nothing(
    post: Post, made: Made, journal: Journal, ask: Ask
) -> None:
    await seen(journal, of(await made("Prep"), "Prep"))
    assert (await permitted(ask))["cancel"].startswith("it has no clusters yet")
    assert detail(await post("olga", "cancel")).startswith("ran-x1 has no such cluster")


async def test_a_user_without_create_rights_is_refused_every_follow_up(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await seen(journal, of(await made("Prep"), "Prep"))
    for what in ("cancel", "rollback", "finalize", "confirm-cleanup"):
        refused = await post("alice", what, {"reason": "by hand"} if "clean" in what else None)
        assert (refused.status_code, refused.json()["verb"]) == (403, "create")
    assert len(await ibgus(admin)) == 1


@pytest.mark.usefixtures("labelled")
async def test_the_failed_are_aborted_and_then_retried_by_the_same_request(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgrading(journal, await made("Prep", "Upgrade"))
    refused = detail(await post("olga", "retry"))
    assert refused.startswith("can't be retried: x2-failed (must be aborted first); use --abort")
    first = await post("olga", "retry", {"abortFirst": True})
    assert first.status_code == 202, first.text
    body = first.json()
    assert (body["again"], body["clusters"], body["danger"]) == (True, 1, "destructive")
    abort = created(await ibgus(admin))
    assert (abort.metadata.name, selected(abort)) == (body["rollout"], ["x2-failed"])
    assert [item.actions for item in abort.spec.plan] == [["AbortOnFailure"]]
    under_way = detail(await post("olga", "retry", {"abortFirst": True}))
    assert under_way.startswith(f"the rollout {abort.metadata.name} does this already")

    aborting = rollout(abort.metadata.uid, name=abort.metadata.name, age=-60, spec=abort.spec)
    await seen(journal, aborting)
    step_of = await open_step(journal, step(aborting, 0, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(step_of, "x2-failed", 0))
    early = detail(await post("olga", "retry", {"abortFirst": True}))
    assert "its labels are not removed yet: try again in a moment" in early
    await admin.request(
        "PATCH",
        paths.managed_cluster("x2-failed"),
        body={"metadata": {"labels": {FAILED: None}}},
        content_type=paths.MERGE_PATCH,
    )
    second = await post("olga", "retry", {"abortFirst": True})
    assert second.status_code == 202, second.text
    assert second.json()["again"] is False
    names = {each.metadata.name: each for each in await ibgus(admin)}
    retried = names[second.json()["rollout"]]
    assert selected(retried) == ["x2-failed"]
    assert [item.actions for item in retried.spec.plan] == [["Prep"], ["Upgrade"]]
