"""The hub edge on a real API server, with exactly the rights that the chart gives ibgu."""

import asyncio
import gc
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ibgu.core.model.kinds import Lease, ManagedCluster, ManifestWork, ObjectMeta
from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access, AccessReview, User
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.discovery import discover
from ibgu.hub.election.lease import Elector
from ibgu.hub.election.lease_watch import LeaseWatch
from ibgu.hub.election.times import LeaseTimes
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Key, Store
from ibgu.hub.writing.events import event
from ibgu.hub.writing.writer import Write, Writer, WriteResult
from ibgu.sandbox.hub import SandboxHub
from tests.hub.conftest import Json, Until, error_of


@pytest.fixture
async def ibgu(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("ibgu"))) as client:
        yield client


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    token, ca = sandbox_hub.token("admin"), str(sandbox_hub.ca_file)
    async with await HubClient.with_token(sandbox_hub.url, token, ca) as client:
        yield client


@pytest.fixture
async def spoke(admin: HubClient, unique_name: Callable[[str], str]) -> str:
    name = unique_name("spoke")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await admin.request("POST", "/api/v1/namespaces", body=body)
    return name


@asynccontextmanager
async def background(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def work_body(namespace: str, name: str, **labels: str) -> Json:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "default"},
    }
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"workload": {"manifests": [manifest]}},
    }


def label_patch(namespace: str, name: str, value: str, version: str = "") -> Write:
    metadata: Json = {"annotations": {"ibgu.dev/refresh-feedback": value}}
    if version:
        metadata["resourceVersion"] = version
    return Write(
        key=("work", namespace, name),
        method="PATCH",
        path=paths.work(namespace, name),
        body=json.dumps({"metadata": metadata}).encode(),
        content_type=paths.MERGE_PATCH,
        token=value,
    )


async def on_hub(client: HubClient, selector: str) -> dict[Key, str]:
    pages = client.list_pages(paths.works(), ManifestWork, selector=selector, limit=3)
    return {
        (item.metadata.namespace, item.metadata.name): item.metadata.resource_version
        async for items, _ in pages
        for item in items
    }


def content(store: Store[ManifestWork]) -> dict[Key, str]:
    return {(o.metadata.namespace, o.metadata.name): o.metadata.resource_version for o in store}


async def test_discovery_finds_the_features_of_a_real_hub(ibgu: HubClient) -> None:
    served = await discover(ibgu)

    assert len(served.hub) == 36
    assert served.version.number == (1, 36)
    assert served.streaming_lists
    assert served.works
    assert {"Update", "CreateOnly", "ReadOnly"} <= served.update_strategies
    assert served.feedback_by_watch
    assert {"clusters", "conditions", "phase", "summary"} <= served.ibgu_status
    assert not served.cgus


async def test_requests_beyond_the_charts_rights_are_forbidden(ibgu: HubClient) -> None:
    with pytest.raises(HubError) as caught:
        await ibgu.request("DELETE", paths.managed_cluster("nobody"))

    assert caught.value.status == 403
    assert "cannot delete resource" in str(caught.value)


@pytest.mark.filterwarnings("ignore:Sending a large body directly with raw bytes:ResourceWarning")
@pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")
@pytest.mark.parametrize(
    ("megabytes", "words"),
    [
        (1.7, "etcdserver: request is too large"),
        (2.5, "message larger than max"),
        (3.5, "Request entity too large"),
    ],
)
def test_an_oversized_object_is_refused_permanently(
    sandbox_hub: SandboxHub, namespace: str, megabytes: float, words: str
) -> None:
    said, transient = asyncio.run(_refused(sandbox_hub, namespace, megabytes))
    # What the server did not read may be unsent, and its connection open, when the loop is closed:
    # else this is said in whatever test the collector finds it.
    gc.collect()

    assert words in said
    assert not transient


