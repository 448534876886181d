"""One cluster in sentences and in figures, for who may see them."""

from typing import Any

from msgspec.structs import replace

from ibgu.api.explain.schemas import ExplainedBody
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Change, Kind, OnPendingPatch, OnStep, PendingPatch
from ibgu.core.model.follow_ups import PolicyFollowUp, StepFollowUps
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import CIRCUIT_BREAKER, PULL, fleet, open_step, put, rollout, seen, tell
from tests.db.records import NOW, member, step

IN_ROLLOUT = {"namespace": "default", "rollout": "ran-r1"}


async def told(ask: Ask, cluster: str, user: str = "alice", **query: Any) -> Any:
    answer = await ask(user, f"clusters/{cluster}/explain", **query)
    assert answer.status_code == 200, answer.text
    ExplainedBody.model_validate(answer.json())
    return answer.json()


async def refused(ask: Ask, cluster: str, user: str = "alice", **query: Any) -> tuple[int, str]:
    answer = await ask(user, f"clusters/{cluster}/explain", **query)
    return answer.status_code, answer.json()["detail"]


async def test_the_newest_step_in_any_rollout_or_in_one(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await told(ask, "b")
    assert found == await told(ask, "b", "bob", **IN_ROLLOUT)
    assert (found["rollout"], found["step"], found["state"]) == ("default/ran-r1", 2, "held")
    assert (found["kind"], found["who"], found["why"]) == (
        "CircuitBreaker",
        "person",
        CIRCUIT_BREAKER.message,
    )
    assert found["headline"].startswith("waits with Upgrade for ")


async def test_explain_agrees_with_the_member(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await told(ask, "c")
    (member,) = (await ask("alice", "rollouts/default/ran-r1/members", cluster="c")).json()["items"]
    assert (found["why"], found["kind"]) == (PULL, member["failure"])
    assert (found["means"], found["remedy"]) == (member["means"], member["remedy"])
    assert found["guide"] == "docs/guides/in-steps.md#clusters-that-failed"


async def test_explain_refuses_forbidden_and_unknown_clusters(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    await seen(journal, rollout("r2", namespace="edge"))
    status, words = await refused(ask, "a", "bob")
    assert (status, words[:25]) == (403, "bob may not get managedcl")
    other = {"namespace": "edge", "rollout": "ran-r2"}
    assert (await refused(ask, "a", "bob", **other))[0] == 403
    assert await refused(ask, "nobody") == (
        404,
        "cluster nobody has not been in any rollout; check the name",
    )
    status, words = await refused(ask, "nobody", **IN_ROLLOUT)
    assert (status, words[:45]) == (404, "cluster nobody is in no step of rollout ran-r")
    assert words.endswith(": `ibgu status ran-r1 -n default`")
    status, words = await refused(ask, "a", namespace="default", rollout="none")
    assert (status, words[:43]) == (404, "there is no rollout none in namespace defau")
    status, words = await refused(ask, "a", rollout="ran-r1")
    assert (status, words) == (422, "namespace: specify the namespace of the rollout")


async def test_names_of_clusters(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    edge = rollout("r2", namespace="edge")
    await seen(journal, edge)
    await put(journal, member(await open_step(journal, step(edge, 0)), "x-1", 0))

    async def names(user: str = "alice", **query: Any) -> list[str]:
        answer = await ask(user, "clusters", **query)
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["items"]
        return found

    assert await names() == ["a", "b", "c", "d", "e", "f", "g", "x-1"]
    assert await names("bob") == ["a", "b", "c", "d", "e", "f", "g"]
    assert await names(prefix="x") == await names(namespace="edge") == ["x-1"]
    assert await names(namespace="edge", rollout="ran-r2", prefix="y") == []
    first = (await ask("bob", "clusters", limit=5)).json()
    assert await names("bob", limit=5, cursor=first["nextCursor"]) == ["f", "g"]
    assert (await ask("bob", "clusters", namespace="edge")).status_code == 403


async def test_a_cluster_as_the_journal_knows_it(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    labels = {"k": Change("x", None), "new": Change(None, "y")}
    pending = PendingPatch(uid="uid-a", cluster="a", rollout="r1", labels=labels)
    await tell(journal, OnPendingPatch(Kind.LABELS_PENDING, pending, "Prep failed"))
    found = (await ask("alice", "clusters/a")).json()
    (newest, _) = (await ask("alice", "clusters/a/history")).json()["items"]
    assert found == {
        "name": "a",
        "newest": newest,
        "claim": {
            "rollout": {"namespace": "default", "name": "ran-r1", "uid": "r1"},
            "step": 2,
            "slot": 1,
            "takenAt": "2026-05-04T03:02:01.123456Z",
        },
        "labels": None,
        "labelsPending": {"k": None, "new": "y"},
        "annotationsPending": {},
        "newestEvent": 6,
    }
    assert (await ask("alice", "clusters/c")).json()["claim"] is None
    assert (await ask("alice", "clusters/nobody")).status_code == 404
    assert (await ask("bob", "clusters/a")).status_code == 403


AGAIN = PolicyFollowUp(
    policy="retry",
    action=Action.PREP,
    clusters=("a", "z-9"),
    uids=("uid-a", "uid-z-9"),
    why="the registry was away",
    decided_at=NOW,
    attempt=1,
    due=NOW,
)


async def test_follow_ups_are_shown_to_those_who_may_read_the_rollout(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal)
    made = StepFollowUps(made=(AGAIN, replace(AGAIN, clusters=("z-9",), uids=("uid-z-9",))))
    await tell(journal, OnStep(Kind.FOLLOW_UP, step(rollout(), 1, follow_ups=made), "planned"))
    assert (await told(ask, "a", "bob", **IN_ROLLOUT))["followUps"] == [AGAIN.words]
    assert (await told(ask, "b"))["followUps"] == []
