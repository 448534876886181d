"""Starts with approval only, and past gates, are judged by the history alone (R50.13, R50.14)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, Outcome
from ibgu.core.model.grants import Approval, ApprovalPoint, Grants
from ibgu.core.model.names import FLEET_UPDATE
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.test_r47_jobs import UID, saved
from tests.core.engine.gates.policies.grants import approve, break_glass
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.policies.test_step_authors import begin, exchange_payload, written
from tests.oracle import Event, Findings, PolicyVersion, Rule
from tests.oracle.breaks import numbered, place
from tests.oracle.logs import certify, log_of, without_facts
from tests.oracle.policy_approvals import AUTHORS
from tests.oracle.policy_failures import AVAILABILITY
from tests.oracle.policy_starts import CLUSTERS
from tests.oracle.test_policies import DAY, FROZEN

Spec = dict[str, Any]
STEP_POINT = ApprovalPoint.STEP
STEP: Spec = {"approval": {"fourEyes": False}}
ACTION: Spec = {
    "actions": ["Upgrade"],
    "approval": {"before": "Action", "fourEyes": False},
}
REST: Spec = {"canaries": {"count": 1}, "approval": {"before": "Rest", "fourEyes": False}}
BY_LABEL: Spec = {
    "canaries": {"selector": {"matchLabels": {"ring": "0"}}},
    "approval": {"before": "Rest", "fourEyes": False},
}


def returned(*steps: str) -> InMemoryEngine:
    """The cluster was withdrawn from its Upgrade, and needs approval from then on."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", *steps))
    while "starts Upgrade" not in engine.told(Kind.RUN_INTENDED):
        engine.step()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.until(Kind.RETURNED)
    set_policies(engine, policy(**STEP))
    engine.wait(minutes=5)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(hours=3)
    return engine


def test_a_cluster_that_has_begun_needs_no_approval_after_its_return() -> None:
    engine = returned("Prep Upgrade")
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    policies = [PolicyVersion("network", STEP, seen_at=engine.times(Kind.RETURNED)[0])]
    assert certify(log_of(engine), policies=policies).violations == ()


def test_a_cluster_that_has_not_begun_needs_it_after_its_return() -> None:
    engine = returned("Prep", "Upgrade")
    assert not engine.member("uid-a", 1, "site-1").finished


def story(before: str, spec: Spec, *users: str) -> list[Event]:
    """Two clusters under a policy, once these users have approved."""
    engine = InMemoryEngine("site-1", "site-2")
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(hours=1)
    for user in users:
        approve(engine, user, before=before)
    engine.wait(hours=4)
    return log_of(engine)


def without(log: list[Event], kind: Kind) -> list[Event]:
    return [event for event in log if event.kind != kind]


def judged(log: list[Event], spec: Spec) -> Findings:
    return certify(log, policies=[PolicyVersion("network", spec, seen_at=START - DAY)])


def unknown(findings: Findings) -> dict[str, int]:
    assert findings.policies is not None
    return findings.policies.unknown


@pytest.mark.parametrize(
    ("before", "spec", "words"),
    [
        ("Step", STEP, "R50.13: site-1 starts Prep with 0 of 1 approvals of Step"),
        ("Upgrade", ACTION, "R50.13: site-1 starts Upgrade with 0 of 1 approvals of Upgrade"),
        ("Rest", REST, "R50.13: site-2 starts Prep with 0 of 1 approvals of Rest"),
    ],
    ids=["step", "action", "rest"],
)
def test_a_start_without_approval_is_found(before: str, spec: Spec, words: str) -> None:
    log = story(before, spec, "alice")
    assert judged(log, spec).violations == ()
    assert unknown(judged(log, spec)).keys() <= {AVAILABILITY}
    findings = judged(without(log, Kind.APPROVAL), spec)
    assert set(findings.broken) == {Rule.POLICIES}
    assert findings.violations[0].words.startswith(words)


def test_an_author_who_may_have_approved_leaves_a_start_unjudged() -> None:
    spec: Spec = {"approval": {"approvers": 2}}
    known = story("Step", spec, "alice", "bob", "carol")
    three: Spec = {"approval": {"approvers": 3}}
    assert unknown(judged(without_facts(known), three)) == {AUTHORS: 2}
    assert unknown(judged(known, spec)) == {}
    assert judged(known, spec).violations == ()
    one = {"approval": {"approvers": 1}}
    assert unknown(judged(without_facts(known), one)) == {}