async def _refused(hub: SandboxHub, namespace: str, megabytes: float) -> tuple[str, bool]:
    body = work_body(namespace, "large")
    body["spec"]["workload"]["manifests"][0]["data"] = {"x": "x" * round(megabytes * 2**20)}
    token, ca = hub.token("admin"), str(hub.ca_file)
    async with await HubClient.with_token(hub.url, token, ca) as client:
        with pytest.raises(HubError) as caught:
            await client.request("POST", paths.works(namespace), body=body)
    return caught.value.message, caught.value.transient


async def test_a_wrong_token_is_refused_with_the_servers_words(sandbox_hub: SandboxHub) -> None:
    ca = str(sandbox_hub.ca_file)
    async with await HubClient.with_token(sandbox_hub.url, "wrong", ca) as client:
        with pytest.raises(HubError) as caught:
            await client.get(paths.MANAGED_CLUSTERS, dict)

    assert caught.value.unauthorized


async def test_a_hub_that_can_not_be_trusted_is_refused(sandbox_hub: SandboxHub) -> None:
    async with await HubClient.with_token(sandbox_hub.url, "x", None) as client:
        with pytest.raises(HubError, match=r"CertificateRefused.*certificate"):
            await client.get(paths.VERSION, dict)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_store_follows_the_real_hub(
    ibgu: HubClient, admin: HubClient, spoke: str, until: Until, streaming: bool
) -> None:
    selector = f"test={spoke}"
    rng = random.Random(7)
    for number in range(5):
        await admin.request(
            "POST", paths.works(spoke), body=work_body(spoke, f"w{number}", test=spoke)
        )
    store: Store[ManifestWork] = Store()
    reflector = Reflector(
        ibgu,
        WatchedKind(paths.works(), ManifestWork, whole, labels=selector),
        store,
        streaming=streaming,
        timing=Timing(page=2),
    )
    async with background(reflector.run()):
        await reflector.synced.wait()
        assert content(store) == await on_hub(admin, selector)

        for number in range(40):
            name = f"w{rng.randrange(8)}"
            verb = rng.choice(["POST", "PATCH", "DELETE", "UNLABEL"])
            await _try(admin, verb, spoke, name, number)
        truth = await on_hub(admin, selector)
        await until(lambda: content(store) == truth)

    assert reflector.in_sync


async def _try(admin: HubClient, verb: str, namespace: str, name: str, number: int) -> None:
    patch = {"metadata": {"annotations": {"n": str(number)}}}
    if verb == "UNLABEL":
        verb, patch = "PATCH", {"metadata": {"labels": {"test": "other"}}}
    try:
        if verb == "POST":
            body = work_body(namespace, name, test=namespace)
            await admin.request("POST", paths.works(namespace), body=body)
        elif verb == "PATCH":
            path = paths.work(namespace, name)
            await admin.request("PATCH", path, body=patch, content_type=paths.MERGE_PATCH)
        else:
            await admin.request("DELETE", paths.work(namespace, name))
    except HubError as error:
        assert error.conflict or error.not_found  # noqa: PT017


async def test_a_watch_from_a_version_in_the_future_is_answered_and_silent(ibgu: HubClient) -> None:
    query = {"watch": "true", "resourceVersion": "9999999999", "allowWatchBookmarks": "true"}
    with pytest.raises(HubError) as caught:
        async with ibgu.stream(paths.works(), query=query, timeout=1) as lines:
            await anext(lines)

    assert caught.value.reason == "Timeout"


