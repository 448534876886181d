"""Starts are judged by the failure budgets and canaries of policies, from the events alone (R50.9,
R50.11)."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.text.spans import utc
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.storms import Scenario, finish, heal, play, scenarios, twin_of
from tests.core.engine.decide.test_storms import STORM
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.oracle import (
    Event,
    Findings,
    PolicyTotals,
    PolicyVersion,
    Rule,
)
from tests.oracle.breaks import has, place, tells
from tests.oracle.logs import certify, log_of, told, without_facts
from tests.oracle.test_policies import BY_LABELS, Spec, judged, totals, version
from tests.simulation.broken import broken
from tests.simulation.broken_policies import canaries_not_replaced

AVAILABILITY = "times in which canaries were available"
BEFORE = "events from before a restore or a takeover"
CLUSTERS = "labels of clusters"
GONE = "canaries that have left the hub"
HELD = "clean-ups that failures hold"
UNFOLLOWED = "what a policy means that can't be read"
ZONES = "time zones of clusters"
Log = list[Event]


def fleet(count: int = 6, *bad: int, stage: Stage = Stage.PREP) -> InMemoryEngine:
    """The bad ones fail in that stage."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n in bad:
        engine.spokes[f"site-{n}"].faults[stage] = "fail"
    return engine


def played(
    *steps: str, engine: InMemoryEngine, spec: Spec | None = None, most: int = 1, resumes: int = 0
) -> Log:
    """The log of a rollout, under a policy or without."""
    if spec is not None:
        set_policies(engine, policy(**spec))
    uid = engine.apply(ibgu("a", *steps, concurrency=most, timeout=3000))
    for resume in range(resumes + 1):
        engine.wait(hours=12)
        engine.annotate(uid, resume=str(resume))
    return log_of(engine)


def words(findings: Findings) -> list[str]:
    return [each.words for each in findings.violations]


def first(count: int = 2, soak: int = 0, **spec: Any) -> Spec:
    return {"canaries": {"count": count, "soakMinutes": soak}, **spec}


def few(maximum: int | str = 1, **other: Any) -> Spec:
    spec = other.pop("spec", {})
    return {"failureBudget": {"maximum": maximum, **other}, **spec}


# -- canaries ------------------------------------------------------------------------------


def test_a_start_beside_the_canaries_is_found() -> None:
    findings = judged(played("Prep", engine=fleet(4), most=4), **first())
    assert words(findings) == [
        f"R50.11: site-{n} starts Prep before its canaries have finished: site-1, site-2 "
        "(RolloutPolicy/network)"
        for n in (3, 4)
    ]
    log = played("Prep", engine=fleet(4), most=4)
    assert findings.violations[0].others == (log[place(log, "StepOpened")].seq,)


def test_starts_behind_canaries_are_certified() -> None:
    spec = first(soak=30)
    log = played("Prep", "Upgrade", engine=fleet(5), spec=spec, most=3)
    findings = judged(log, **spec)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 10, 0, {})
    older = judged(without_facts(log), **spec)
    assert totals(older) == PolicyTotals(1, 10, 6, {AVAILABILITY: 6})
    assert older.checks[Rule.POLICIES] == 4


def test_a_start_is_found_behind_canaries_that_were_well_for_too_short() -> None:
    spec = first(soak=30)
    log = played("Prep", engine=fleet(3), spec=spec, most=3)
    at = place(log, "RunIntended", "site-3")
    facts = log[at].data["facts"]
    since = log[at].at - timedelta(minutes=29)
    facts["policies"]["network"]["wellSince"] = since.isoformat()
    assert words(judged(log, **spec)) == [
        "R50.11: site-3 starts Prep while its canaries soak until "
        f"{utc(since + timedelta(minutes=30))} (RolloutPolicy/network)"
    ]


def test_a_start_after_a_failed_canary_is_found() -> None:
    log = played("Prep", engine=fleet(4, 2), most=1)
    findings = judged(log, **first())
    assert words(findings) == [
        f"R50.11: site-{n} starts Prep after a canary has failed: site-2 (RolloutPolicy/network)"
        for n in (3, 4)
    ]
    assert findings.violations[0].others == (log[place(log, "MemberFinished", "site-2")].seq,)


