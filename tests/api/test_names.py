"""Two tenants on one hub: neither learns the names of the other's rollouts from any answer."""

import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from ibgu.api.names import ANOTHER, Names
from ibgu.core.model import Cause, Kind, OnMember, Outcome, Reason, ReasonKind, Who
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import finished, open_step, put, rollout, seen, tell
from tests.db.records import NOW, member, started, starting, step

pytestmark = pytest.mark.hub

OURS, THEIRS = "tenant-ours", "tenant-theirs"
SECRET = f"{THEIRS}/ran-secret"
Get = Callable[..., Awaitable[httpx.Response]]


@hypothesis.given(
    st.text(st.sampled_from('\n\t\b\f\x1b\\"\u2028 '), max_size=6),
    st.sampled_from(["a/b works on the cluster", f"cancelled by {SECRET}"]),
)
def test_an_answer_stays_json_whatever_stands_before_a_name(before: str, words: str) -> None:
    """The letter of an escape (a line end's n) was taken for the begin of the name behind it."""
    told = msgspec.json.decode(Names(()).within(msgspec.json.encode({"message": before + words})))
    assert told["message"].startswith(before)
    assert ANOTHER in told["message"]


@pytest.fixture(scope="module")
def token(sandbox_hub: SandboxHub) -> Iterator[str]:
    """Of who reads IBGUs in OURS, and every ManagedCluster."""
    kubectl = Kubectl(sandbox_hub)
    account = f"system:serviceaccount:{OURS}:reader"
    kubectl("create", "namespace", OURS)
    kubectl("create", "serviceaccount", "reader", "-n", OURS)
    ibgus = "imagebasedgroupupgrades.lcm.openshift.io"
    clusters = "managedclusters.cluster.open-cluster-management.io"
    kubectl("create", "role", "ours", "-n", OURS, "--verb=get", f"--resource={ibgus}")
    kubectl("create", "rolebinding", "ours", "-n", OURS, "--role=ours", f"--user={account}")
    kubectl("create", "clusterrole", OURS, "--verb=get", f"--resource={clusters}")
    kubectl("create", "clusterrolebinding", OURS, f"--clusterrole={OURS}", f"--user={account}")
    yield kubectl("create", "token", "reader", "-n", OURS).strip()
    kubectl("delete", "clusterrole,clusterrolebinding", OURS)
    kubectl("delete", "namespace", OURS, "--wait=false")


@pytest.fixture
async def tenants(journal: Journal) -> None:
    """Our `a` is taken by the other tenant's rollout, `b` was cancelled by it, `c` takes over."""
    ours = rollout("ours", namespace=OURS, name="ran-ours")
    theirs = rollout("theirs", namespace=THEIRS, name="ran-secret")
    await seen(journal, ours, theirs)
    held = member(await open_step(journal, step(theirs, 0)), "a", 0)
    await put(journal, held)
    await journal.commit(starting(started(held, slot=1)))
    mine = await open_step(journal, step(ours, 0, total=3))
    claimed = Reason(ReasonKind.CLAIM, NOW, f"{SECRET} works on the cluster", None, Who.IBGU)
    taking = Reason(ReasonKind.PREEMPTING, NOW, f"takes it over from {SECRET}", None, Who.IBGU)
    gone = {"cause": Cause.PREEMPTED, "message": f"cancelled by {SECRET}"}
    await put(
        journal,
        member(mine, "a", 0, reason=claimed),
        member(mine, "b", 1),
        member(mine, "c", 2, reason=taking),
    )
    over = finished(mine, "b", 1, Outcome.CANCELLED, **gone)
    await tell(journal, OnMember(Kind.FINISHED, over, over.message))


@pytest.fixture
def get(client: httpx.AsyncClient, token: str) -> Get:
    async def get(path: str, token: str = token) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        return await client.get(f"/api/v1/{path}", headers=headers)

    return get


