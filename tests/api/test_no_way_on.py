"""Clusters that no plan takes further: rolled back, or cleaned up again, by one request (R45)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, StepState
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.conftest import Ask
from tests.api.fleet import failed, open_step, put, rollout, seen, succeeded
from tests.api.test_changes import Post, admin, ibgus, made, permitted, post
from tests.api.test_follow_ups import created, detail, of
from tests.db.records import step

__all__ = ["admin", "made", "post"]
pytestmark = pytest.mark.usefixtures("stuck")
Made = Callable[..., Awaitable[str]]
PREPARED, UPGRADED = Action.PREP.completed_label, Action.UPGRADE.completed_label
UPGRADE_FAILED = Action.UPGRADE.failed_label
LABELS = {
    "x4-good": (PREPARED, UPGRADED),
    "x4-stays": (PREPARED, UPGRADE_FAILED),
    "x4-back": (PREPARED, UPGRADE_FAILED),
    "x4-abort": (PREPARED,),
    "x4-finalize": (PREPARED, UPGRADED),
}
NO_CLEANUP = (
    "failed to delete all the backup CRs. Perform cleanup manually then add "
    "'lca.openshift.io/manual-cleanup-done' annotation to ibu CR to transition back to Idle"
)


@pytest.fixture
async def stuck(admin: HubClient) -> AsyncIterator[None]:
    for name, marks in LABELS.items():
        labels = {"name": name, "fleet": "x4"} | dict.fromkeys(marks, "")
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


async def upgraded(journal: Journal, uid: str) -> None:
    """One is upgraded; one failed on the new release, one before the pivot; two could not clean
    up."""
    one = of(uid, "Prep", "Upgrade")
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED, total=5))
    await put(journal, *(succeeded(prep, name, n) for n, name in enumerate(LABELS)))
    up = await open_step(journal, step(one, 1, Action.UPGRADE, total=5))
    over = {"failed_action": Action.UPGRADE}
    stays = {"cause": Cause.UPGRADE_FAILED_AFTER_PIVOT, **over}
    abort = {"cause": Cause.ABORT_FAILED, "failed_action": Action.ABORT}
    finalize = {"cause": Cause.TIMED_OUT, "failed_action": Action.FINALIZE_UPGRADE}
    await put(
        journal,
        succeeded(up, "x4-good", 0),
        failed(up, "x4-stays", 1, "Failed restore CRs: a", **stays),
        failed(up, "x4-back", 2, "Failed backup CRs: a", cause=Cause.UPGRADE_FAILED, **over),
        failed(up, "x4-abort", 3, NO_CLEANUP, **abort),
        failed(up, "x4-finalize", 4, NO_CLEANUP, **finalize),
    )


async def test_a_cluster_that_failed_on_the_new_release_is_rolled_back(
    post: Post, made: Made, journal: Journal, admin: HubClient
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    tried = await post("olga", "rollback", {"failed": True}, dryRun="true")
    assert tried.status_code == 202, tried.text
    assert tried.json()["preview"]["steps"][0]["order"] == ["x4-stays"]
    assert len(await ibgus(admin)) == 1
    done = await post("olga", "rollback", {"failed": True})
    assert done.status_code == 202, done.text
    new = created(await ibgus(admin))
    names, label = new.spec.cluster_label_selectors[0].match_expressions
    assert (names.values, label.key, label.operator) == (["x4-stays"], UPGRADE_FAILED, "Exists")
    assert [item.actions for item in new.spec.plan] == [["Rollback"]]
    again = detail(await post("olga", "rollback", {"failed": True, "clusters": ["x4-stays"]}))
    assert again.startswith(f"the rollout {new.metadata.name} does this already")


@pytest.mark.parametrize(
    ("body", "cluster", "action"),
    [
        ({"action": "Abort"}, "x4-abort", "Abort"),
        ({"clusters": ["x4-finalize"]}, "x4-finalize", "FinalizeUpgrade"),
    ],
)
async def test_a_clean_up_by_hand_is_confirmed_for_one_action(
    post: Post,
    made: Made,
    journal: Journal,
    admin: HubClient,
    ask: Ask,
    body: dict[str, Any],
    cluster: str,
    action: str,
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    assert (await permitted(ask))["confirm-cleanup"] == ""
    reason = {"reason": "deleted the Backups"}
    both = detail(await post("olga", "confirm-cleanup", reason))
    assert both == (
        "nothing was done: 1 cluster Abort, 1 cluster FinalizeUpgrade again; confirm each action "
        "on its own"
    )
    done = await post("olga", "confirm-cleanup", body | reason)
    assert done.status_code == 202, done.text
    assert done.json()["lost"].startswith(
        "olga confirms a manual cleanup there: deleted the Backups. "
    )
    assert done.json()["preview"]["steps"][0]["order"] == [cluster]
    new = created(await ibgus(admin))
    said = new.metadata.annotations["ibgu.dev/manual-cleanup-done"]
    who, when, *words = said.split(" ")
    assert (who, when[:2], " ".join(words)) == ("olga", "20", "deleted the Backups")
    assert [item.actions for item in new.spec.plan] == [[action]]
    assert new.metadata.name.startswith("ran-x1-cleanup-")


@pytest.mark.parametrize("reason", [None, "", " ", "two\nlines", "x" * 201])
async def test_a_confirmation_says_what_was_cleaned_up(
    post: Post, made: Made, journal: Journal, reason: str | None
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    body = {} if reason is None else {"reason": reason}
    assert (await post("olga", "confirm-cleanup", body)).status_code == 422


async def test_a_cluster_cleaned_up_by_a_later_rollout_needs_no_confirmation(
    made: Made, journal: Journal, ask: Ask
) -> None:
    await upgraded(journal, await made("Prep", "Upgrade"))
    later = rollout("later", name="ran-x1-cleanup-1", age=-60)
    await seen(journal, later)
    again = await open_step(journal, step(later, 0, Action.ABORT))
    await put(journal, succeeded(again, "x4-abort", 0))
    assert (await permitted(ask))["confirm-cleanup"] == ""
    await put(journal, succeeded(again, "x4-finalize", 1))
    refused = (await permitted(ask))["confirm-cleanup"]
    assert refused == "no abort or finalize has failed to clean up"
