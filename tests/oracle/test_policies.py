"""Starts are judged by the policies that were in force, from the events alone (R50)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import DRIVERS, traits
from ibgu.core.model import Kind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.oracle import (
    Certifier,
    Event,
    Findings,
    PolicyTotals,
    PolicyVersion,
    Rule,
    stories,
)
from tests.oracle.breaks import place
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import certify, log_of, told

Spec = dict[str, Any]
DAY = timedelta(days=1)
FROZEN: Spec = {"freezes": [{"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}]}
APART: Spec = {"neverTogether": [{"clusters": ["site-2", "site-1"]}]}
TOKYO: Spec = {"windows": [{"cron": "0 2 * * *", "durationMinutes": 60, "timeZone": "Asia/Tokyo"}]}
"""The window is from 17:00 to 18:00 UTC; the stories begin at midnight."""


def version(name: str = "network", **spec: Any) -> PolicyVersion:
    return PolicyVersion(name, spec, seen_at=START - DAY)


def judged(log: list[Event], **spec: Any) -> Findings:
    return certify(log, policies=[version(**spec)])


def totals(findings: Findings) -> PolicyTotals:
    assert findings.policies is not None
    return findings.policies


def one_by_one() -> list[Event]:
    """Two clusters, one at a time, an hour's work each."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(hours=3)
    return log_of(engine)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"inFlight": 1},
            "R50.3: site-2 starts Prep with 1 in flight, and inFlight is 1",
        ),
        (
            APART,
            "R50.3: site-2 starts Prep beside site-1, in spite of neverTogether",
        ),
        (FROZEN, "R50.5: site-1 starts Prep in a freeze until 2026-02-01T00:00:00Z"),
        (TOKYO, "R50.4: site-1 starts Prep while no window is open"),
        (FROZEN | {"actions": ["Upgrade"]}, "R50.5: site-1 starts Upgrade in a freeze until"),
        (FROZEN | {"rollouts": {"namespaces": ["x", "fleet"]}}, "R50.5: site-1 starts Prep in"),
    ],
    ids=["number", "neighbours", "freeze", "window", "action", "namespace"],
)
def test_a_start_against_a_policy_is_found(spec: Spec, words: str) -> None:
    findings = judged(stories.plain(), **spec)
    assert set(findings.broken) == {Rule.POLICIES}
    first = findings.violations[0]
    assert first.words.startswith(words)
    assert first.words.endswith(" (RolloutPolicy/network)")
    assert first.event.kind == "RunIntended"
    assert totals(findings).unjudged == 0


def test_a_violation_of_a_limit_names_the_claims_in_its_way() -> None:
    log = stories.plain()
    findings = judged(log, inFlight=1)
    assert findings.violations[0].others == (log[place(log, "RunIntended", "site-1")].seq,)
    assert judged(log, **FROZEN).violations[0].others == ()


@pytest.mark.parametrize(
    "spec",
    [
        {"inFlight": 2},
        APART,
        {"freezes": [{"from": "2025-12-31T00:00:00Z", "until": "2026-01-01T02:30:00Z"}]},
        TOKYO,
        FROZEN | {"actions": ["Upgrade"]},
        {"inFlight": 1, "actions": ["Upgrade"]},
    ],
)
def test_starts_of_the_engine_under_a_policy_are_certified(spec: Spec) -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3", "site-4")
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=4, timeout=3000))
    engine.wait(hours=40)
    findings = judged(log_of(engine), **spec)
    assert told(findings) == []
    assert findings.checks[Rule.POLICIES] == totals(findings).starts > 0
    assert totals(findings).unjudged == 0


def test_all_rollouts_of_the_hub_count() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.labels |= {"site-1": {"of": "a"}, "site-2": {"of": "b"}}
    for name in ("a", "b"):
        engine.apply(ibgu(name, "Prep", selectors=(LabelSelector({"of": name}),)))
    engine.wait(hours=1)
    (found,) = judged(log_of(engine), inFlight=1).violations
    assert (found.event.rollout, found.event.cluster) == ("uid-b", "site-2")


def test_a_cluster_counts_until_the_last_claim_on_it_is_released() -> None:
    """Two rollouts have claimed it, which another rule reports."""
    log = stories.plain()
    start = log[place(log, "RunIntended")]
    others = {name: replace(start, rollout=name, cluster="site-9") for name in ("x", "y")}
    last = replace(others["y"], kind="MemberFinished")
    for releases, broken in ((["x"], 1), (["x", "y"], 0)):
        certifier = Certifier(PROOFS, policies=[version(inFlight=1)])
        for claimed in others.values():
            certifier.feed(claimed)
        for name in releases:
            certifier.feed(replace(last, rollout=name))
        for event in log[: place(log, "RunIntended") + 1]:
            certifier.feed(event)
        assert certifier.findings().broken.get(Rule.POLICIES, 0) == broken