PATHS = (
    "rollouts",
    "summary",
    f"rollouts/{OURS}/ran-ours",
    f"rollouts/{OURS}/ran-ours/steps",
    f"rollouts/{OURS}/ran-ours/members",
    f"rollouts/{OURS}/ran-ours/grid",
    f"rollouts/{OURS}/ran-ours/events",
    f"rollouts/{OURS}/ran-ours/failures",
    f"rollouts/{OURS}/ran-ours/actions",
    "clusters",
    *(f"clusters/{name}" for name in "abc"),
    *(f"clusters/{name}/explain" for name in "abc"),
    *(f"clusters/{name}/explain?namespace={OURS}&rollout=ran-ours" for name in "abc"),
    *(f"clusters/{name}/history" for name in "abc"),
    *(f"clusters/{name}/events" for name in "abc"),
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
        if ANOTHER in answer.text:
            told.add(path)
    assert {f"{TOLD}{each}" for each in ("members", "events")} <= told
    assert {"clusters/a/explain", "clusters/b/events"} <= told


@pytest.mark.parametrize("path", [f"rollouts/{OURS}/ran-ours/stream", "stream"])
@pytest.mark.usefixtures("tenants")
async def test_no_stream_names_what_the_caller_may_not_read(
    server: str, token: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{server}/api/v1/{path}?after=0"
    async with httpx.AsyncClient() as client, client.stream("GET", url, headers=headers) as answer:
        async for line in answer.aiter_lines():
            assert "secret" not in line
            if "MemberFinished" in line:
                assert f"cancelled by {ANOTHER}" in line
                return
    pytest.fail("the stream has ended")


@pytest.mark.usefixtures("tenants")
async def test_who_may_read_both_reads_the_names(get: Get, sandbox_hub: SandboxHub) -> None:
    alice = sandbox_hub.token("alice")
    for path in (f"{TOLD}members", f"{TOLD}events", "clusters/a/explain", "clusters/a"):
        text = (await get(path, token=alice)).text
        assert "ran-secret" in text, path
        assert ANOTHER not in text


@pytest.mark.usefixtures("tenants")
async def test_a_member_says_that_somebody_has_its_cluster(get: Get) -> None:
    members = (await get(f"{TOLD}members")).json()["items"]
    assert [each["reason"] and each["reason"]["message"] for each in members] == [
        f"{ANOTHER} works on the cluster",
        None,
        f"takes it over from {ANOTHER}",
    ]
    assert members[1]["message"] == f"cancelled by {ANOTHER}"


@pytest.mark.usefixtures("tenants")
async def test_a_cluster_is_held_by_a_rollout_without_a_name(get: Get) -> None:
    hold = (await get("clusters/a")).json()["hold"]
    assert hold["rollout"] == {"namespace": None, "name": None, "uid": "theirs"}
    assert (await get("clusters/a/explain")).json()["rollout"] in (ANOTHER, f"{OURS}/ran-ours")


def test_names_are_found_wherever_they_stand() -> None:
    names = Names(frozenset({"ours"}))
    for given, told in (
        ("cancelled by theirs/x.y-z.", f"cancelled by {ANOTHER}"),
        ('{"a":"theirs/x works on the cluster"}', f'{{"a":"{ANOTHER} works on the cluster"}}'),
        ("a; takes it over from theirs/x, and", f"a; takes it over from {ANOTHER}, and"),
        ("cancelled by ours/x", "cancelled by ours/x"),
        ("ours/x works on the cluster", "ours/x works on the cluster"),
        ("quay.io/theirs/x is pulled", "quay.io/theirs/x is pulled"),
    ):
        assert names.within(given.encode()).decode().rstrip(".") == told.rstrip(".")
    assert Names(None).within(b"cancelled by theirs/x") == b"cancelled by theirs/x"


def test_a_hostile_message_takes_no_longer_than_it_is_long() -> None:
    """A pattern that tried each place anew would take minutes for one of these."""
    names = Names(frozenset())
    for text in (b"a" * 500_000, b"a-" * 250_000, b"a/" * 250_000, b"cancelled by " * 40_000):
        began = time.process_time()
        names.within(text + b" works on the cluster")
        assert time.process_time() - began < 10
