"""A rollout of a FleetUpdate over REST: what is shown of it, and what may be changed."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ibgu.core.model import Cause, Kind, OnRollout, Outcome, RolloutState, RunResult
from ibgu.core.model.kinds import ClusterUpdate, PlanItem, Release, RolloutObject, RolloutSpec
from ibgu.core.model.kinds import RolloutStrategy as Strategy
from ibgu.core.model.names import FLEET_UPDATE
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.conftest import Ask
from tests.api.fleet import open_step, put, rollout, tell
from tests.api.test_changes import Post, admin, post
from tests.api.test_explain import told
from tests.db.records import ended, ending, member, started, starting, step, with_run

__all__ = ["admin", "post"]
IMAGE = f"quay.example/release@sha256:{'a' * 64}"
NAME = "ran-x1"
FOLLOW_UPS = {"retry", "finalize", "cancel", "rollback", "confirm-cleanup"}


@pytest.fixture
async def uid(admin: HubClient) -> AsyncIterator[str]:
    body: dict[str, Any] = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": FLEET_UPDATE,
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "update": {"release": {"version": "4.16.12", "image": IMAGE}},
            "clusterLabelSelectors": [{"matchLabels": {"no": "cluster"}}],
            "plan": [{"actions": ["Update"], "rolloutStrategy": {"maxConcurrency": 1}}],
        },
    }
    path = paths.rollout_objects(FLEET_UPDATE, "default")
    made = await admin.request("POST", path, body=body)
    yield msgspec.json.decode(made, type=RolloutObject).metadata.uid
    await admin.request("DELETE", paths.rollout_object(FLEET_UPDATE, "default", NAME))


@pytest.fixture
async def failed(journal: Journal, uid: str) -> str:
    """The update of cluster a was refused."""
    spec = RolloutSpec(
        plan=[PlanItem(["Update"], Strategy(max_concurrency=1))],
        update=ClusterUpdate(release=Release("4.16.12", IMAGE)),
    )
    found = rollout(
        uid, name=NAME, kind=FLEET_UPDATE, spec=spec, state=RolloutState.RUNNING, generation=1
    )
    await tell(journal, OnRollout(Kind.ROLLOUT_SEEN, found, "seen"))
    opened = await open_step(journal, replace(step(found, total=1), actions=("Update",)))
    waiting = member(opened, "a")
    await put(journal, waiting)
    began = started(waiting, slot=1)
    assert began.run
    began = replace(began, run=replace(began.run, action="Update"))
    await journal.commit(starting(began))
    words = "The update cannot be verified: unable to verify sha256:aaa against keyrings"
    refused = {"cause": Cause.UPDATE_REFUSED, "failed_action": "Update", "message": words}
    over = ended(began, Outcome.FAILED, **refused)
    await journal.commit(ending(with_run(over, result=RunResult.FAILED, message=words)))
    return uid


@pytest.mark.usefixtures("failed")
async def test_a_rollout_names_its_kind_and_its_release(ask: Ask) -> None:
    body = (await ask("alice", f"rollouts/default/{NAME}")).json()
    assert body["kind"] == FLEET_UPDATE
    assert body["release"] == {"image": IMAGE, "version": "4.16.12"}


@pytest.mark.usefixtures("failed")
async def test_a_refused_cluster_is_explained_in_the_words_of_its_kind(ask: Ask) -> None:
    found = await told(ask, "a")
    assert found["kind"] == "ReleaseUnsigned"
    assert found["evidence"]["commands"][0] == "oc get clusterversion version -o yaml"


@pytest.mark.usefixtures("failed")
async def test_a_rollout_can_be_paused_and_resumed(post: Post, admin: HubClient) -> None:
    paused = await post("olga", "pause", {"why": "a storm"})
    assert paused.status_code == 202, paused.text
    assert f"kubectl -n default annotate fleetupdate {NAME}" in paused.json()["kubectl"]
    resumed = await post("olga", "resume")
    assert resumed.status_code == 202, resumed.text
    path = paths.rollout_object(FLEET_UPDATE, "default", NAME)
    assert "ibgu.dev/pause" not in (await admin.get(path, RolloutObject)).metadata.annotations


@pytest.mark.usefixtures("failed")
async def test_a_step_can_be_appended(post: Post) -> None:
    answer = await post("olga", "steps", {"actions": ["RetractOnFailure"]})
    assert answer.status_code == 202, answer.text


@pytest.mark.usefixtures("failed")
async def test_a_second_object_is_made_by_a_person(ask: Ask, post: Post) -> None:
    items = (await ask("olga", f"rollouts/default/{NAME}/actions")).json()["items"]
    denied = {each["name"]: each["why"] for each in items if not each["allowed"]}
    assert set(denied) >= FOLLOW_UPS
    for name in ("cancel", "retry", "rollback", "finalize"):
        assert "create one that selects these clusters" in denied[name]
        answer = await post("olga", name)
        assert answer.status_code == 409, answer.text
        assert "create one that selects these clusters" in answer.json()["detail"]