def test_a_resume_after_a_failed_canary_lets_the_others_start() -> None:
    spec = first(soak=5)
    log = played("Prep", engine=fleet(4, 2), spec=spec, most=2, resumes=1)
    findings = judged(log, **spec)
    assert told(findings) == []
    assert totals(findings).unknown == {}
    assert totals(judged(without_facts(log), **spec)).unknown == {AVAILABILITY: 2}
    without = [event for event in log if event.kind not in ("StepHeld", "StepReleased")]
    assert judged(without, **spec).broken[Rule.POLICIES] == 2


def with_a_skipped_canary(spec: Spec) -> Log:
    engine = fleet(4)
    engine.labels.update({name: {"a": "b"} for name in engine.spokes})
    engine.spokes["site-1"].dark = True
    set_policies(engine, policy(**spec))
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=3000))
    engine.wait(hours=1)
    engine.annotate(uid, skip="site-1")
    engine.wait(hours=2)
    return log_of(engine)


def test_starts_behind_the_canary_that_took_the_place_of_another_are_certified() -> None:
    spec = first(count=1, soak=30)
    findings = judged(with_a_skipped_canary(spec), **spec)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 3, 0, {})


def test_a_start_beside_the_canary_that_took_the_place_of_another_is_found() -> None:
    """Another policy holds all of them until a canary has been skipped, and then lets all go."""
    freeze = {"from": "2025-12-01T00:00:00Z", "until": "2026-01-01T02:00:00Z"}
    log = with_a_skipped_canary({"freezes": [freeze]})
    findings = judged(log, **first(count=1))
    assert words(findings) == [
        f"R50.11: site-{n} starts Prep before its canaries have finished: site-2 "
        "(RolloutPolicy/network)"
        for n in (3, 4)
    ]


def test_an_engine_that_replaces_no_canary_that_labels_chose_is_found() -> None:
    spec = first(count=1, clusters={"selector": {"matchLabels": {"a": "b"}}})
    with ExitStack() as stack:
        canaries_not_replaced(stack)
        findings = judged(with_a_skipped_canary(spec), **spec)
    assert words(findings) == [
        f"R50.11: site-{n} starts Prep behind a canary that was skipped or cancelled: site-1 "
        "(RolloutPolicy/network)"
        for n in (2, 3, 4)
    ]
    assert told(judged(with_a_skipped_canary(spec), **spec)) == []


@pytest.mark.parametrize("resumed", [False, True])
def test_starts_behind_a_canary_that_was_cancelled_on_its_way(resumed: bool) -> None:
    """A person has to resume the step, as after one that has failed."""
    engine = fleet(4)
    engine.labels["site-1"] = {"name": "site-1"}
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    spec = first(count=1)
    set_policies(engine, policy(**spec))
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=3000))
    engine.wait(minutes=1)
    engine.apply(ibgu("b", "Abort", selectors=[LabelSelector({"name": "site-1"})]))
    engine.wait(hours=1)
    engine.annotate(uid, resume="1")
    engine.wait(hours=1)
    log = log_of(engine)
    if resumed:
        assert Rule.POLICIES not in judged(log, **spec).broken
        return
    log = [each for each in log if each.kind not in ("StepHeld", "StepReleased")]
    found = [text for text in words(judged(log, **spec)) if " starts Prep " in text]
    assert found == [
        f"R50.11: site-{n} starts Prep after a canary has ended without success: site-1 "
        "(RolloutPolicy/network)"
        for n in (2, 3, 4)
    ]


def with_a_dark_canary(action: str, *, resumed: bool = False) -> Log:
    """The first canary can't be reached once its run was sent, and a person skips it."""
    engine = fleet(4)
    for name, spoke in engine.spokes.items():
        if action == "Upgrade":
            spoke.to(Stage.PREP)
            engine.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    set_policies(engine, policy(**first(count=1, soak=30)))
    uid = engine.apply(ibgu("a", action, concurrency=3, timeout=3000))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    engine.annotate(uid, skip="site-1")
    engine.wait(hours=2)
    if resumed:
        engine.annotate(uid, resume="1")
        engine.wait(hours=3)
    return log_of(engine)