@pytest.mark.parametrize("spec", [{"inFlight": 1}, APART])
def test_a_place_is_free_again_when_its_cluster_has_finished(spec: Spec) -> None:
    findings = judged(one_by_one(), **spec)
    assert (told(findings), totals(findings).starts) == ([], 2)


def test_a_place_is_free_again_when_its_run_was_withdrawn() -> None:
    """The engine counts the first cluster until it is reached again; the history can't tell."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    log = log_of(engine)
    assert log[place(log, "MemberReturned")].seq < log[place(log, "RunIntended", "site-2")].seq
    assert judged(log, inFlight=1).valid


def test_ways_back_are_never_held() -> None:
    found = judged(stories.cancelled(), **FROZEN, inFlight=1).violations
    assert {each.event.rollout for each in found} == {"uid-a"}


@pytest.mark.parametrize("kind", DRIVERS)
def test_each_kind_has_written_down_its_ways_back_twice(kind: str) -> None:
    table = DRIVERS[kind].actions
    assert PROOFS[kind].ways_back == {name for name in table.names if traits(name).leads_back}


def test_a_run_that_the_cluster_took_after_all_is_not_judged() -> None:
    log = stories.reopened()
    begun, again = (log[place(log, kind)].at for kind in ("RunIntended", "RunReopened"))
    until = (again + DAY).isoformat()
    freeze = {"from": (begun + timedelta(seconds=1)).isoformat(), "until": until}
    findings = judged(log, freezes=[freeze])
    assert (told(findings), totals(findings).starts) == ([], 1)


def test_a_freeze_also_holds_between_two_actions() -> None:
    log = stories.chain()
    upgrade = log[place(log, "RunIntended", nth=1)]
    findings = judged(log, freezes=[{"from": upgrade.at.isoformat(), "until": "2027-01-01T00:00Z"}])
    assert [each.event.data["action"] for each in findings.violations] == [
        "Upgrade",
        "FinalizeUpgrade",
    ]


def test_a_limit_holds_at_the_beginning_of_a_chain_only() -> None:
    """Between two actions the cluster has its place."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=2))
    engine.wait(hours=5)
    found = judged(log_of(engine), inFlight=1, actions=["Upgrade"])
    assert [each.event.data["action"] for each in found.violations] == ["Prep"]


@pytest.mark.parametrize(
    ("story", "spec"),
    [
        (stories.plain, FROZEN | {"rollouts": {"namespaces": ["elsewhere"]}}),
        (stories.plain, FROZEN | {"actions": ["Rollback"]}),
        (stories.plain, {"inFlight": 1, "actions": ["Rollback"]}),
        (stories.plain, {"neverTogether": [{"clusters": ["site-1", "other"]}]}),
        (stories.plain, {"neverTogether": [{"clusters": ["other", "another"]}]}),
        (stories.plain, {"freezes": [{"from": "2020-01-01T00:00Z", "until": "2020-01-02T00:00Z"}]}),
    ],
)
def test_a_policy_does_not_hold_what_it_is_not_about(
    story: Callable[[], list[Event]], spec: Spec
) -> None:
    findings = judged(story(), **spec)
    assert told(findings) == []
    assert findings.checks[Rule.POLICIES] == 6


DAILY: Spec = {"cron": "0 0 * * *", "durationMinutes": 1440, "timeZone": "UTC"}
BY_LABELS: Spec = {"clusters": {"selector": {"matchLabels": {"network": "ran"}}}}


