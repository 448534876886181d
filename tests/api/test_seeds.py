"""Seed images with their results, read on a real hub with the token of who asks."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from ibgu.api.problems import Problem
from ibgu.api.requests.refusals import read_refusals_as_problems
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Rollout
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview, User
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.conftest import Ask
from tests.api.fleet import PULL, failed, open_step, put, rollout, seen, succeeded
from tests.api.reporting import put_works
from tests.db.records import member, step

SHA = "sha256:" + "5e" * 32
IMAGE = f"registry.example.com/seeds/du@{SHA}"


def of_image(uid: str, image: str, **more: Any) -> Rollout:
    seed = SeedImageRef(image=image, version="4.17.3")
    return rollout(uid, spec=RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=seed)), **more)


async def upgraded(journal: Journal, of: Rollout, *clusters: str) -> None:
    """These clusters upgrade, and three others fail in Prep."""
    await seen(journal, of)
    total = len(clusters) + 3
    upgrade = await open_step(journal, step(of, 0, Action.UPGRADE, total=total))
    await put(journal, *(succeeded(upgrade, name, n) for n, name in enumerate(clusters)))
    prep = await open_step(journal, step(of, 1, Action.PREP, total=3))
    await put(
        journal,
        failed(prep, "x", 0, PULL),
        failed(prep, "y", 1, f"{PULL} again"),
        failed(prep, "z", 2, "no such thing was ever heard of"),
    )


@pytest.fixture
def entry(kubectl: Kubectl, unique_name: Callable[[str], str]) -> Iterator[str]:
    name = unique_name("du")
    kubectl.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": name},
            "spec": {
                "image": IMAGE,
                "release": "4.17.3",
                "profile": {"hardware": "r750"},
                "generatedFrom": {"cluster": "seed-1"},
                "circuitBreaker": {"percent": 20},
            },
        }
    )
    yield name
    kubectl("delete", "seedimage", name)


async def test_an_entry_shows_what_became_of_its_clusters(
    ask: Ask, journal: Journal, entry: str
) -> None:
    await upgraded(journal, of_image("r1", f"mirror.example/du@{SHA}"), "a", "b")
    answer = await ask("alice", f"seed-images/{entry}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["name"], found["image"], found["release"]) == (entry, IMAGE, "4.17.3")
    assert found["profile"] == {"hardware": "r750"}
    origin = {"cluster": "seed-1", "lifecycleAgent": "", "oadp": "", "time": ""}
    assert found["generatedFrom"] == origin
    assert found["circuitBreaker"] == {
        "sameCause": None,
        "percent": 20,
        "minimumUpgrades": 10,
        "windowMinutes": 1440,
    }
    assert found["results"]["held"] == 0
    results = found["results"]
    assert results["images"] == [f"mirror.example/du@{SHA}"]
    counts = ("rollouts", "upgraded", "rolledBack", "failed")
    assert [results[name] for name in counts] == [1, 2, 0, 3]
    first, second = results["failures"]
    assert (first["failure"], first["cause"], first["count"]) == (
        "PrecacheFailed",
        Cause.PREP_FAILED,
        2,
    )
    assert (second["failure"], second["count"]) == (None, 1)


async def test_the_list_has_used_images_without_an_entry(
    ask: Ask, journal: Journal, entry: str
) -> None:
    await upgraded(journal, of_image("r1", "quay.io/other:4.17.3"), "a")
    found = (await ask("alice", "seed-images")).json()
    assert (found["installed"], found["truncated"]) == (True, False)
    assert [each["name"] for each in found["items"]] == [entry, None]
    own, other = found["items"]
    assert (own["results"]["rollouts"], own["results"]["failures"]) == (0, [])
    assert (other["image"], other["release"], other["profile"]) == (
        "quay.io/other:4.17.3",
        "4.17.3",
        {},
    )
    assert other["results"]["upgraded"] == 1


async def test_results_are_of_namespaces_that_the_caller_may_read(
    ask: Ask, journal: Journal, kubectl: Kubectl, entry: str
) -> None:
    await upgraded(journal, of_image("r1", IMAGE), "a")
    elsewhere = of_image("r2", IMAGE, namespace="edge", age=1)
    await seen(journal, elsewhere, of_image("r3", "quay.io/secret:1", namespace="edge", age=2))
    everywhere = (await ask("alice", f"seed-images/{entry}")).json()
    assert everywhere["results"]["rollouts"] == 2
    edge = (await ask("alice", f"seed-images/{entry}", namespace="edge")).json()
    assert (edge["results"]["rollouts"], edge["results"]["upgraded"]) == (1, 0)
    everything = (await ask("alice", "seed-images")).json()["items"]
    assert [each["image"] for each in everything] == [IMAGE, "quay.io/secret:1"]

    kubectl("create", "clusterrole", entry, "--verb=get,list", "--resource=seedimages.ibgu.dev")
    kubectl("create", "clusterrolebinding", entry, f"--clusterrole={entry}", "--user=bob")
    try:
        (own,) = (await ask("bob", "seed-images")).json()["items"]
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", entry)
    assert (own["name"], own["results"]["rollouts"]) == (entry, 1)
    assert (await ask("bob", "seed-images", namespace="edge")).status_code == 403


async def test_without_the_right_the_missing_one_is_named(ask: Ask, entry: str) -> None:
    answer = await ask("bob", f"seed-images/{entry}")
    assert answer.status_code == 403
    problem = answer.json()
    assert (problem["verb"], problem["resource"], problem["group"], problem["name"]) == (
        *("get", "seedimages", "ibgu.dev", entry),
    )


async def test_an_entry_that_is_not_there_is_not_found(ask: Ask) -> None:
    answer = await ask("alice", "seed-images/none")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no SeedImage none on the hub",
    )


@pytest.fixture
async def site(admin: HubClient, namespace: str) -> AsyncIterator[str]:
    """A cluster with works of ibgu's; its name is that of its namespace."""
    body = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": namespace},
        "spec": {"hubAcceptsClient": True},
    }
    await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
    claims = {
        "version.openshift.io": "4.17.3",
        "controlplanetopology.openshift.io": "SingleReplica",
    }
    status = {
        "clusterClaims": [{"name": key, "value": value} for key, value in claims.items()],
        "conditions": [
            {
                "type": "ManagedClusterConditionAvailable",
                "status": "True",
                "reason": "ManagedClusterAvailable",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
    await admin.request(
        "PATCH",
        f"{paths.managed_cluster(namespace)}/status",
        body={"status": status},
        content_type=paths.MERGE_PATCH,
    )
    await put_works(admin, namespace)
    yield namespace
    await admin.request("DELETE", paths.managed_cluster(namespace))


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


async def checks(ask: Ask, user: str, cluster: str) -> dict[str, dict[str, str]]:
    answer = await ask(user, f"clusters/{cluster}/seed")
    assert answer.status_code == 200, answer.text
    assert answer.json()["release"] == "4.17.3"
    return {each["title"]: each for each in answer.json()["checks"]}


async def test_a_cluster_is_checked_before_a_seed_is_made_from_it(
    ask: Ask, journal: Journal, site: str
) -> None:
    found = await checks(ask, "alice", site)
    outcomes = {title: each["outcome"] for title, each in found.items()}
    assert outcomes["single-node OpenShift"] == outcomes["release"] == "passed"
    assert outcomes["connection to the hub"] == outcomes["rollouts"] == "passed"
    # The sandbox's hub has no add-ons, and alice may not list them.
    assert outcomes["add-ons"] == "unknown"
    assert (await checks(ask, "admin", site))["add-ons"]["outcome"] == "passed"
    assert found["ManifestWorks"]["outcome"] == "warning"
    assert found["ManifestWorks"]["message"].startswith("has ")


async def test_a_member_of_a_running_rollout_makes_no_seed(
    ask: Ask, journal: Journal, kubectl: Kubectl, site: str
) -> None:
    running = rollout("r9", namespace="edge")
    await seen(journal, running)
    prep = await open_step(journal, step(running, 0, Action.PREP, total=1))
    await put(journal, member(prep, site, 0))
    busy = (await checks(ask, "alice", site))["rollouts"]
    assert (busy["outcome"], busy["message"]) == (
        "error",
        "it is an unfinished member of edge/ran-r9",
    )
    kubectl("create", "clusterrole", site, "--verb=get", "--resource=managedclusters")
    kubectl("create", "clusterrolebinding", site, f"--clusterrole={site}", "--user=bob")
    try:
        hidden = (await checks(ask, "bob", site))["rollouts"]
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", site)
    assert hidden["message"] == "it is an unfinished member of a rollout of another namespace"


async def test_a_check_takes_the_right_to_read_the_cluster(ask: Ask, site: str) -> None:
    refusal = await ask("carol", f"clusters/{site}/seed")
    assert (refusal.status_code, refusal.json()["resource"]) == (403, "managedclusters")
    none = await ask("alice", "clusters/none/seed")
    assert (none.status_code, none.json()["detail"]) == (404, "there is no cluster none on the hub")


@pytest.mark.parametrize(("status", "code"), [(401, 401), (403, 403), (500, 503), (0, 503)])
def test_a_refusal_of_the_hub_is_a_problem(status: int, code: int) -> None:
    question = AccessReview("list", "ibgu.dev", "seedimages")
    with pytest.raises(Problem) as raised, read_refusals_as_problems(User("alice"), question):
        raise HubError(status, "Refused", "no")
    assert raised.value.status == code
