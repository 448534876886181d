"""The second rollouts that policies ask for are judged from the events alone (R50.19)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.model.follow_ups import ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.test_canary_rollback import HEALTH, asked, breaks, upgraded
from tests.oracle import Event, Findings, PolicyVersion, Rule
from tests.oracle.breaks import Break, drop, numbered, place, tells
from tests.oracle.logs import certify, log_of, told
from tests.oracle.test_policies import Spec, version
from tests.simulation.broken import broken

Log = list[Event]
SPEC: Spec = {
    "actions": ["Upgrade"],
    "canaries": {"count": 2, "soakMinutes": 1440, "health": HEALTH, "rollback": True},
}


def rolled_back(*names: str, **more: Any) -> InMemoryEngine:
    """The canaries break, and the new rollout takes them back."""
    engine = upgraded(**more)
    breaks(engine, *(names or ("site-1",)))
    [found] = asked(engine, len(more.get("steps", ("Prep", "Upgrade"))) - 1)
    if found.name:
        engine.follow_ups[found.name] = ShownFollowUp(ours=True)
        chosen = tuple(LabelSelector({"name": name}) for name in found.clusters)
        minutes = (engine.now - START) // timedelta(minutes=1)
        engine.apply(ibgu(found.name, "Rollback", selectors=chosen, age=-minutes))
        engine.wait(hours=2)
    return engine


def log() -> Log:
    return log_of(rolled_back())


def judged(events: Log, **spec: Any) -> Findings:
    return certify(events, policies=[version("first", **(spec or SPEC))])


def words(findings: Findings) -> list[str]:
    return [f"{each.rule}: {each.words}" for each in findings.violations]


def renamed(events: Log, **changes: Any) -> Log:
    """Changes the record in all events, so that none contradicts another."""
    for nth in range(sum(event.kind == "FollowUpChanged" for event in events)):
        [found] = events[place(events, "FollowUpChanged", nth=nth)].data["follow_ups"]
        events = tells("FollowUpChanged", nth=nth, follow_ups=[{**found, **changes}])(events)
    return events


@pytest.mark.parametrize("names", [("site-1",), ("site-1", "site-2")])
def test_a_rollback_by_policy_is_certified(names: tuple[str, ...]) -> None:
    events = log_of(rolled_back(*names))
    findings = judged(events)
    assert told(findings) == []
    assert findings.checks[Rule.POLICIES] >= 1
    assert told(certify(events)) == []


def test_one_that_is_left_to_a_person_is_certified() -> None:
    events = log_of(rolled_back(steps=("Prep", "Upgrade FinalizeUpgrade")))
    assert told(judged(events)) == []
    [found] = events[place(events, "FollowUpChanged")].data["follow_ups"]
    assert found["refused"]
    made = renamed(events, name="a-rollback-1")
    assert "order: site-1 goes back after its upgrade was completed" in words(judged(made))


def of_rollout(events: Log, **changes: Any) -> Log:
    """An event of the old rollout comes right before the decision."""
    at = place(events, "FollowUpChanged")
    start = events[place(events, "RolloutStarted")]
    data = {**start.data, **changes.pop("data", {})}
    return numbered([*events[:at], replace(start, data=data, **changes), *events[at:]])


def another(events: Log, **changes: Any) -> Log:
    """The record comes a second time, as a new one."""
    at = place(events, "FollowUpChanged")
    [found] = events[at].data["follow_ups"]
    event = replace(events[at], data={**events[at].data, "follow_ups": [found, found | changes]})
    return numbered([*events[: at + 1], event])


LATE = "site-1 goes back, but was not recorded as well since its upgrade"


@pytest.mark.parametrize(
    ("break_", "found"),
    [
        (drop("CanaryWell"), f"order: {LATE}"),
        (
            lambda events: of_rollout(events, kind="RolloutHeld", data={"hold": "Paused"}),
            "order: site-1 goes back while the rollout is held: Paused",
        ),
        (
            lambda events: of_rollout(events, kind="RolloutDeleted"),
            "order: site-1 goes back though the rollout was deleted",
        ),
        (another, "once: site-1 goes back a second time in step 2"),
        (
            lambda events: renamed(events, uids=["uid-site-1"] * 2, clusters=["site-1"] * 2),
            "once: site-1, site-1 go back a second time in step 2",
        ),
        (
            lambda events: renamed(events, clusters=["site-4"], uids=["uid-site-4"]),
            "order: site-4 goes back, but step 2 had not taken it to another release",
        ),
        (
            lambda events: renamed(events, clusters=["site-9"], uids=["uid-site-9"]),
            "members: site-9 goes back, but does not belong to step 2",
        ),
        (
            lambda events: renamed(events, uids=["uid-of-another"]),
            "members: site-1 goes back, but does not belong to step 2",
        ),
        (
            lambda events: renamed(events, name="a-rollback-00000000"),
            "once: the name a-rollback-00000000 does not follow from what was decided",
        ),
        (
            tells("FollowUpChanged", nth=1, follow_ups=[]),
            "order: step 2: what a policy had asked for is asked for no longer, or in other words",
        ),
    ],
)
def test_a_record_that_breaks_a_rule_is_found(break_: Break, found: str) -> None:
    assert found in words(judged(break_(log())))


def test_an_upgrade_of_somebody_else_is_none_of_the_step() -> None:
    events = [
        event
        for event in log()
        if event.kind != "RunEnded" or event.cluster != "site-1" or event.step != 1
    ]
    found = "order: site-1 goes back, but step 2 had not taken it to another release"
    assert found in words(judged(events))
    restored = of_rollout(events, kind="RolloutHeld", data={"hold": "Restored"})
    assert found not in words(judged(restored))


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"actions": ["Upgrade"], "canaries": {"count": 2}}, "rolls no canary back"),
        ({"inFlight": 9}, "rolls no canary back"),
        (SPEC | {"actions": ["Prep"]}, "holds nothing of step 2"),
        (SPEC | {"rollouts": {"namespaces": ["elsewhere"]}}, "is not about the rollout"),
        (
            SPEC | {"canaries": SPEC["canaries"] | {"rollbackAfterMinutes": 600}},
            "waits 600 min, and site-1 was well less than that before",
        ),
    ],
)
def test_a_rollback_that_no_policy_asks_for_is_found(spec: Spec, found: str) -> None:
    told_first = f"policies: R50.19: site-1 back by RolloutPolicy/first, which {found}"
    assert told_first in words(judged(log(), **spec))


def test_the_policy_must_be_in_force_by_its_name_at_that_time() -> None:
    gone = "policies: R50.19: site-1 back by RolloutPolicy/first, which was not in force"
    events = log()
    decided = events[place(events, "FollowUpChanged")].at
    assert words(certify(events, policies=[version("other", **SPEC)])) == [gone]
    late = PolicyVersion("first", SPEC, decided + timedelta(hours=1))
    assert words(certify(events, policies=[late])) == [gone]
    just = PolicyVersion("first", {"inFlight": 9}, decided - timedelta(seconds=5))
    assert told(certify(events, policies=[version("first", **SPEC), just])) == []
    assert told(judged(events, newer=1)) == []


def test_the_new_rollout_does_what_was_recorded_to_those_clusters() -> None:
    engine = rolled_back()
    [found] = asked(engine)
    events = log_of(engine)
    new = next(event for event in events if event.data.get("name") == found.name)
    seen = [n for n, event in enumerate(events) if event.rollout == new.rollout]
    other: Log = list(events)
    for number in seen:
        event = events[number]
        if event.kind == "PlanAccepted":
            plan = [{**event.data["plan"][0], "actions": ["Abort"]}]
            other[number] = replace(event, data={**event.data, "plan": plan})
        elif event.kind == "MemberJoined":
            other[number] = replace(event, cluster="site-2", cluster_uid="uid-site-2")
    said = words(judged(other))
    assert f"order: {found.name} was made for Rollback, and does Abort" in said
    assert f"members: {found.name} has clusters that it was not made for: site-2" in said
    unmade = renamed(other, made_at=None)
    assert not [each for each in words(judged(unmade)) if "made for" in each]


def test_a_new_rollout_without_a_plan_yet_is_not_judged() -> None:
    engine = rolled_back()
    [found] = asked(engine)
    events = log_of(engine)
    uid = next(event.rollout for event in events if event.data.get("name") == found.name)
    first = [event for event in events if event.rollout != uid or event.kind == "RolloutSeen"]
    assert told(judged(numbered(first))) == []


def test_a_log_that_does_not_say_who_was_well_is_not_judged_by_it() -> None:
    events = log()
    for nth in range(2):
        events = tells("CanaryWell", nth=nth, well=None)(events)
    assert told(judged(events)) == []


def test_follow_ups_that_lead_nowhere_back_are_not_judged_as_rollbacks() -> None:
    events = renamed(log(), action="Prep", name="a-prep-1")
    assert told(judged(events)) == []


@pytest.mark.parametrize(
    ("variant", "found"),
    [
        ("goes-back-again", "once: site-1 goes back a second time in step 2"),
        ("grace-ignored", "which waits 120 min, and site-1 was well less than that before"),
    ],
)
def test_a_broken_engine_is_found(variant: str, found: str) -> None:
    def play() -> list[str]:
        engine = upgraded(rollbackAfterMinutes=120)
        breaks(engine, "site-1", minutes=150)
        spec = SPEC | {"canaries": SPEC["canaries"] | {"rollbackAfterMinutes": 120}}
        return words(judged(log_of(engine), **spec))

    assert play() == []
    with broken(variant):
        assert any(each.endswith(found) for each in play())
