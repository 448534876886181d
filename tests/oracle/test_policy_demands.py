"""The demands of policies are judged from the events alone (R50.15, R18.8)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.model import Kind
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.policies.test_demands import GATE, SECOND, WARNING, fleet, warned
from tests.core.engine.gates.test_preflight import TOO_OLD, UNNAMED, evaluated, judge_again
from tests.oracle import Event, Findings, PolicyVersion, Rule, stories
from tests.oracle.breaks import drop, has, place, shows, tells
from tests.oracle.logs import certify, log_of, told
from tests.oracle.test_policies import judged, totals, version

CAREFUL: dict[str, Any] = {
    "actions": ["Prep", "Upgrade"],
    "warnings": "Hold",
    "preflight": "Enforce",
}
"""A policy as it is read by namespace and actions alone."""


def words(findings: Findings) -> list[str]:
    """The violations, each without the policy's name."""
    assert set(findings.broken) <= {Rule.POLICIES}
    return [each.words.removesuffix(" (RolloutPolicy/network)") for each in findings.violations]


# -- preflight -------------------------------------------------------------------------------------


def prepared(*findings: Any, enforced: bool = True, **annotations: str) -> list[Event]:
    """Three clusters prepare in spite of what preflight finds: no policy is in force."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.preflight = evaluated(*findings, enforced=enforced)
    engine.apply(ibgu("a", "Prep", concurrency=3))
    engine.annotate("uid-a", **annotations)
    engine.wait(hours=2)
    return log_of(engine)


def under_policy(*findings: Any, mode: str | None = None) -> InMemoryEngine:
    engine = fleet(preflight="Enforce")
    engine.preflight = evaluated(*findings)
    engine.apply(ibgu("a", "Prep", concurrency=3))
    if mode is not None:
        engine.annotate("uid-a", preflight=mode)
    engine.wait(minutes=90)
    return engine


def test_a_start_against_preflights_finding_is_found() -> None:
    engine = under_policy(TOO_OLD)
    log = log_of(engine)
    assert told(judged(log, preflight="Enforce")) == []
    wrong = replace(TOO_OLD, clusters=("site-3",))
    evaluation = place(log, "PreflightEvaluated")
    record = {**log[evaluation].data["preflight"], "findings": [
        {"rule": "P3", "severity": "error", "message": wrong.message, "clusters": ["site-3"]}
    ]}  # fmt: skip
    broken = tells("PreflightEvaluated", preflight=record)(log)
    findings = judged(broken, preflight="Enforce")
    assert words(findings) == ["R50.15: site-3 starts Prep in spite of an error of preflight: P3"]
    assert findings.violations[0].others == (log[evaluation].seq,)


def test_a_start_against_an_error_of_the_plan_is_found() -> None:
    log = prepared(UNNAMED, preflight="warn")
    start = place(log, "PreflightEvaluated")
    record = {**log[start].data["preflight"], "enforced": True}
    found = words(judged(tells("PreflightEvaluated", preflight=record)(log), preflight="Enforce"))
    assert found == [
        f"R50.15: {name} starts Prep in spite of an error of preflight: P11"
        for name in ("site-1", "site-2", "site-3")
    ]


@pytest.mark.parametrize("enforced", [True, False])
def test_a_start_before_preflight_has_judged_the_step_is_found(*, enforced: bool) -> None:
    """An evaluation that was made to be shown is none."""
    log = log_of(under_policy(mode="off"))
    assert told(judged(log, preflight="Enforce")) == []
    record = {**log[place(log, "PreflightEvaluated")].data["preflight"], "enforced": False}
    change = (
        drop("PreflightEvaluated") if enforced else tells("PreflightEvaluated", preflight=record)
    )
    found = words(judged(change(log), preflight="Enforce"))
    assert len(found) == 3
    assert found[0] == "R50.15: site-1 starts Prep before preflight has judged the step"


def test_an_action_that_the_policy_does_not_hold_needs_no_preflight() -> None:
    log = prepared(TOO_OLD, preflight="off", enforced=False)
    assert told(judged(log, preflight="Enforce", actions=["Upgrade"])) == []
    assert len(words(judged(log, preflight="Enforce"))) == 3


def test_an_annotation_changes_nothing_that_a_policy_enforces() -> None:
    """The record stays enforced by the policy while the annotation is off."""
    engine = fleet(preflight="Enforce")
    engine.spokes["site-2"].dark = True
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep", concurrency=3))
    for mode in ("off", "enforce"):
        engine.annotate("uid-a", preflight=mode)
        engine.wait(minutes=5)
    engine.spokes["site-2"].dark = False
    engine.touch_cluster("site-2")
    engine.wait(hours=2)
    log = log_of(engine)
    assert [each.kind for each in log if each.kind == "PreflightEvaluated"] == [
        "PreflightEvaluated"
    ]
    assert told(judged(log, preflight="Enforce")) == []


def test_a_policy_that_comes_late_waits_for_an_evaluation_of_its_own() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].dark = True
    engine.preflight = evaluated(judged=("site-1",), enforced=False)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    set_policies(engine, policy("careful", preflight="Enforce"))
    engine.settle()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=30)
    judge_again(engine, minutes=30)
    engine.wait(minutes=60)
    log = log_of(engine)
    since = PolicyVersion("careful", {"preflight": "Enforce"}, seen_at=START + timedelta(minutes=5))
    assert told(certify(log, policies=[since])) == []
    last = max(each.seq for each in log if each.kind == "PreflightEvaluated")
    early = [each for each in log if each.seq != last]
    found = certify(early, policies=[since])
    assert Rule.POLICIES in found.broken


# -- warnings --------------------------------------------------------------------------------------


def test_a_start_with_a_warning_that_nobody_has_accepted_is_found() -> None:
    engine = warned("Prep", "Upgrade", warnings="Hold")
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=2)
    log = log_of(engine)
    assert told(judged(log, warnings="Hold")) == []
    assert words(
        judged(tells("WarningAccepted", accepted="another one")(log), warnings="Hold")
    ) == [f"R50.15: site-2 starts Upgrade although nobody has accepted its warning: {WARNING}"]
    assert told(judged(drop("WarningAccepted")(log), warnings="Hold", actions=["Prep"])) == []


def test_an_annotation_that_holds_warnings_is_judged_too() -> None:
    log = stories.warned()
    assert told(certify(log)) == []
    broken = tells("WarningAccepted", accepted="another one")(log)
    (violation,) = certify(broken).violations
    assert violation.rule is Rule.ORDER
    assert violation.words == (
        f"site-1 starts Upgrade although nobody has accepted its warning: {WARNING}"
    )


def test_a_warning_that_nothing_holds_is_none() -> None:
    assert told(judged(log_of(warned("Prep Upgrade")), preflight=None)) == []


def test_a_log_from_before_warnings_were_recorded_proves_nothing_wrong() -> None:
    log = log_of(warned("Prep Upgrade"))
    start = place(log, "RunIntended", "site-2", 1)
    assert log[start].data["seen"]["ibu"]["warning"] == WARNING
    bare = shows("RunIntended", "site-2", 1, ibu={"warning": ""})(log)
    assert told(judged(bare, warnings="Hold")) == []
    assert len(words(judged(log, warnings="Hold"))) == 1


# -- backups ---------------------------------------------------------------------------------------


def upgraded(*plan: str, **spec: Any) -> list[Event]:
    engine = fleet(**spec)
    engine.apply(ibgu("a", *plan, concurrency=3, timeout=600))
    engine.wait(hours=6)
    return log_of(engine)


def test_an_upgrade_without_the_backup_that_a_policy_requires_is_found() -> None:
    log = upgraded("Prep", "Upgrade")
    found = words(judged(log, backup="Required"))
    assert len(found) == 3
    assert found[0] == "R50.15: site-1 starts Upgrade without a backup, which the policy requires"
    assert told(judged(log, backup="Required", actions=["Update"])) == []


def test_a_chain_that_leads_to_an_upgrade_needs_the_backup_from_its_beginning() -> None:
    log = upgraded("Prep Upgrade FinalizeUpgrade")
    found = [each.split()[3] for each in words(judged(log, backup="Required"))]
    assert sorted(found) == ["Prep"] * 3 + ["Upgrade"] * 3


def test_a_rollout_that_asks_for_a_backup_meets_the_demand() -> None:
    engine = fleet(backup="Required")
    engine.facts = replace(engine.facts, upgrade_backups=True)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3, timeout=600))
    engine.wait(hours=2)
    engine.annotate("uid-a", backup="Etcd", backup_image=NEW)
    engine.wait(hours=4)
    log = log_of(engine)
    assert told(judged(log, backup="Required")) == []
    assert Kind.RUN_INTENDED in {each.kind for each in log if each.step == 1}


# -- what is not known, and what lets pass ---------------------------------------------------------


@pytest.mark.parametrize("demand", [{"preflight": "Enforce"}, {"backup": "Required"}])
def test_demands_on_clusters_that_labels_choose_are_not_known(demand: dict[str, Any]) -> None:
    findings = judged(upgraded("Prep", "Upgrade"), **demand, **SECOND)
    assert findings.valid
    assert "labels of clusters" in totals(findings).unknown


def test_broken_glass_lets_a_rollout_pass_demands() -> None:
    engine = fleet(**CAREFUL)
    engine.preflight = evaluated(TOO_OLD)
    engine.spokes["site-2"].prep_warning = WARNING
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3))
    engine.wait(minutes=90)
    break_glass(engine, GATE, hours=12)
    engine.wait(hours=6)
    log = log_of(engine)
    mine = replace(version(**CAREFUL), name="careful")
    assert told(certify(log, policies=[mine])) == []
    assert not certify(log, policies=[version(**CAREFUL)]).valid


def test_a_start_of_a_cluster_that_is_no_member_is_judged_without_a_warning() -> None:
    log = log_of(warned("Prep Upgrade"))
    broken = has("RunIntended", "site-1", 1, cluster="site-9")(log)
    findings = judged(broken, warnings="Hold")
    assert any(each.words.startswith("site-9 does not belong") for each in findings.violations)


def test_an_acceptance_from_before_its_words_were_recorded_counts() -> None:
    log = stories.warned()
    accepted = place(log, "WarningAccepted")
    bare = {key: value for key, value in log[accepted].data.items() if key != "accepted"}
    old = [*log[:accepted], replace(log[accepted], data=bare), *log[accepted + 1 :]]
    assert told(certify(old)) == []
    assert words(judged(old, warnings="Hold")) == []


def test_a_backup_that_was_asked_for_before_a_restore_is_not_missed() -> None:
    log = upgraded("Prep", "Upgrade")
    first = place(log, "RunIntended", nth=3)
    hub = place(log, "StepOpened")
    lost = replace(
        log[hub],
        kind="Imported",
        step=None,
        data={**log[hub].data, **log[place(log, "RolloutSeen")].data, "state": "running"},
    )
    restored = [*log[:first], replace(lost, seq=log[first].seq), *log[first:]]
    findings = judged(restored, backup="Required")
    assert Rule.POLICIES not in findings.broken
    assert "events from before a restore or a takeover" in totals(findings).unknown