def test_starts_behind_the_canary_after_a_withdrawn_one_are_certified() -> None:
    findings = judged(with_a_dark_canary("Prep"), **first(count=1, soak=30))
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 4, 0, {})


def test_an_engine_that_lets_all_start_behind_a_withdrawn_run_is_found() -> None:
    with ExitStack() as stack:
        canaries_not_replaced(stack)
        log = with_a_dark_canary("Prep", resumed=True)
    found = words(judged(log, **first(count=1, soak=30)))
    assert found == [
        f"R50.11: site-{n} starts Prep before its canaries have finished: site-2 "
        "(RolloutPolicy/network)"
        for n in (3, 4)
    ]


@pytest.mark.parametrize("held", [True, False])
def test_a_dark_canary_may_have_taken_its_upgrade(*, held: bool) -> None:
    log = with_a_dark_canary("Upgrade", resumed=True)
    if not held:
        log = [each for each in log if each.kind not in ("StepHeld", "StepReleased")]
    found = [
        f"R50.11: site-{n} starts Upgrade after a canary has ended without success: site-1 "
        "(RolloutPolicy/network)"
        for n in (2, 3, 4)
    ]
    said = words(judged(log, **first(count=1, soak=30)))
    assert [text for text in said if text.startswith("R50")] == ([] if held else found)


def test_a_canary_that_completed_late_proves_nothing_against_a_start() -> None:
    """The engine holds the step; the history does not show whether the hold is over."""
    log = played("Prep", engine=fleet(3, 1))
    end = place(log, "MemberFinished", "site-1")
    late = replace(log[end], kind="CompletedLate", data={**log[end].data, "late": "late"})
    assert len(judged(log, **first(count=1)).violations) == 2
    findings = judged([*log[: end + 1], late, *log[end + 1 :]], **first(count=1))
    assert Rule.POLICIES not in findings.broken
    other = replace(late, cluster="site-2", cluster_uid="uid-site-2")
    findings = judged([*log[: end + 1], other, *log[end + 1 :]], **first(count=1))
    assert findings.broken[Rule.POLICIES] == 2


def test_a_chain_waits_for_canaries_at_its_beginning_only() -> None:
    spec = first(actions=["Upgrade"])
    log = played("Prep Upgrade", engine=fleet(4), most=4)
    found = judged(log, **spec).violations
    assert [each.event.data["action"] for each in found] == ["Prep", "Prep"]
    kept = played("Prep Upgrade", engine=fleet(4), spec=spec, most=4)
    assert told(judged(kept, **spec)) == []


def test_a_failed_canary_holds_the_upgrades_of_those_in_a_chain() -> None:
    log = played("Prep Upgrade", engine=fleet(4, 1), most=4)
    found = judged(log, **first(count=1)).violations
    assert [each.event.data["action"] for each in found] == ["Prep"] * 3 + ["Upgrade"] * 3


@pytest.mark.parametrize(
    "spec",
    [
        first(actions=["Update"]),
        first(rollouts={"namespaces": ["elsewhere"]}),
        first(count=9),
    ],
)
def test_canaries_of_other_steps_and_rollouts_hold_nobody(spec: Spec) -> None:
    findings = judged(played("Prep", engine=fleet(4), most=4), **spec)
    assert (told(findings), totals(findings).unjudged) == ([], 0)


def test_a_canary_of_one_policy_waits_for_none_of_another() -> None:
    policies = [version("few", **first(count=1)), version("more", **first(count=3))]
    log = played("Prep", engine=fleet(4), most=4)
    findings = certify(log, policies=policies)
    assert {each.event.cluster for each in findings.violations} == {"site-4"}
    assert len(findings.violations) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"canaries": {"selector": {"matchLabels": {"a": "b"}}}},
        first(count=3, rollouts={"selector": {"matchLabels": {"a": "b"}}}),
        {"newer": 1},
    ],
    ids=["selector", "labels of rollouts", "unreadable"],
)
def test_nobody_is_wrong_who_may_be_a_canary_of_another_policy(other: Spec) -> None:
    policies = [version("few", **first(count=1)), version("other", **other)]
    findings = certify(played("Prep", engine=fleet(4), most=4), policies=policies)
    assert told(findings) == []
    assert totals(findings).unknown[CLUSTERS] >= 3