async def test_writes_and_their_answers(ibgu: HubClient, admin: HubClient, spoke: str) -> None:
    await admin.request("POST", paths.works(spoke), body=work_body(spoke, "w"))
    first = await admin.get(paths.work(spoke, "w"), ManifestWork)
    results: dict[str, WriteResult] = {}
    writer = Writer(ibgu, done=lambda result: results.update({result.write.token: result}))
    async with background(writer.run()):
        writer.submit(label_patch(spoke, "w", "one", first.metadata.resource_version))
        await writer.drained()
        writer.submit(label_patch(spoke, "w", "stale", first.metadata.resource_version))
        await writer.drained()
        writer.submit(
            Write(
                ("work", spoke, "w"),
                "POST",
                paths.works(spoke),
                json.dumps(work_body(spoke, "w")).encode(),
                token="again",
            )
        )
        await writer.drained()
        writer.submit(Write(("work", spoke, "w"), "DELETE", paths.work(spoke, "w"), token="delete"))
        await writer.drained()

    assert results["one"].error is None
    assert error_of(results["stale"]).conflict
    assert not error_of(results["stale"]).already_exists
    assert error_of(results["again"]).already_exists
    assert results["delete"].error is None


async def test_an_event_is_created_once(ibgu: HubClient, admin: HubClient) -> None:
    about = ObjectMeta(name="ran", namespace="default", uid="0c7d8c1e")
    now = datetime.now(UTC)
    results: list[WriteResult] = []
    writer = Writer(ibgu, done=results.append)
    async with background(writer.run()):
        for _ in range(2):
            write = event(
                about,
                "StepStarted",
                "ü" * 3000,
                key=f"{now}",
                now=now,
                instance="test",
                warning=True,
            )
            writer.submit(write)
            await writer.drained()

    assert results[0].error is None
    assert error_of(results[1]).already_exists
    assert results[0].body is not None
    told = json.loads(results[0].body)
    assert told["regarding"]["name"] == "ran"


async def test_the_users_of_tokens_and_their_rights(
    ibgu: HubClient, sandbox_hub: SandboxHub
) -> None:
    access = Access(ibgu)
    alice = await access.user(sandbox_hub.token("alice"))
    bob = await access.user(sandbox_hub.token("bob"))
    assert isinstance(alice, User)
    assert isinstance(bob, User)
    assert (alice.username, bob.username) == ("alice", "bob")
    assert await access.user("nonsense") is None

    def get(namespace: str) -> AccessReview:
        return AccessReview("get", paths.IBGU_GROUP, "imagebasedgroupupgrades", namespace=namespace)

    assert await access.allowed(alice, get("kube-system"))
    assert await access.allowed(bob, get("default"))
    assert not await access.allowed(bob, get("kube-system"))

    asked = ibgu.requests.total()
    assert await access.allowed(alice, get("kube-system"))
    assert await access.user(sandbox_hub.token("alice")) == alice
    assert ibgu.requests.total() == asked


async def test_no_token_is_kept(ibgu: HubClient, sandbox_hub: SandboxHub) -> None:
    access = Access(ibgu)
    token = sandbox_hub.token("alice")
    await access.user(token)

    assert token not in repr(vars(access)) + repr(vars(access._users))


async def test_leadership_passes_from_one_to_the_next(
    ibgu: HubClient, admin: HubClient, unique_name: Callable[[str], str], until: Until
) -> None:
    name = unique_name("lease")
    order: list[str] = []

    def candidate(identity: str) -> Elector:
        times = LeaseTimes(duration=30, renew_deadline=20, retry=0.05)
        return Elector(ibgu, "ibgu-system", name, identity, times=times)

    leads = asyncio.Event()
    second = candidate("two")

    async def one(deadline: Deadline) -> None:
        order.append("one")
        leads.set()
        await until(lambda: second.leader == "one")

    async def two(deadline: Deadline) -> None:
        order.append("two")

    first = asyncio.create_task(candidate("one").run(one))
    await leads.wait()
    await second.run(two)
    await first

    lease = await admin.get(paths.lease("ibgu-system", name), Lease)
    assert order == ["one", "two"]
    assert lease.spec.holder_identity == ""
    assert lease.spec.lease_transitions == 1


