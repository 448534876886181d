"""The further attempts that policies ask for are judged from the events alone (R50.20)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.gates.policies import test_retry as scene
from tests.oracle import Event, PolicyVersion, Rule
from tests.oracle.breaks import Break, numbered, place, tells
from tests.oracle.logs import certify, log_of, told
from tests.oracle.test_follow_ups import words
from tests.oracle.test_policies import Spec, version

Log = list[Event]
SPEC: Spec = {"retry": {"attempts": 2, "backoffMinutes": 10}}
ENTRY = "FollowUpChanged"


def tried_again(*, attempts: int = 2) -> InMemoryEngine:
    """Two attempts, of which the second one succeeds."""
    engine = scene.failing("site-1")
    scene.retry(engine, attempts)
    scene.aborted(engine)
    first = scene.make(engine, scene.due(engine))
    scene.until(engine, first)
    if attempts > 1:
        engine.spokes["site-1"].faults.clear()
        scene.until(engine, scene.make(engine, scene.due(engine, first)))
    return engine


def log() -> Log:
    return log_of(tried_again())


def judged(events: Log, **spec: Any) -> list[str]:
    findings = certify(events, policies=[version("again", **(spec or SPEC))])
    return words(findings)


@pytest.mark.parametrize("attempts", [1, 2])
def test_further_attempts_are_certified(attempts: int) -> None:
    events = log_of(tried_again(attempts=attempts))
    spec = {"retry": {"attempts": attempts, "backoffMinutes": 10}}
    findings = certify(events, policies=[version("again", **spec)])
    assert told(findings) == []
    assert findings.checks[Rule.POLICIES] >= 2
    assert told(certify(events)) == []


def test_an_attempt_that_is_left_to_a_person_is_certified() -> None:
    engine = scene.failing("site-1")
    scene.retry(engine)
    scene.aborted(engine)
    engine.labels["site-1"].pop("name")
    assert scene.due(engine).refused
    assert judged(log_of(engine)) == []


def changed(events: Log, nth: int, **changes: Any) -> Log:
    """Changes the record from that entry of the first rollout on."""
    for number in range(nth, 3):
        [found] = events[place(events, ENTRY, nth=number)].data["follow_ups"]
        events = tells(ENTRY, nth=number, follow_ups=[{**found, **changes}])(events)
    return events


def before_it(events: Log, **changes: Any) -> Log:
    """An event of the first rollout comes right before the attempt is to be made."""
    at = place(events, ENTRY, nth=1)
    start = events[place(events, "RolloutStarted")]
    data = {**start.data, **changes.pop("data", {})}
    event = replace(start, data=data, at=events[at].at, **changes)
    return numbered([*events[:at], event, *events[at:]])


def twice(events: Log) -> Log:
    at = place(events, ENTRY, nth=1)
    [found] = events[at].data["follow_ups"]
    both = [found, found | {"name": "a-retry-00000000"}]
    event = replace(events[at], data={**events[at].data, "follow_ups": both})
    return numbered([*events[: at + 1], event])


def without_failure(events: Log) -> Log:
    at = next(n for n, each in enumerate(events) if each.cause == "PrepFailed")
    kept = [replace(each, cause="TimedOut") if each.cause else each for each in events]
    assert kept[at].cause == "TimedOut"
    return kept


LATER = "2036-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("break_", "found"),
    [
        (
            lambda events: before_it(events, kind="RolloutHeld", data={"hold": "Paused"}),
            "order: site-1 is tried again while the rollout is held: Paused",
        ),
        (
            lambda events: before_it(events, kind="RolloutDeleted"),
            "order: site-1 is tried again though the rollout was deleted",
        ),
        (
            lambda events: changed(events, 1, due=LATER),
            "order: site-1 is tried again before that was due",
        ),
        (
            lambda events: changed(events, 1, due=None),
            "order: site-1 is tried again before that was due",
        ),
        (twice, "once: site-1 is tried again by two rollouts"),
        (
            lambda events: changed(events, 1, uids=["uid-site-1"] * 2, clusters=["site-1"] * 2),
            "once: site-1, site-1 are tried again by two rollouts",
        ),
        (
            lambda events: changed(events, 1, name="a-retry-00000000"),
            "once: the name a-retry-00000000 does not follow from what was decided",
        ),
        *(
            (
                lambda events, uid=uid, name=name: changed(events, 1, clusters=[name], uids=[uid]),
                f"order: {name} is tried again, but step 2 had not taken it back",
            )
            for uid, name in (("uid-site-9", "site-9"), ("uid-of-another", "site-1"))
        ),
        (without_failure, "order: site-1 is tried again, but its Prep had not failed"),
    ],
)
def test_a_record_that_breaks_a_rule_is_found(break_: Break, found: str) -> None:
    assert found in judged(break_(log()))


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"inFlight": 9}, "tries nothing again"),
        (
            {"retry": {"attempts": 1, "backoffMinutes": 10}},
            "asks for 1 attempts, and this is number 2",
        ),
        (
            {"retry": {"attempts": 2, "backoffMinutes": 60}},
            "waits 1 h before it, and less was planned",
        ),
        (SPEC | {"rollouts": {"namespaces": ["elsewhere"]}}, "is not about the rollout"),
    ],
)
def test_an_attempt_that_no_policy_asks_for_is_found(spec: Spec, found: str) -> None:
    first = f"policies: R50.20: site-1 again by RolloutPolicy/again, which {found}"
    assert first in judged(log(), **spec)


def test_a_policy_that_changed_after_the_plan_is_judged_by_its_attempts_alone() -> None:
    events = log()
    planned = events[place(events, ENTRY)].at
    slow = {"retry": {"attempts": 2, "backoffMinutes": 60}}
    since = planned + timedelta(minutes=1)
    first, later = version("again", **SPEC), PolicyVersion("again", slow, since)
    findings = certify(events, policies=[replace(first, gone_at=since), later])
    [second] = words(findings)
    assert "site-1 again" in second, "the second attempt was planned under it"


def test_the_new_rollout_has_the_plan_of_the_first_one() -> None:
    events = log()
    new = next(each for each in events if "-retry-" in str(each.data.get("name")))
    other: Log = [
        replace(each, data={**each.data, "plan": [{**each.data["plan"][0], "actions": ["Abort"]}]})
        if each.kind == "PlanAccepted" and each.rollout == new.rollout
        else each
        for each in events
    ]
    assert any("was made with another plan than that of fleet/a" in each for each in judged(other))