@pytest.mark.parametrize(
    ("spec", "unknown", "starts"),
    [
        (FROZEN | BY_LABELS, "labels of clusters", 6),
        (FROZEN | {"clusters": {"clusterSets": ["ran"]}}, "labels of clusters", 6),
        ({"inFlight": 1} | BY_LABELS, "labels of clusters", 3),
        ({"perTopology": [{"label": "site"}]}, "labels of clusters", 3),
        (FROZEN | {"rollouts": {"selector": {"matchLabels": {"a": "b"}}}}, "labels of rollouts", 6),
        ({"inFlight": "50%"}, "how many clusters a share is of", 3),
        ({"windows": [{"cron": "0 2 * * *", "durationMinutes": 1}]}, "time zones of clusters", 6),
        (TOKYO | BY_LABELS, "labels of clusters", 6),
        (
            {"windows": [DAILY], "fit": True},
            "how long actions took at that time",
            6,
        ),
        ({"breakers": []}, "what a policy means that can't be read", 6),
        (
            {"freezes": [{"from": "tomorrow", "until": "2027-01-01T00:00Z"}]},
            "what a policy means that can't be read",
            6,
        ),
        (
            {"windows": [{"cron": "at night", "durationMinutes": 1, "timeZone": "UTC"}]},
            "what a policy means that can't be read",
            6,
        ),
        (
            {"windows": [{"cron": "0 2 * * *", "durationMinutes": 1, "timeZone": "Mars/Olympus"}]},
            "what a policy means that can't be read",
            6,
        ),
    ],
)
def test_starts_that_the_history_can_not_decide_on_are_counted(
    spec: Spec, unknown: str, starts: int
) -> None:
    findings = judged(stories.plain(), **spec)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 6, starts, {unknown: starts})
    assert findings.checks.get(Rule.POLICIES, 0) == 6 - starts


@pytest.mark.parametrize(
    "spec",
    [
        {"inFlight": 3} | BY_LABELS,
        {"perTopology": [{"label": "site", "maximum": 3}]},
        {
            "windows": [
                {"cron": "0 0 * * *", "durationMinutes": 1440, "timeZone": "UTC"},
                {"cron": "0 2 * * *", "durationMinutes": 60},
            ]
        },
    ],
)
def test_facts_that_make_no_difference_need_not_be_known(spec: Spec) -> None:
    findings = judged(stories.plain(), **spec)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 6, 0, {})


def test_a_certain_violation_is_found_beside_unknown_ones() -> None:
    findings = judged(stories.plain(), **FROZEN, perTopology=[{"label": "site"}])
    assert len(findings.violations) == 6
    assert totals(findings).unjudged == 0


def test_each_policy_is_judged_by_itself() -> None:
    policies = [version("holidays", **FROZEN), version("sites", **FROZEN, **BY_LABELS)]
    findings = certify(stories.plain(), policies=policies)
    assert totals(findings) == PolicyTotals(2, 6, 6, {"labels of clusters": 6})
    assert len(findings.violations) == 6


# -- when a version is in force ------------------------------------------------------------


def begins() -> datetime:
    """Returns when the only action of the story starts."""
    log = stories.reopened()
    return log[place(log, "RunIntended")].at


def seconds(after: float) -> datetime:
    return begins() + timedelta(seconds=after)


def during(begin: float, end: float | None, spec: Spec) -> PolicyVersion:
    """A version that is in force from and until so many seconds after the start."""
    gone = None if end is None else seconds(end)
    return PolicyVersion("network", spec, seconds(begin), gone)


FREE: Spec = {}
frozen, free = (partial(during, spec=spec) for spec in (FROZEN, FREE))


@pytest.mark.parametrize(
    "versions",
    [
        [frozen(-60, None)],
        [frozen(20, None)],
        [frozen(-900, -80)],
        [frozen(-900, 10)],
        [free(-900, -60), frozen(-60, None)],
        [frozen(-900, 10), free(10.0001, None)],
        [frozen(-900, -40), frozen(-30, None)],
        [free(-900, -60), frozen(-60, -30), frozen(-30, None)],
    ],
    ids=[
        "it was not known yet",
        "it came later",
        "it had gone",
        "it went just then",
        "the one before was still known",
        "the next one was known already",
        "it had gone for a while",
        "the one before the last was still known",
    ],
)
def test_a_start_is_right_under_any_version_that_may_be_known(
    versions: list[PolicyVersion],
) -> None:
    assert told(certify(stories.reopened(), policies=versions)) == []


@pytest.mark.parametrize(
    "versions",
    [
        [frozen(-80, None)],
        [frozen(-80, 20)],
        [free(-900, -80), frozen(-80, None)],
        [frozen(-900, -30), frozen(-29.9999, None)],
        [frozen(-900, None), frozen(-30, None)],
    ],
)
def test_a_start_is_wrong_if_no_version_allows_it(versions: list[PolicyVersion]) -> None:
    findings = certify(stories.reopened(), policies=versions)
    assert findings.broken == {Rule.POLICIES: 1}


def test_a_version_that_can_not_be_read_may_have_allowed_it() -> None:
    versions = [during(-900, -30, {"new": 1}), during(-30, None, FROZEN)]
    findings = certify(stories.reopened(), policies=versions)
    assert told(findings) == []
    assert totals(findings).unjudged == 1