@pytest.mark.parametrize("how", ["released", "deleted"])
async def test_a_lease_that_is_free_is_taken_long_before_the_next_look(
    ibgu: HubClient, admin: HubClient, unique_name: Callable[[str], str], until: Until, how: str
) -> None:
    name, loop = unique_name("lease"), asyncio.get_running_loop()
    times = LeaseTimes(duration=600, renew_deadline=500, retry=400)
    leads, ends = asyncio.Event(), asyncio.Event()

    async def first(deadline: Deadline) -> None:
        leads.set()
        await ends.wait()

    async def second(deadline: Deadline) -> None:
        order.append("second")

    order: list[str] = []
    one = asyncio.create_task(Elector(ibgu, "ibgu-system", name, "one", times=times).run(first))
    await leads.wait()
    began = loop.time()
    waiting = Elector(ibgu, "ibgu-system", name, "two", times=times)
    two = asyncio.create_task(waiting.run(second))
    await until(lambda: waiting.leader == "one")
    if how == "released":
        ends.set()
    else:
        await admin.request("DELETE", paths.lease("ibgu-system", name))
    await two
    ends.set()
    await one
    assert order == ["second"]
    assert loop.time() - began < times.retry


async def test_a_standby_hears_of_no_other_lease(
    ibgu: HubClient,
    admin: HubClient,
    unique_name: Callable[[str], str],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, other = unique_name("lease"), unique_name("lease")
    heard: list[str] = []
    tells = LeaseWatch._is_free

    def told(self: LeaseWatch, line: bytes) -> bool:
        heard.append(json.loads(line)["object"]["metadata"]["name"])
        return tells(self, line)

    async def lease(name: str, holder: str) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": {"holderIdentity": holder},
        }
        await admin.request("POST", paths.leases("ibgu-system"), body=body)

    monkeypatch.setattr(LeaseWatch, "_is_free", told)
    await lease(ours, "somebody")
    vacancy = LeaseWatch(ibgu, "ibgu-system", ours)
    vacancy.watch()
    await until(lambda: heard == [ours])
    await lease(other, "")
    await admin.request("DELETE", paths.lease("ibgu-system", ours))
    await vacancy.wait(60)
    vacancy.leave()
    assert heard == [ours, ours]


async def test_a_selected_list_of_clusters(
    ibgu: HubClient, admin: HubClient, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("site")
    body = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name, "labels": {"only": name}},
        "spec": {"hubAcceptsClient": True},
    }
    await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)

    pages = ibgu.list_pages(paths.MANAGED_CLUSTERS, ManagedCluster, selector=f"only={name}")
    found = [item async for items, _ in pages for item in items]

    assert [cluster.metadata.name for cluster in found] == [name]
    assert found[0].spec.hub_accepts_client


async def test_a_restart_of_the_api_server_loses_nothing(
    make_sandbox: type[SandboxHub], until: Until
) -> None:
    with make_sandbox() as hub:
        token, ca = hub.token("admin"), str(hub.ca_file)
        async with await HubClient.with_token(hub.url, token, ca) as admin:
            await _create(admin, "before")
            store: Store[ManifestWork] = Store()
            reflector = Reflector(
                admin,
                WatchedKind(paths.works(), ManifestWork, whole),
                store,
                timing=Timing(backoff=Backoff(longest=0.5)),
            )
            async with background(reflector.run()):
                await reflector.synced.wait()
                stop = asyncio.create_task(asyncio.to_thread(hub.stop_apiserver))
                await until(lambda: not reflector.in_sync)
                await stop
                await asyncio.to_thread(hub.start_apiserver)
                await _create(admin, "after")
                await until(lambda: ("default", "after") in store and reflector.in_sync)
                assert content(store) == await on_hub(admin, "")


async def _create(admin: HubClient, name: str) -> None:
    await admin.request("POST", paths.works("default"), body=work_body("default", name))


@pytest.fixture
def make_sandbox() -> type[SandboxHub]:
    return SandboxHub
