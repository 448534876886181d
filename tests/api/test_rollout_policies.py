"""Policies with what they hold, for users who may read them on a real hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates.policies import MEANINGS
from ibgu.core.engine.gates.registry import POLICY
from ibgu.core.model import (
    ActingParty,
    Kind,
    Member,
    OnRollout,
    PolicyRule,
    Reason,
    ReasonKind,
    Step,
)
from ibgu.core.model.grants import Grants, StepAuthor
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import (
    ApprovalMoment,
    PolicyApproval,
    PolicyWindow,
    RolloutPolicy,
    RolloutPolicySpec,
)
from ibgu.db import Journal
from ibgu.sandbox.kubectl import Kubectl
from tests.api.conftest import Ask
from tests.api.fleet import open_step, put, rollout, seen, tell
from tests.db.records import NOW, changing, member, started, starting, step

OPENS = datetime.fromisoformat("2031-11-27T00:00:00Z")
NIGHTS = "the policy's window opens at 01:00 CET on 27 November 2026"
NIGHTS_GATE, WIDE_GATE = "RolloutPolicy/nights", "RolloutPolicy/hub-wide"
FULL = "the policy allows 30 clusters in flight at once, and as many are"


def kept(of: Step, cluster: str, position: int, words: str = NIGHTS, **why: Any) -> Member:
    fields: dict[str, Any] = {"until": OPENS, "gate": NIGHTS_GATE} | why
    return member(of, cluster, position, reason=Reason(ReasonKind.GATE, NOW, words, **fields))


def in_force(name: str, **spec: Any) -> RolloutPolicy:
    metadata = ObjectMeta(name=name, uid=f"uid-{name}", generation=3)
    return RolloutPolicy(metadata, RolloutPolicySpec(**spec))


async def held(journal: Journal, uid: str, *found: str, **more: Any) -> Step:
    """Clusters of a rollout that wait for the night."""
    of = rollout(uid, **more)
    await seen(journal, of)
    upgrade = await open_step(journal, step(of, 0, Action.UPGRADE, total=len(found)))
    await put(journal, *(kept(upgrade, name, place) for place, name in enumerate(found)))
    return upgrade


async def noted(journal: Journal) -> None:
    window = PolicyWindow(cron="0 1 * * *", duration_minutes=240, time_zone="Europe/Berlin")
    await journal.note_policies(
        [in_force("nights", windows=[window]), in_force("hub-wide", in_flight=30)]
    )


@asynccontextmanager
async def reader(kubectl: Kubectl) -> AsyncIterator[None]:
    """Bob may read policies for a while."""
    name, verbs = "reads-policies", "--verb=get,list"
    kubectl("create", "clusterrole", name, verbs, "--resource=rolloutpolicies.ibgu.dev")
    kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", "--user=bob")
    try:
        yield
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", name)


async def test_the_list_says_what_each_policy_allows_and_holds(ask: Ask, journal: Journal) -> None:
    await noted(journal)
    await held(journal, "r1", "a", "b")
    await held(journal, "r2", "c", age=1)
    answer = await ask("alice", "policies")
    assert answer.status_code == 200, answer.text
    assert answer.json()["problem"] is None
    wide, nights = answer.json()["items"]
    assert (wide["name"], wide["clusters"], wide["rollouts"]) == ("hub-wide", 0, 0)
    assert (wide["opens"], wide["message"]) == (None, None)
    assert wide["allows"][1].startswith("At most 30 clusters may be in flight at once")
    assert (nights["name"], nights["generation"]) == ("nights", 3)
    assert nights["since"] is not None
    assert (nights["clusters"], nights["rollouts"]) == (3, 2)
    assert nights["opens"] == "2031-11-27T00:00:00Z"
    assert nights["message"] == f"held by policy nights: {NIGHTS}; 3 clusters wait for it"


async def test_a_policy_shows_the_rollouts_that_it_holds(ask: Ask, journal: Journal) -> None:
    await noted(journal)
    upgrade = await held(journal, "r1", *(f"n{number:02}" for number in range(11)))
    full = kept(upgrade, "full", 20, FULL, gate=WIDE_GATE, until=None, who=ActingParty.CLUSTER)
    later = kept(upgrade, "n00", 0, "opens at noon", until=OPENS + timedelta(hours=11))
    chained = started(kept(upgrade, "chained", 21), slot=1)
    await put(journal, full, later, kept(upgrade, "chained", 21))
    await journal.commit(starting(chained))
    await journal.commit(changing(chained))
    found = (await ask("alice", "policies/nights")).json()
    assert found["spec"]["windows"][0]["timeZone"] == "Europe/Berlin"
    waiting, between = found["holds"]
    assert (waiting["name"], waiting["uid"], waiting["step"]) == ("ran-r1", "r1", 1)
    assert (waiting["clusters"], waiting["names"][:2]) == (11, ["n00", "n01"])
    assert len(waiting["names"]) == 10
    assert waiting["message"] == f"{NIGHTS} (similar for others)"
    assert waiting["until"] == "2031-11-27T00:00:00Z"
    assert waiting["ends"].endswith("the first at 2031-11-27T00:00:00Z")
    assert (between["names"], between["inFlight"]) == (["chained"], True)
    assert between["message"] == NIGHTS
    assert between["since"] == waiting["since"]
    wide = (await ask("alice", "policies/hub-wide")).json()
    (only,) = wide["holds"]
    assert (only["who"], only["until"], only["names"]) == ("cluster", None, ["full"])
    assert wide["message"] == f"held by policy hub-wide: {FULL}; 1 cluster waits for it"


async def test_a_policy_that_cannot_be_read_is_there_while_it_holds(
    ask: Ask, journal: Journal
) -> None:
    upgrade = await held(journal, "r1", "a")
    words = "the policy can't be read: it has a field moon"
    broken = kept(
        upgrade, "a", 0, words, gate="RolloutPolicy/moon", until=None, who=ActingParty.PERSON
    )
    await put(journal, broken)
    found = (await ask("alice", "policies/moon")).json()
    assert (found["generation"], found["spec"], found["allows"]) == (None, None, [])
    assert found["holds"][0]["message"] == words
    missing = await ask("alice", "policies/nights")
    assert missing.status_code == 404
    assert missing.json()["detail"] == "no RolloutPolicy nights is in force on the hub"


async def test_policies_that_are_not_known_are_a_problem(ask: Ask, journal: Journal) -> None:
    upgrade = await held(journal, "r1", "a")
    unknown = kept(upgrade, "a", 0, "ibgu may not list them", until=None, gate="RolloutPolicies")
    await put(journal, unknown)
    found = (await ask("alice", "policies")).json()
    assert found["items"] == []
    assert found["problem"] == (
        "held by the policies of the hub: ibgu may not list them; 1 cluster waits for it"
    )


async def test_steps_count_reasons_by_policy(ask: Ask, journal: Journal) -> None:
    upgrade = await held(journal, "r1", "a", "b", "c")
    full = kept(upgrade, "c", 2, FULL, gate=WIDE_GATE, until=None, who=ActingParty.CLUSTER)
    await put(journal, full, member(upgrade, "d", 3))
    (body, *_) = (await ask("alice", "rollouts/default/ran-r1/steps")).json()["items"]
    found = {(each["kind"], each["policy"]): each for each in body["reasons"]}
    nights = found["GateClosed", "nights"]
    assert (nights["count"], nights["until"]) == (2, "2031-11-27T00:00:00Z")
    assert (nights["holder"], nights["message"]) == ("policy nights", NIGHTS)
    assert nights["alike"]
    assert found["GateClosed", "hub-wide"]["count"] == 1
    await put(journal, kept(upgrade, "b", 1, "opens at noon", until=OPENS + timedelta(hours=11)))
    (body, *_) = (await ask("alice", "rollouts/default/ran-r1/steps")).json()["items"]
    [nights] = [each for each in body["reasons"] if each["policy"] == "nights"]
    assert (nights["message"], nights["alike"]) == (NIGHTS, False)
    assert (found["WaitingForSlot", None]["message"], found["WaitingForSlot", None]["holder"]) == (
        None,
        None,
    )
    members = (await ask("alice", "rollouts/default/ran-r1/members", step=1)).json()["items"]
    policies = {each["cluster"]: each["reason"]["policy"] for each in members}
    assert policies == {"a": "nights", "b": "nights", "c": "hub-wide", "d": None}


async def test_a_rollout_says_what_it_waits_for_while_nothing_moves(
    ask: Ask, journal: Journal
) -> None:
    upgrade = await held(journal, "r1", "a", "b")
    asked = {"who": ActingParty.PERSON, "approval": "Upgrade"}
    approved = kept(upgrade, "c", 2, "1 person must approve Upgrade", **asked)
    await put(journal, approved)

    async def waits() -> list[tuple[str, str, bool, int]]:
        bodies = [
            (await ask("alice", "rollouts/default/ran-r1")).json(),
            (await ask("alice", "rollouts/default/ran-r1/view")).json()["rollout"],
            *(await ask("alice", "rollouts")).json()["items"],
        ]
        assert all(each["phase"] == "Running" for each in bodies), "as in the object's status"
        found = [
            [(why["policy"], why["who"], why["approval"], why["count"]) for why in each["waitsFor"]]
            for each in bodies
        ]
        assert found[0] == found[1] == found[2]
        return found[0]

    assert await waits() == [("nights", "person", True, 1), ("nights", "ibgu", False, 2)]
    at_work = member(upgrade, "d", 3)
    await put(journal, at_work)
    assert await waits() == [], "d waits for a slot, which is free"
    at_work = started(at_work, slot=1)
    await journal.commit(starting(at_work))
    assert await waits() == [], "d is at work"
    between = started(kept(upgrade, "d", 3), slot=1)
    await journal.commit(changing(replace(at_work, reason=between.reason)))
    assert await waits() == [("nights", "person", True, 1), ("nights", "ibgu", False, 3)]
    pause = Reason(ReasonKind.PAUSED, NOW, "paused by alice", None, ActingParty.PERSON)
    await tell(journal, OnRollout(Kind.ROLLOUT_HELD, rollout("r1", hold=pause), "paused"))
    paused = (await ask("alice", "rollouts/default/ran-r1")).json()
    assert (paused["phase"], paused["waitsFor"]) == ("Held", [])


async def test_without_the_right_the_missing_one_is_named(ask: Ask, journal: Journal) -> None:
    await noted(journal)
    refused = await ask("bob", "policies/nights")
    assert refused.status_code == 403
    assert (refused.json()["verb"], refused.json()["resource"], refused.json()["name"]) == (
        *("get", "rolloutpolicies", "nights"),
    )
    assert (await ask("bob", "policies")).json()["verb"] == "list"


async def test_a_policy_names_only_rollouts_that_the_caller_may_read(
    ask: Ask, journal: Journal, kubectl: Kubectl
) -> None:
    await noted(journal)
    await held(journal, "r1", "a")
    await held(journal, "r2", "b", "c", namespace="edge", age=1)
    async with reader(kubectl):
        seen_by_bob = (await ask("bob", "policies/nights")).json()
        listed = (await ask("bob", "policies")).json()["items"]
        elsewhere = await ask("bob", "policies", namespace="edge")
    assert [each["name"] for each in seen_by_bob["holds"]] == ["ran-r1"]
    assert [each["clusters"] for each in listed] == [0, 1]
    assert elsewhere.status_code == 403
    edge = (await ask("alice", "policies/nights", namespace="edge")).json()
    assert (edge["clusters"], [each["name"] for each in edge["holds"]]) == (2, ["ran-r2"])


async def test_a_policy_that_waits_for_a_person_is_named_among_the_needs(
    ask: Ask, journal: Journal
) -> None:
    upgrade = await held(journal, "r1", "a")
    words = "the policy's windows are in the cluster's time zone, which is not known"
    await put(journal, kept(upgrade, "a", 0, words, until=None, who=ActingParty.PERSON))
    (need,) = (await ask("alice", "rollouts", needsPerson=True)).json()["needsPerson"]
    assert (need["kind"], need["policy"], need["message"]) == ("GateClosed", "nights", words)


async def test_an_explanation_says_what_the_rule_that_holds_asks_for(
    ask: Ask, journal: Journal
) -> None:
    upgrade = await held(journal, "r1", "a")
    approval = kept(
        upgrade, "a", 0, "1 person must approve step 1", until=None, rule=PolicyRule.APPROVAL
    )
    await put(journal, approval)
    found = (await ask("alice", "clusters/a/explain")).json()
    meaning = MEANINGS[PolicyRule.APPROVAL]
    assert (found["policy"], found["why"]) == ("nights", "1 person must approve step 1")
    assert (found["means"], found["ends"], found["do"]) == (
        meaning.means,
        meaning.ends,
        meaning.do,
    )
    # One that another version of ibgu has written, which names no rule.
    await put(journal, kept(upgrade, "a", 0))
    found = (await ask("alice", "clusters/a/explain")).json()
    assert found["do"] == POLICY.meaning.do


async def test_a_policy_says_that_people_end_its_hold_by_an_approval(
    ask: Ask, journal: Journal
) -> None:
    approval = PolicyApproval(before=ApprovalMoment.STEP)
    await journal.note_policies([in_force("nights", approval=approval)])
    upgrade = await held(journal, "r1", "a")
    words: dict[str, Any] = {"until": None, "who": ActingParty.PERSON, "approval": "Step"}
    await put(journal, kept(upgrade, "b", 1, "1 person must approve step 1", **words))
    ends = [each["ends"] for each in (await ask("alice", "policies/nights")).json()["holds"]]
    assert sorted(ends) == [
        "people approve it, as the message says, or the policy is changed",
        "the gate opens automatically when the policy allows it, for the first at "
        "2031-11-27T00:00:00Z; the policy also asks for approval by 2 people, which can come "
        "before",
    ]
    await seen(journal, rollout("r1", grants=Grants(authors=(StepAuthor(0, "nora"),))))
    ends = [each["ends"] for each in (await ask("alice", "policies/nights")).json()["holds"]]
    assert any("the policy also asks for approval by 1 person, which" in each for each in ends)