def test_a_policy_that_may_not_be_known_yet_frees_no_canary() -> None:
    log = played("Prep", engine=fleet(4), most=4)
    start = log[place(log, "RunIntended")].at
    late = PolicyVersion("more", first(count=3), start - timedelta(seconds=5))
    findings = certify(log, policies=[version("few", **first(count=1)), late])
    assert {each.event.cluster for each in findings.violations} == {"site-4"}
    assert totals(findings).unknown == {CLUSTERS: 2}


@pytest.mark.parametrize(
    ("spec", "unknown", "starts"),
    [
        ({"canaries": {"selector": {"matchLabels": {"a": "b"}}}}, CLUSTERS, 4),
        (first() | BY_LABELS, CLUSTERS, 4),
        (first(soak=10**6), UNFOLLOWED, 4),
        (first(count=-1), UNFOLLOWED, 4),
        (few("many"), UNFOLLOWED, 4),
        (few(1, withinMinutes=-1), UNFOLLOWED, 4),
        (few(1, per="Hub"), UNFOLLOWED, 4),
        (few("10%", per="Hub", withinMinutes=60), UNFOLLOWED, 4),
        (few(0) | BY_LABELS, CLUSTERS, 3),
        (few("90%") | BY_LABELS, CLUSTERS, 3),
    ],
)
def test_starts_that_the_history_can_not_decide_on_are_counted(
    spec: Spec, unknown: str, starts: int
) -> None:
    findings = judged(played("Prep", engine=fleet(4, 1)), **spec)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 4, starts, {unknown: starts})


def test_a_selected_canary_may_have_failed_before_an_upgrade_in_a_chain() -> None:
    spec: Spec = {"canaries": {"selector": {"matchLabels": {"a": "b"}}}}
    sound = judged(played("Prep Upgrade", engine=fleet(2), most=2), **spec)
    assert totals(sound).unknown == {CLUSTERS: 2}
    broke = judged(played("Prep Upgrade", engine=fleet(2, 1), most=2), **spec)
    assert totals(broke).unknown == {CLUSTERS: 3}


def test_a_clean_up_after_failures_is_not_judged() -> None:
    engine = fleet(3, 1, stage=Stage.UPGRADE)
    log = played("Prep", "Upgrade", "FinalizeUpgrade", engine=engine)
    engine.spokes["site-2"].faults[Stage.IDLE] = "fail"
    found = judged(log, **few(0))
    assert {each.event.data["action"] for each in found.violations} == {"Upgrade"}
    assert totals(found).unknown == {HELD: 2}
    again = fleet(3)
    again.spokes["site-1"].faults[Stage.IDLE] = "fail"
    log = played("Prep", "Upgrade", "FinalizeUpgrade", engine=again)
    found = judged(log, **first(count=1, actions=["FinalizeUpgrade"]))
    assert (told(found), totals(found).unknown) == ([], {HELD: 2})


def test_ways_back_are_held_by_no_canary_and_no_budget() -> None:
    engine = fleet(3, 1)
    log = played("Prep", "Abort", engine=engine)
    found = judged(log, **first(count=1), **few(0))
    assert {each.event.data["action"] for each in found.violations} == {"Prep"}
    mixed = tells("StepOpened", nth=0, actions=["Abort", "Prep"])(log)
    assert Rule.POLICIES not in judged(mixed, **few(0)).broken


# -- broken glass --------------------------------------------------------------------------


def behind_glass(*bad: int, most: int = 1) -> Log:
    """Somebody has broken the glass of the policy, which is not on the hub yet."""
    engine = fleet(4, *bad)
    break_glass(engine, "RolloutPolicy/network", hours=100)
    return played("Prep", engine=engine, most=most)