@pytest.mark.parametrize(
    ("author", "approvers", "words"),
    [
        ("alice", 1, ""),
        ("alice", 2, "R50.13: site-1 starts Prep with 1 of 2 approvals of Step"),
        ("", 1, ""),
        ("", 2, "R50.13: site-1 starts Prep with 2 of 3 approvals of Step"),
    ],
)
def test_the_author_of_a_step_is_none_of_those_who_approve_it(
    author: str, approvers: int, words: str
) -> None:
    log = story("Step", {"approval": {"approvers": 1}}, "alice", "bob")
    at = place(log, "RunIntended", "site-1")
    log[at] = replace(log[at], data={**log[at].data, "facts": {"author": author}})
    found = judged(log[: at + 1], {"approval": {"approvers": approvers}})
    assert [each.words.removesuffix(" (RolloutPolicy/network)") for each in found.violations] == (
        [words] if words else []
    )
    assert unknown(found) == {}


def test_the_service_accounts_of_a_namespace_are_judged_as_one_person() -> None:
    one, two = (f"system:serviceaccount:fleet:{name}" for name in ("one", "two"))
    log = story("Step", STEP, one, two)
    findings = judged(log, {"approval": {"approvers": 2, "fourEyes": False}})
    words = "R50.13: site-1 starts Prep with 1 of 2 approvals of Step"
    assert findings.violations[0].words.startswith(words)


def test_an_author_stands_for_no_step_that_has_become_another_one() -> None:
    """An engine that forgets so lets one person exchange what they approve."""
    engine = written()
    exchange_payload(engine)
    for user in ("bob", "alice"):
        approve(engine, user)
        engine.wait(minutes=1)
    begin(engine)
    log, at = log_of(engine), place(log_of(engine), "RunIntended", "site-1")
    log[at] = replace(log[at], data={**log[at].data, "facts": {"author": "alice"}})
    spec: Spec = {"approval": {}}
    assert judged(log[: at + 1], spec).violations == ()
    alone = [event for event in log[: at + 1] if event.why != "alice approves step 1"]
    assert (
        judged(alone, spec)
        .violations[0]
        .words.startswith("R50.13: site-1 starts Prep with 1 of 2 approvals of Step")
    )


def test_two_people_must_approve_a_step_whose_author_nobody_knows() -> None:
    log = story("Step", STEP, "alice")
    at = place(log, "RunIntended", "site-1")
    log[at] = replace(log[at], data={**log[at].data, "facts": {"author": ""}})
    found = judged(log[: at + 1], {"approval": {}})
    assert found.violations[0].words.startswith(
        "R50.13: site-1 starts Prep with 1 of 2 approvals of Step"
    )


