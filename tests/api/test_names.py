"""Two tenants on one hub: neither learns the names of the other's rollouts from any answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    Kind,
    OnMember,
    Outcome,
    Reason,
    ReasonKind,
    RunResult,
    RunState,
    Step,
    StepState,
)
from ibgu.core.model.claims import ANOTHER_NAMESPACE, cancelled_by, takes_over_from, works_on
from ibgu.core.model.kinds import LabelSelector, ObjectRef
from ibgu.db import Journal
from ibgu.db.labels import LabelStore
from ibgu.db.labels import seen as labels_of
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import (
    PULL,
    failed,
    finished,
    open_step,
    put,
    rollout,
    run_upgrade,
    seen,
    spec,
    tell,
)
from tests.db.records import NOW, member, started, starting, step, with_run

OURS, THEIRS = "tenant-ours", "tenant-theirs"
SECRET = f"{THEIRS}/ran-secret"
Get = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
def token(sandbox_hub: SandboxHub) -> Iterator[str]:
    """A token of a user who reads and creates IBGUs in OURS, and reads every ManagedCluster."""
    kubectl = Kubectl(sandbox_hub)
    account = f"system:serviceaccount:{OURS}:reader"
    kubectl("create", "namespace", OURS)
    kubectl("create", "serviceaccount", "reader", "-n", OURS)
    ibgus = "imagebasedgroupupgrades.lcm.openshift.io"
    clusters = "managedclusters.cluster.open-cluster-management.io"
    verbs = "--verb=get,list,create"
    kubectl("create", "role", "ours", "-n", OURS, verbs, f"--resource={ibgus}")
    kubectl("create", "rolebinding", "ours", "-n", OURS, "--role=ours", f"--user={account}")
    kubectl("create", "clusterrole", OURS, "--verb=get,list", f"--resource={clusters}")
    kubectl("create", "clusterrolebinding", OURS, f"--clusterrole={OURS}", f"--user={account}")
    yield kubectl("create", "token", "reader", "-n", OURS).strip()
    kubectl("delete", "clusterrole,clusterrolebinding", OURS)
    kubectl("delete", "namespace", OURS, "--wait=false")


@pytest.fixture
async def tenants(journal: Journal) -> None:
    """Our `a` is taken by the other tenant's rollout, `b` was cancelled by it, `c` takes over.

    Sentences are as the controller writes them. Theirs name a second rollout of theirs.
    """
    ours = rollout("ours", namespace=OURS, name="ran-ours")
    theirs = rollout("theirs", namespace=THEIRS, name="ran-secret")
    second = rollout("second", namespace=THEIRS, name="ran-second")
    await seen(journal, ours, theirs, second)
    held = member(await open_step(journal, step(theirs, 0)), "a", 0)
    await put(journal, held)
    await journal.commit(starting(started(held, slot=1)))
    mine = await open_step(journal, step(ours, 0, total=3))
    await put(
        journal, member(mine, "a", 0, reason=_waits(ReasonKind.CLAIM, works_on(ANOTHER_NAMESPACE)))
    )
    await _end(journal, mine, "b", 1, cancelled_by(ANOTHER_NAMESPACE))
    taking = _waits(ReasonKind.PREEMPTING, takes_over_from(ANOTHER_NAMESPACE))
    await put(journal, member(mine, "c", 2, reason=taking))
    other = await open_step(journal, step(second, 0, total=6))
    claimed = _waits(ReasonKind.CLAIM, works_on(SECRET))
    await put(journal, member(other, "d", 0, reason=claimed))
    await _end(journal, other, "e", 1, cancelled_by(SECRET))
    taking = _waits(ReasonKind.PREEMPTING, takes_over_from(SECRET))
    await put(journal, member(other, "f", 2, reason=taking))
    await _fail(journal, other, "g", 3, Cause.NEVER_STARTED, _NEVER)
    await _fail(journal, other, "i", 5, Cause.PREP_FAILED, PULL)
    gate = f"clusters of {SECRET} have spent the policy's budget"
    kept = member(other, "h", 4, reason=_waits(ReasonKind.GATE, gate))
    await put(journal, kept)
    await tell(journal, OnMember(Kind.WAITS, kept, gate))


_NEVER = f"never started before the step's timeout: {works_on(SECRET)}"


async def _fail(
    journal: Journal, within: Step, cluster: str, position: int, cause: Cause, words: str
) -> None:
    await put(journal, member(within, cluster, position))
    over = {"cause": cause, "message": words}
    gone = finished(within, cluster, position, Outcome.FAILED, **over)
    await tell(journal, OnMember(Kind.FINISHED, gone, words, cause=cause))


def _waits(kind: ReasonKind, words: str) -> Reason:
    return Reason(kind, NOW, words, None, ActingParty.IBGU)


async def _end(journal: Journal, within: Step, cluster: str, position: int, words: str) -> None:
    """Cancelled by an IBGU whose slot had reached it, in the middle of an action."""
    waiting = member(within, cluster, position)
    await put(journal, waiting)
    running = started(waiting, slot=position + 1)
    await journal.commit(starting(running))
    ended = with_run(
        running, state=RunState.ENDED, result=RunResult.PREEMPTED, ended_at=NOW, message=words
    )
    await tell(journal, OnMember(Kind.RUN_ENDED, ended, words, cause=Cause.PREEMPTED))
    disarmed = with_run(ended, disarmed=True)
    await tell(journal, OnMember(Kind.RUN_DISARMED, disarmed, "the stage work is disarmed"))
    over = {"cause": Cause.PREEMPTED, "message": words, "run": disarmed.run}
    gone = finished(within, cluster, position, Outcome.CANCELLED, **over)
    await tell(journal, OnMember(Kind.FINISHED, gone, words, cause=Cause.PREEMPTED))


@pytest.fixture
def get(client: httpx.AsyncClient, token: str) -> Get:
    async def get(path: str, token: str = token) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        return await client.get(f"/api/v1/{path}", headers=headers)

    return get


PATHS = (
    "rollouts",
    "rollouts?needsPerson=true",
    f"rollouts/{OURS}/ran-ours",
    f"rollouts/{OURS}/ran-ours/steps",
    f"rollouts/{OURS}/ran-ours/members",
    f"rollouts/{OURS}/ran-ours/attempts",
    f"rollouts/{OURS}/ran-ours/grid",
    f"rollouts/{OURS}/ran-ours/view",
    f"rollouts/{OURS}/ran-ours/activity",
    f"rollouts/{OURS}/ran-ours/events",
    f"rollouts/{OURS}/ran-ours/failures",
    f"rollouts/{OURS}/ran-ours/actions",
    "clusters",
    *(f"clusters/{name}" for name in "abcdefghi"),
    *(f"clusters/{name}/explain" for name in "abcdefghi"),
    *(f"clusters/{name}/explain?namespace={OURS}&rollout=ran-ours" for name in "abc"),
    *(f"clusters/{name}/history" for name in "abcdefghi"),
    *(f"clusters/{name}/events" for name in "abcdefghi"),
)
TOLD = f"rollouts/{OURS}/ran-ours/"


@pytest.mark.usefixtures("tenants")
async def test_no_answer_names_what_the_caller_may_not_read(get: Get) -> None:
    told = set()
    for path in PATHS:
        answer = await get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert int(answer.headers.get("Content-Length", 0)) in (0, len(answer.content))
        assert "secret" not in answer.text, path
        assert THEIRS not in answer.text, path
        if ANOTHER_NAMESPACE in answer.text:
            told.add(path)
    assert {f"{TOLD}{each}" for each in ("members", "events")} <= told
    for name in "def":
        assert {f"clusters/{name}/explain", f"clusters/{name}/history"} <= told
    assert {"clusters/b/events", "clusters/e/events"} <= told


@pytest.mark.parametrize("path", [f"rollouts/{OURS}/ran-ours/stream", "stream"])
@pytest.mark.usefixtures("tenants")
async def test_no_stream_names_what_the_caller_may_not_read(
    server: str, token: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{server}/api/v1/{path}?after=0"
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            assert "secret" not in line
            if "MemberFinished" in line:
                assert f"cancelled by {ANOTHER_NAMESPACE}" in line
                return
    pytest.fail("the stream has ended")


@pytest.mark.usefixtures("tenants")
async def test_a_user_of_both_namespaces_reads_the_rollout_names(
    get: Get, sandbox_hub: SandboxHub
) -> None:
    """The names stand in the sentences of its own namespace's rollouts, and where it is asked who
    has a cluster."""
    alice = sandbox_hub.token("alice")
    paths = (f"clusters/{name}{part}" for name in "de" for part in ("/explain", "/history"))
    for path in (*paths, "clusters/e/events", "clusters/a", "clusters/a/explain"):
        text = (await get(path, token=alice)).text
        assert "ran-secret" in text, path
        assert ANOTHER_NAMESPACE not in text, path
    why = (
        await get("clusters/a/explain?namespace=tenant-ours&rollout=ran-ours", token=alice)
    ).json()
    assert why["why"] == f"{SECRET} works on the cluster"


@pytest.mark.usefixtures("tenants")
async def test_a_member_says_that_somebody_has_its_cluster(get: Get) -> None:
    members = (await get(f"{TOLD}members")).json()["items"]
    assert [each["reason"] and each["reason"]["message"] for each in members] == [
        f"{ANOTHER_NAMESPACE} works on the cluster",
        None,
        f"takes it over from {ANOTHER_NAMESPACE}",
    ]
    assert members[1]["message"] == f"cancelled by {ANOTHER_NAMESPACE}"


@pytest.mark.usefixtures("tenants")
async def test_a_cluster_is_held_by_a_rollout_without_a_name(get: Get) -> None:
    claim = (await get("clusters/a")).json()["claim"]
    assert claim["rollout"] == {"namespace": None, "name": None, "uid": "theirs"}
    asked = await get(f"clusters/a/explain?namespace={OURS}&rollout=ran-ours")
    assert asked.json()["why"] == f"{ANOTHER_NAMESPACE} works on the cluster"


LOST = {"namespace": OURS, "name": "ran-lost"}
CLUSTERS = ("tenant-1", "tenant-2", "tenant-3")
Post = Callable[..., Awaitable[httpx.Response]]


def manifest(*plan: str) -> dict[str, Any]:
    seed = {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}
    strategy = {"maxConcurrency": 1, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": LOST,
        "spec": {
            "ibuSpec": {"seedImageRef": seed},
            "clusterLabelSelectors": [{"matchLabels": {"fleet": "tenants"}}],
            "plan": [{"actions": [each], "rolloutStrategy": strategy} for each in plan],
        },
    }


@pytest.fixture
async def lost(token: str, kubectl: Kubectl, journal: Journal) -> AsyncIterator[None]:
    """Our ran-lost has failed on three clusters: theirs upgrades the first, and has failed on the
    others."""
    for name in CLUSTERS:
        labels = {"fleet": "tenants"}
        if name == "tenant-1":
            labels["lcm.openshift.io/ibgu-upgrade-completed"] = ""
        kubectl.apply(
            {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name, "labels": labels},
                "spec": {"hubAcceptsClient": True},
            }
        )
    kubectl.apply(manifest("Prep"))
    uid = kubectl("get", "ibgu", "ran-lost", "-n", OURS, "-o", "jsonpath={.metadata.uid}")
    selectors = [LabelSelector(match_labels={"fleet": "tenants"})]
    plan = replace(spec(), cluster_label_selectors=selectors, plan=spec().plan[:1])
    ours = rollout(uid, namespace=OURS, name="ran-lost", age=60, spec=plan)
    content = [ObjectRef("secret-map", THEIRS)]
    ibu = replace(spec().ibu_spec, oadp_content=content)
    wanted = replace(plan, ibu_spec=ibu)
    theirs = rollout("theirs", namespace=THEIRS, name="ran-secret", spec=wanted)
    await seen(journal, ours, theirs)
    over = await open_step(journal, step(ours, 0, state=StepState.FINISHED, finished_at=NOW))
    await put(journal, *(failed(over, name, n, PULL) for n, name in enumerate(CLUSTERS)))
    upgrade = await open_step(journal, step(theirs, 0, Action.UPGRADE))
    taken = member(upgrade, CLUSTERS[0], 0)
    gone = [failed(upgrade, name, n, PULL) for n, name in enumerate(CLUSTERS[1:], 1)]
    await put(journal, taken, *gone)
    await run_upgrade(journal, taken)
    yield
    kubectl("delete", "ibgu", "ran-lost", "-n", OURS)
    kubectl("delete", "managedcluster", *CLUSTERS)


@pytest.fixture
def post(client: httpx.AsyncClient) -> Post:
    async def post(path: str, token: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await client.post(f"/api/v1/{path}", json=body, headers=headers)

    return post


async def answers(get: Get, post: Post, token: str) -> dict[str, httpx.Response]:
    """Everything that says who has the clusters of a rollout since, or what they took last."""
    path = f"rollouts/{OURS}/ran-lost"
    return {
        "actions": await get(f"{path}/actions", token=token),
        "retry": await post(f"{path}/retry?dryRun=true", token),
        "cancel": await post(f"{path}/cancel?dryRun=true", token),
        "abort": await post("preview", token, **LOST, append=[{"actions": ["Abort"]}]),
        "manifest": await post("preview", token, manifest=manifest("Rollback")),
        **{
            f"explain {name}": await get(f"clusters/{name}/explain{of}", token=token)
            for name in CLUSTERS
            for of in ("", f"?namespace={OURS}&rollout=ran-lost")
        },
        "members": await get(f"{path}/members", token=token),
    }


OWNED = {
    "actions": "can't be retried: tenant-1, tenant-2, tenant-3 (owned by {newer} now)",
    "retry": "can't be retried: tenant-1, tenant-2, tenant-3 (owned by {newer} now)",
    "cancel": "tenant-2, tenant-3 (in {newer} now)",
    "abort": "2 of 2 clusters were in newer rollouts since ({newer}): this also aborts what "
    "they have done there",
    "manifest": "1 cluster was prepared or upgraded by {other} with another value",
}


@pytest.mark.usefixtures("lost")
async def test_previews_and_retries_do_not_leak_a_newer_rollouts_name(
    get: Get, post: Post, token: str, context: Context
) -> None:
    """The caller may create an ImageBasedGroupUpgrade, and so ask for previews and retries."""
    await know_labels(context)
    found = await answers(get, post, token)
    for what, answer in found.items():
        expected = 409 if what in ("retry", "cancel") else 200
        assert answer.status_code == expected, (what, answer.text)
        assert "secret" not in answer.text, (what, answer.text)
        assert THEIRS not in answer.text, (what, answer.text)
    for what, words in OWNED.items():
        assert words.format(newer="a newer rollout", other=ANOTHER_NAMESPACE) in found[what].text, (
            what
        )


@pytest.mark.usefixtures("lost")
async def test_previews_and_retries_name_the_newer_rollout_to_its_readers(
    get: Get, post: Post, sandbox_hub: SandboxHub, context: Context
) -> None:
    await know_labels(context)
    found = await answers(get, post, sandbox_hub.token("olga"))
    for what, words in OWNED.items():
        assert words.format(newer=SECRET, other=SECRET) in found[what].text, what


async def know_labels(context: Context) -> None:
    """Stores the labels as the leader has seen them."""
    known = [labels_of(name, {"fleet": "tenants"}) for name in CLUSTERS]
    await LabelStore(context.engine, context.hub).put(known, 1)
