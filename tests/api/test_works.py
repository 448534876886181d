"""A cluster's works, read on a real hub with the token of who asks."""

from collections.abc import AsyncIterator

import pytest

from ibgu.api.works.routes import refusal
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.authorization.access import User
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import Ask
from tests.api.fleet import fleet
from tests.api.reporting import APPLIED, CARRIED, VALUES, put_works
from tests.core.drivers.ibu.works.samples import ROLLOUT


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


@pytest.fixture
async def site(admin: HubClient, namespace: str) -> str:
    """A cluster with both works, of which the agent has dealt with one."""
    await put_works(admin, namespace)
    return namespace


async def test_works_show_the_requested_stage_and_the_reported_state(ask: Ask, site: str) -> None:
    answer = await ask("alice", f"clusters/{site}/works")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["cluster"] == site
    payload, stage = body["items"]
    assert (payload["part"], stage["part"]) == ("payload", "stage")
    assert (stage["rollout"], stage["rolloutUid"]) == ("default/ran-417", ROLLOUT.uid)
    assert (stage["armed"], stage["edited"], stage["applied"]) == (True, False, True)
    assert stage["run"] == {
        "id": "r1",
        "action": "Prep",
        "attempt": 2,
        "startedAt": "2026-01-02T03:04:05.678000Z",
        "limit": "2026-01-02T03:04:05.678000Z",
        "result": None,
    }
    assert stage["ibu"] == {
        "state": "preparing",
        "stage": "Prep",
        "generation": 3,
        "observedGeneration": 3,
        "available": "True",
        "nextStages": ["Idle"],
        "seed": "4.17.2",
        "run": "r1",
    }
    [manifest] = stage["manifests"]
    assert manifest["feedback"] == VALUES | {"generation": "3", "observedGeneration": "3"}
    assert manifest["conditions"][0] == APPLIED


async def test_a_work_without_feedback_shows_no_state(ask: Ask, site: str) -> None:
    payload, _ = (await ask("alice", f"clusters/{site}/works")).json()["items"]
    assert payload["agent"].startswith("has reported nothing yet")
    assert (payload["ibu"], payload["run"]) == (None, None)


async def test_the_content_of_a_payload_is_not_shown(ask: Ask, site: str, admin: HubClient) -> None:
    there = (await admin.request("GET", paths.works(site))).decode()
    told = (await ask("alice", f"clusters/{site}/works")).text
    for words in CARRIED:
        assert words in there
        assert words not in told


async def test_the_callers_own_rights_count(ask: Ask, site: str) -> None:
    """bob may read rollouts, and ibgu itself could read the works."""
    refused = await ask("bob", f"clusters/{site}/works")
    assert refused.status_code == 403
    body = refused.json()
    assert body["detail"] == (
        "bob may not list manifestworks.work.open-cluster-management.io in namespace "
        f"{site}; bind a role that allows it to this user on the hub"
    )
    right = ("list", "work.open-cluster-management.io", "manifestworks", site)
    assert tuple(body[name] for name in ("verb", "group", "resource", "namespace")) == right


async def test_a_cluster_of_which_nothing_is_asked(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    known = await ask("alice", "clusters/a/works")
    assert (known.status_code, known.json()["items"]) == (200, [])
    unknown = await ask("alice", "clusters/site-none/works")
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == (
        "cluster site-none has not been in any rollout; check the name"
    )


async def test_works_of_other_owners_are_not_listed(ask: Ask, admin: HubClient, site: str) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "addon"}}
    other = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": "addon", "namespace": site},
        "spec": {"workload": {"manifests": [config_map]}},
    }
    await admin.request("POST", paths.works(site), body=other)
    found = (await ask("alice", f"clusters/{site}/works")).json()["items"]
    assert [each["name"].rpartition("-")[2] for each in found] == ["payload", "stage"]


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [(401, 401, "unauthenticated"), (403, 403, "forbidden"), (0, 503, "hub-unavailable")],
)
def test_refusals_of_the_hub_become_problems(status: int, answered: int, code: str) -> None:
    error = HubError(status, "No", "its words", retry_after=7, method="GET", path="/x")
    problem = refusal(error, "site-1", User("bob"))
    assert (problem.status, problem.code) == (answered, code)
    if answered == 503:
        assert "works of site-1: its words" in problem.detail
        assert problem.headers == {"Retry-After": "7"}