def exchanged(spec: Spec, before: str, *users: str, steps: str = "Prep Upgrade") -> list[Event]:
    """Has what was approved exchanged while a cluster carries it out; these users approve it."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="one")
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", steps, concurrency=1))
    engine.wait(minutes=5)
    approve(engine, "alice", before=before)
    engine.wait(minutes=1)
    if before == "Rest":
        engine.until(Kind.FINISHED)
        engine.until(Kind.RUN_ACCEPTED)
    engine.carry("uid-a", extra="yes")
    engine.wait(hours=3)
    for user in users:
        approve(engine, user, before=before)
    engine.wait(hours=5)
    return log_of(engine)


@pytest.mark.parametrize(("before", "spec", "site"), [("Step", STEP, 1), ("Rest", REST, 2)])
def test_a_chain_goes_on_only_with_what_was_approved(before: str, spec: Spec, site: int) -> None:
    log = exchanged(spec, before, "bob")
    assert "RolloutCompleted" in [event.kind for event in log]
    assert judged(log, spec).violations == ()
    alone = [event for event in log if not event.why.startswith("bob approves")]
    findings = judged(alone, spec)
    words = f"R50.13: site-{site} starts Upgrade with 0 of 1 approvals of {before}"
    assert findings.violations[0].words.startswith(words)


def test_an_action_that_the_policy_does_not_hold_goes_on_after_a_change() -> None:
    spec: Spec = {**STEP, "actions": ["Prep"]}
    log = exchanged(spec, "Step")
    assert "starts Upgrade" in [event.why for event in log]
    assert judged(log, spec).violations == ()


def test_a_chain_goes_on_behind_a_failed_canary_whatever_was_approved() -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade", concurrency=2))
    engine.wait(hours=5)
    log = log_of(engine)
    rest = ApprovalPoint.REST
    approval = Approval("uid-1", "one", "alice", 0, rest, refused="other", changed=True)
    grants = to_builtins(Grants(approvals=(approval,)))
    changed = replace(log[1], kind="ApprovalChanged", data={"grants": grants})
    at = place(log, "RunIntended", "site-2")
    log = numbered([*log[: at + 1], replace(changed, at=log[at].at), *log[at + 1 :]])
    started = [event.data["action"] for event in log if event.kind == "RunIntended"]
    found = [each.event.data["action"] for each in judged(log, REST).violations]
    assert "FinalizeUpgrade" in started
    assert "FinalizeUpgrade" not in found


@pytest.mark.parametrize(
    ("spec", "hours", "words"),
    [
        (STEP, 1, "R50.13: site-1 is sent Upgrade with 0 of 1 approvals of Step"),
        ({"approval": {}}, 1, "R50.13: site-1 is sent Upgrade with 0 of 1 approvals of Step"),
        (STEP, 9, ""),
        ({**STEP, "clusters": {"selector": {"matchLabels": {"ring": "0"}}}}, 1, ""),
    ],
)
def test_an_approval_must_still_count_when_the_action_is_sent(
    spec: Spec, hours: int, words: str
) -> None:
    """The hub takes no work for hours, in which the approval ends."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    engine.forbidden = True
    engine.wait(hours=3)
    engine.allow()
    engine.wait(hours=2)
    log = log_of(engine)
    until = log[0].at + timedelta(hours=hours)
    approvals = tuple(Approval(f"uid-{n}", n, n, 1, STEP_POINT, until=until) for n in ("a", "b"))
    grants = to_builtins(Grants(approvals=approvals))
    approved = replace(log[1], kind="ApprovalChanged", data={"grants": grants})
    at = place(log, "RunIntended", "site-1", 1)
    log[at] = replace(log[at], data={**log[at].data, "facts": {"author": ""}})
    log = numbered([*log[:at], approved, *log[at:]])
    found = judged(log, {**spec, "actions": ["Upgrade"]}).violations
    said = [each.words.partition(" (")[0] for each in found]
    assert said == ([words] if words else [])


@pytest.mark.parametrize(
    ("chain", "starts"), [("Backup Update", True), ("Check Backup Update", False)]
)
def test_a_cluster_whose_backup_is_repeated_starts_as_any_other(chain: str, starts: bool) -> None:
    """The approval that it had for its first backup is over. One that has carried out another
    action of the step goes on."""
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    begin, end = START + timedelta(minutes=2), START + timedelta(hours=9)
    freeze = {"from": begin.isoformat(), "until": end.isoformat()}
    night = policy("night", actions=["Update"], freezes=[freeze])
    set_policies(engine, night, policy(**STEP))
    engine.apply(saved(chain))
    rollout = {"name": "z", "uid": UID, "kind": FLEET_UPDATE}
    approve(engine, "alice", rollout=rollout, until=(START + timedelta(hours=1)).isoformat())
    engine.touch(UID)
    engine.wait(hours=12)
    approve(engine, "bob", rollout=rollout)
    engine.touch(UID)
    engine.drive()
    log = log_of(engine)
    assert "ActionRepeated" in [event.kind for event in log]
    assert judged(log, STEP).violations == ()
    alone = [event for event in log if not event.why.startswith("bob approves")]
    words = "R50.13: site-1 starts Backup with 0 of 1 approvals of Step"
    found = [each.words.partition(" (")[0] for each in judged(alone, STEP).violations]
    assert found == ([words] if starts else [])


def test_canaries_by_label_leave_a_start_unjudged() -> None:
    log = without(story("Rest", REST, "alice"), Kind.APPROVAL)
    assert unknown(judged(log, BY_LABEL)) == {CLUSTERS: 2}


def test_an_action_of_no_concern_needs_no_approval() -> None:
    log = without(story("Step", STEP, "alice"), Kind.APPROVAL)
    assert judged(log, {**STEP, "actions": ["FinalizeUpgrade"]}).violations == ()


def test_a_start_past_a_gate_that_somebody_has_broken_is_right() -> None:
    engine = InMemoryEngine("site-1")
    set_policies(engine, policy(**FROZEN))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    break_glass(engine, "RolloutPolicy/network")
    engine.wait(hours=1)
    log = log_of(engine)
    assert judged(log, FROZEN).violations == ()
    assert set(judged(without(log, Kind.BREAK_GLASS), FROZEN).broken) == {Rule.POLICIES}