def test_broken_glass_opens_no_failure_budget() -> None:
    log = behind_glass(1)
    found = words(judged(log, **few(0)))
    assert [each.split()[:2] for each in found] == [["R50.9:", f"site-{n}"] for n in (2, 3, 4)]
    assert words(judged(log, **first(count=1)))[0].startswith("R50.11: site-2 starts Prep after")
    frozen = {"freezes": [{"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}]}
    assert judged(log, **frozen, **few(1), inFlight=1).valid


def test_a_canary_of_a_policy_whose_glass_is_broken_waits_for_no_other_policy() -> None:
    log = behind_glass(most=2)
    policies = [version("network", **first(count=2)), version("other", **first(count=1))]
    found = certify(log, policies=policies)
    early = [each.event.cluster for each in found.violations]
    assert "site-2" not in early
    assert judged(log, **first(count=1)).valid


# -- failures of the whole hub -------------------------------------------------------------


def two_rollouts(spec: Spec | None = None, *, days: int = 0) -> InMemoryEngine:
    """The first rollout's clusters fail, so many days before the second one begins."""
    engine = fleet(6, 1, 2)
    for number in range(1, 7):
        engine.labels[f"site-{number}"] = {"of": "a" if number < 4 else "b"}
    if spec is not None:
        set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", "Prep", concurrency=3, selectors=(LabelSelector({"of": "a"}),)))
    engine.wait(hours=12 + 24 * days)
    engine.apply(ibgu("b", "Prep", selectors=(LabelSelector({"of": "b"}),), concurrency=1))
    engine.wait(hours=12)
    return engine


ON_HUB = few(1, per="Hub", withinMinutes=600)


def test_failures_of_other_rollouts_count_where_a_budget_is_of_the_hub() -> None:
    log = log_of(two_rollouts())
    findings = judged(log, **ON_HUB)
    assert words(findings) == [
        f"R50.9: site-{n} starts Prep with 2 clusters failed, and failureBudget allows 1 "
        "(RolloutPolicy/network)"
        for n in (4, 5, 6)
    ]
    assert judged(log, **few(2, per="Hub", withinMinutes=600)).valid
    assert judged(log, **few(0, per="Rollout")).valid
    assert judged(log, **few(1, per="Hub", withinMinutes=600, spec=UPGRADES)).valid
    labelled = judged(log, **ON_HUB, **BY_LABELS)
    assert (told(labelled), totals(labelled).unknown) == ([], {CLUSTERS: 3})


UPGRADES: Spec = {"actions": ["Upgrade"]}


def test_an_engine_that_keeps_a_budget_of_the_hub_is_certified() -> None:
    engine = two_rollouts(ON_HUB)
    log = log_of(engine)
    assert "site-4" not in {each.cluster for each in log if each.kind == "RunIntended"}
    assert told(judged(log, **ON_HUB)) == []
    engine.annotate("uid-b", resume="1")
    engine.wait(hours=12)
    log = log_of(engine)
    assert "site-4" in {each.cluster for each in log if each.kind == "RunIntended"}
    assert told(judged(log, **ON_HUB)) == []


def test_failures_of_the_hub_are_forgotten_after_two_weeks() -> None:
    log = log_of(two_rollouts(days=15))
    assert judged(log, **ON_HUB).valid


def test_a_cluster_that_failed_again_counts_by_its_later_failure() -> None:
    log = log_of(two_rollouts())
    seen, end = log[place(log, "RolloutSeen")], log[place(log, "MemberFinished", "site-1")]
    before = end.at - timedelta(minutes=700)
    earlier = [replace(each, rollout="uid-x", at=before) for each in (seen, end)]
    assert judged([*earlier, *log], **ON_HUB).broken[Rule.POLICIES] == 3


def test_a_failure_on_the_hub_that_was_corrected_counts_no_longer() -> None:
    log = log_of(two_rollouts())
    end = log[place(log, "MemberFinished", "site-2")]
    late = replace(end, kind="CompletedLate", data={"state": "finished", "late": True})
    at = place(log, "RolloutSeen", nth=1)
    told_so = [*log[:at], replace(late, at=log[at].at), *log[at:]]
    numbered = [replace(each, seq=number) for number, each in enumerate(told_so, start=1)]
    assert Rule.POLICIES not in judged(numbered, **ON_HUB).broken


# -- the soak ------------------------------------------------------------------------------


def soaking() -> Log:
    """All go through two steps, and none waits until the first step's canary has soaked."""
    return played("Prep", "Upgrade", engine=fleet(3))


SOAK = first(count=1, soak=3, actions=["Prep"])


def test_a_start_within_the_soak_is_wrong_once_its_canary_is_seen_again() -> None:
    log = soaking()
    findings = judged(log, **SOAK)
    assert words(findings) == [
        f"R50.11: site-{n} starts Prep while its canaries soak until 2026-01-01T00:04:01Z: site-1 "
        "(RolloutPolicy/network)"
        for n in (2, 3)
    ]
    assert totals(findings) == PolicyTotals(1, 6, 0, {})
    assert findings.checks[Rule.POLICIES] == 6


def test_without_a_later_sight_of_the_canary_it_may_have_been_gone() -> None:
    log = soaking()
    early = log[: place(log, "StepFinished")]
    findings = judged(early, **SOAK)
    assert told(findings) == []
    assert totals(findings) == PolicyTotals(1, 3, 2, {GONE: 2})


def test_another_cluster_of_that_name_is_not_the_canary() -> None:
    log = soaking()
    new = [
        replace(event, cluster_uid="new", data=_as_new(event.data))
        if event.cluster == "site-1" and event.seq > log[place(log, "StepFinished")].seq
        else event
        for event in log
    ]
    findings = judged(new, **SOAK)
    assert Rule.POLICIES not in findings.broken
    assert totals(findings).unknown == {GONE: 2}


def _as_new(data: dict[str, Any]) -> dict[str, Any]:
    seen = data.get("seen")
    return data | {"seen": seen | {"cluster": seen["cluster"] | {"uid": "new"}}} if seen else data


def test_each_version_that_may_be_known_must_be_proven_wrong() -> None:
    log = soaking()
    start = log[place(log, "RunIntended", "site-3")].at
    second = PolicyVersion("network", SOAK | {"canaries": first(2, soak=1)["canaries"]}, start)
    before = PolicyVersion("network", SOAK, start - timedelta(days=1), start)
    found = certify(log, policies=[before, second]).violations
    assert {each.event.cluster for each in found} == {"site-2", "site-3"}
    until = place(log, "RunIntended", "site-2", nth=1)
    assert len(certify(log[:until], policies=[before, second]).violations) == 1


def test_starts_that_other_policies_leave_open_count_once() -> None:
    log = soaking()
    early = log[: place(log, "StepFinished")]
    policies = [version("soak", **SOAK), version("sites", perTopology=[{"label": "x"}], **few(9))]
    assert totals(certify(early, policies=policies)).unjudged == 2
    nightly = {"windows": [{"cron": "0 2 * * *", "durationMinutes": 1}]}
    zoned = [version("soak", **SOAK), version("night", **nightly)]
    assert totals(certify(early, policies=zoned)) == PolicyTotals(2, 3, 3, {ZONES: 3, GONE: 2})


def test_after_a_restore_a_canary_that_is_seen_may_have_come_back() -> None:
    log = soaking()
    at = place(log, "StepOpened", nth=1)
    hold = replace(log[place(log, "RolloutStarted")], kind="RolloutHeld")
    restored = replace(hold, data=hold.data | {"hold": "Restored"})
    findings = judged([*log[:at], restored, *log[at:]], **SOAK)
    assert Rule.POLICIES not in findings.broken
    assert totals(findings).unknown == {GONE: 2}


@pytest.mark.parametrize("kind", ["Imported", "MemberAdopted"])
def test_events_from_before_a_restore_or_a_takeover_are_not_known(kind: str) -> None:
    log = played("Prep", engine=fleet(3, 1))
    at = place(log, "RunIntended", "site-2")
    other = replace(log[place(log, "MemberJoined", "site-1")], kind=kind)
    findings = judged([*log[:at], other, *log[at:]], **few(0))
    assert Rule.POLICIES not in findings.broken
    assert totals(findings).unknown == {BEFORE: 2}


# -- budgets -------------------------------------------------------------------------------


def test_a_start_with_too_many_failures_is_found() -> None:
    log = played("Prep", engine=fleet(5, 1, 2))
    findings = judged(log, **few())
    assert words(findings) == [
        f"R50.9: site-{n} starts Prep with 2 clusters failed, and failureBudget allows 1 "
        "(RolloutPolicy/network)"
        for n in (3, 4, 5)
    ]
    ends = [log[place(log, "MemberFinished", name)].seq for name in ("site-1", "site-2")]
    assert findings.violations[0].others == tuple(ends)


@pytest.mark.parametrize(
    ("spec", "broken_starts"),
    [
        (few(2), 0),
        (few("20%"), 3),
        (few("40%"), 0),
        (few("0%"), 4),
        (few(1, withinMinutes=1), 0),
        (few(1, withinMinutes=600), 3),
        (few(1, spec={"actions": ["Upgrade"]}), 0),
        (few(1, spec={"rollouts": {"namespaces": ["elsewhere"]}}), 0),
    ],
)
def test_a_budget_counts_as_the_policy_says(spec: Spec, broken_starts: int) -> None:
    findings = judged(played("Prep", engine=fleet(5, 1, 2)), **spec)
    assert len(findings.violations) == broken_starts
    assert totals(findings).unjudged == 0


@pytest.mark.parametrize(("per", "actions"), [("Rollout", {"Prep", "Upgrade"}), ("Step", {"Prep"})])
def test_a_budget_of_a_step_forgets_the_step_before(per: str, actions: set[str]) -> None:
    findings = judged(played("Prep", "Upgrade", engine=fleet(3, 1)), **few(0, per=per))
    assert {each.event.data["action"] for each in findings.violations} == actions


def test_a_share_of_a_rollout_is_of_the_clusters_of_all_steps() -> None:
    log = played("Prep", "Upgrade", engine=fleet(4, 1))
    assert len(judged(log, **few("25%")).violations) == 0
    assert len(judged(log, **few("24%")).violations) == 6


@pytest.mark.parametrize(
    "spec",
    [
        few(0),
        few("30%"),
        few(0, per="Step"),
        few(1, withinMinutes=60),
        few(0, spec={"actions": ["Upgrade"]}),
    ],
)
@pytest.mark.parametrize("steps", [("Prep", "Upgrade"), ("Prep Upgrade",)])
def test_starts_of_the_engine_under_a_budget_are_certified(
    spec: Spec, steps: tuple[str, ...]
) -> None:
    engine = fleet(8, 2, 5)
    for n in (3, 4, 7):
        engine.spokes[f"site-{n}"].faults[Stage.UPGRADE] = "fail"
    log = played(*steps, engine=engine, spec=spec, most=2, resumes=8)
    findings = judged(log, **spec)
    assert told(findings) == []
    assert totals(findings).unjudged == 0
    assert sum(event.kind == "MemberFinished" for event in log) >= 8


def test_an_upgrade_in_a_chain_is_held_as_a_start_is() -> None:
    log = played("Prep Upgrade", engine=fleet(3, 1), most=3)
    found = judged(log, **few(0)).violations
    assert [each.event.data["action"] for each in found] == ["Upgrade", "Upgrade"]


@pytest.mark.parametrize(
    "break_",
    [
        has("MemberFinished", "site-1", 0, cause="NeverStarted"),
        has("MemberFinished", "site-1", 0, cause="ClusterGone"),
        has("MemberFinished", "site-1", 0, run=None),
        tells("MemberFinished", "site-1", failed_action=None),
        tells("MemberFinished", "site-1", failed_action="Abort"),
        tells("MemberFinished", "site-1", outcome="cancelled"),
    ],
)
def test_a_budget_counts_only_clusters_that_failed_at_what_was_asked(
    break_: Callable[[Log], Log],
) -> None:
    log = played("Prep", engine=fleet(3, 1))
    assert judged(log, **few(0)).broken == {Rule.POLICIES: 2}
    assert Rule.POLICIES not in judged(break_(log), **few(0)).broken


def test_a_late_completion_is_no_failure() -> None:
    log = played("Prep", engine=fleet(3, 1))
    end = place(log, "MemberFinished", "site-1")
    late = replace(log[end], kind="CompletedLate", data={**log[end].data, "late": "late"})
    findings = judged([*log[: end + 1], late, *log[end + 1 :]], **few(0))
    assert Rule.POLICIES not in findings.broken


def test_the_part_of_an_action_fails_as_the_action() -> None:
    log = played("Prep", "Upgrade", engine=fleet(3, 1, stage=Stage.UPGRADE))
    part = tells("MemberFinished", "site-1", 1, failed_action="UpgradeBackup")(log)
    findings = judged(part, **few(0, spec={"actions": ["Upgrade"]}))
    assert findings.broken[Rule.POLICIES] == 2


def test_failures_from_before_a_budget_was_raised_count_on() -> None:
    """Nobody has resumed the rollout, and seen them."""
    engine = fleet(5, 1, 3)
    set_policies(engine, policy(**few(0)))
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=3000))
    engine.wait(hours=2)
    set_policies(engine, policy(**few(5)))
    raised = engine.now
    engine.wait(hours=6)
    log = log_of(engine)
    assert [each.why for each in log if each.kind == "StepReleased"] == [
        "no failure budget is spent any more"
    ]
    before = replace(version(**few(0)), gone_at=raised)
    for maximum, wrong in ((5, 0), (1, 2)):
        findings = certify(log, policies=[before, replace(version(**few(maximum)), seen_at=raised)])
        assert words(findings) == [
            f"R50.9: site-{n} starts Prep with 2 clusters failed, and failureBudget allows 1 "
            "(RolloutPolicy/network)"
            for n in (4, 5)[:wrong]
        ]


def test_a_failure_in_the_turn_of_the_resume_proves_nothing() -> None:
    log = played("Prep", engine=fleet(4, 1, 2), spec=few(0), resumes=2)
    released = log[place(log, "StepReleased", nth=1)]
    end = place(log, "MemberFinished", "site-2")
    at_once = [*log[:end], replace(log[end], at=released.at), *log[end + 1 :]]
    for events in (log, at_once):
        assert Rule.POLICIES not in judged(events, **few(0)).broken


# -- the engine, as it is and broken -------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "spec", "wrong"),
    [
        ("budgets-ignored", few(0, spec={"actions": ["Prep"]}), "R50.9"),
        ("canaries-not-awaited", first(actions=["Prep"]), "R50.11"),
        ("soak-ignored", first(soak=60, actions=["Prep"]), "R50.11"),
    ],
)
def test_a_broken_engine_is_found(variant: str, spec: Spec, wrong: str) -> None:
    def play_under() -> Findings:
        bad = (1,) if "failureBudget" in spec else ()
        return judged(played("Prep", "Upgrade", engine=fleet(5, *bad), spec=spec, most=3), **spec)

    assert told(play_under()) == []
    with broken(variant):
        found = play_under()
    assert set(found.broken) == {Rule.POLICIES}
    assert all(each.words.startswith(wrong) for each in found.violations)


POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "actions": st.sampled_from([["Upgrade"], ["Prep"]]),
        "canaries": st.fixed_dictionaries(
            {"count": st.integers(1, 3), "soakMinutes": st.sampled_from([0, 1, 30])}
        ),
        "failureBudget": st.fixed_dictionaries(
            {
                "maximum": st.sampled_from([0, 0, 1, "20%"]),
                "per": st.sampled_from(["Step", "Rollout"]),
                "withinMinutes": st.sampled_from([0, 0, 30]),
            }
        ),
    },
)


@given(scenarios(), POLICIES)
@STORM
def test_no_storm_under_a_policy_leaves_a_violation(scenario: Scenario, spec: Spec) -> None:
    engine = twin_of(scenario)
    set_policies(engine, policy(**spec))
    play(engine, scenario)
    heal(engine)
    finish(engine)
    assert told(judged(log_of(engine), **spec)) == []