# -- what is not judged --------------------------------------------------------------------


def test_without_policies_among_the_evidence_nothing_is_said_of_them() -> None:
    findings = certify(stories.plain())
    assert findings.policies is None
    assert Rule.POLICIES not in findings.checks
    assert totals(certify(stories.plain(), policies=[])) == PolicyTotals(0, 0, 0, {})


def test_starts_without_their_rollout_or_step_are_not_judged() -> None:
    """Other rules report what is missing."""
    log = stories.plain()
    for kind in ("RolloutSeen", "StepOpened"):
        rest = [event for event in log if event.kind != kind]
        findings = judged(rest, **FROZEN)
        assert Rule.POLICIES not in findings.broken
        assert not findings.valid
    strange = [replace(event, data=event.data | {"kind": "Other"}) for event in log[:1]]
    assert totals(judged([*strange, *log[1:]], **FROZEN)).starts == 0
    start = place(log, "RunIntended")
    odd = replace(log[start], data=log[start].data | {"action": "Dance"})
    assert totals(judged([*log[:start], odd], **FROZEN)).starts == 0


def test_clusters_that_talm_began_take_their_places() -> None:
    log = stories.plain()
    start = place(log, "RunIntended", "site-1")
    begun = replace(log[start], kind="MemberAdopted")
    second = place(log, "RunIntended", "site-2")
    events = [*log[:start], begun, *log[start + 1 : second + 1]]
    assert judged(events, inFlight=1).broken[Rule.POLICIES] == 1
    waits = replace(begun, data={"state": "waiting"})
    events = [*log[:start], waits, *log[start + 1 : second + 1]]
    assert Rule.POLICIES not in judged(events, inFlight=1).broken


LATE: Spec = {"freezes": [{"from": "2026-01-01T01:00:00Z", "until": "2026-01-05T00:00:00Z"}]}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (LATE, ["R50.5: site-1 is sent Upgrade in a freeze until 2026-01-05T00:00:00Z"]),
        (LATE | {"actions": ["Prep"]}, []),
        (LATE | {"rollouts": {"namespaces": ["elsewhere"]}}, []),
        (LATE | {"clusters": {"selector": {"matchLabels": {"ring": "0"}}}}, []),
        (LATE | {"rollouts": {"selector": {"matchLabels": {"wave": "0"}}}}, []),
        ({"freezes": [{"from": "soon", "until": "2026-01-05T00:00:00Z"}]}, []),
        ({"windows": [{"cron": "0 0 * * *", "durationMinutes": 60}]}, []),
        ({"unknown": 1}, []),
    ],
)
def test_an_action_that_is_sent_long_after_its_start_is_judged_again(
    spec: Spec, found: list[str]
) -> None:
    """Where labels or time zones decide, they may have changed since the start."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    engine.forbidden = True
    engine.wait(hours=3)
    engine.allow()
    engine.wait(hours=2)
    findings = judged(log_of(engine), **spec)
    words = [each.words.removesuffix(" (RolloutPolicy/network)") for each in findings.violations]
    assert words == found


def test_broken_glass_lets_an_action_be_sent_late() -> None:
    engine = InMemoryEngine("site-1")
    set_policies(engine, policy(**LATE))
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    engine.forbidden = True
    engine.wait(hours=2)
    break_glass(engine, "RolloutPolicy/network", hours=10)
    engine.allow()
    engine.wait(hours=2)
    assert judged(log_of(engine), **LATE).violations == ()
    assert Kind.RUN_ARMING in engine.kinds("site-1")


def behind_glass(gate: str = "RolloutPolicy/network") -> list[Event]:
    """Two clusters whose freeze two people let pass, one after the other."""
    engine = InMemoryEngine("site-1", "site-2")
    set_policies(engine, policy(**FROZEN))
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    for user in ("nora", "bob"):
        break_glass(engine, "RolloutPolicy/network", gate, user=user, hours=10)
    engine.wait(hours=3)
    return log_of(engine)


def test_starts_that_pass_a_policy_by_break_glass_are_allowed() -> None:
    findings = judged(behind_glass(), **FROZEN)
    assert (findings.violations, totals(findings).starts) == ((), 2)


def test_break_glass_of_one_policy_opens_no_other_one() -> None:
    versions = [version("other", **FROZEN), version(inFlight=5)]
    findings = certify(behind_glass(), policies=versions)
    assert findings.broken == {Rule.POLICIES: 2}
