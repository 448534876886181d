"""R50.15: a policy demands preflight, a person's look at warnings, and backups, whatever the
rollout's annotations say."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Kind, Outcome, ReasonKind
from ibgu.core.model.kinds import Backup
from ibgu.core.model.preflight import PreflightRecord, PreflightResult, RecordedFinding
from ibgu.core.model.rollout_policy import PolicyState
from tests.core.drivers.cluster_version.test_update_in_the_engine import ALL, UID, fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy, reason, set_policies
from tests.core.engine.gates.test_preflight import TOO_OLD, UNNAMED, evaluated, judge_again

NAMES = ("site-1", "site-2", "site-3")
WARNING = "Thing[1] - CRD not deployed on cluster"
DONE = Outcome.SUCCEEDED
SECOND: dict[str, Any] = {"clusters": {"selector": {"matchLabels": {"name": "site-2"}}}}
GATE = "RolloutPolicy/careful"


def fleet(**spec: Any) -> InMemoryEngine:
    """Three clusters under a policy."""
    engine = InMemoryEngine(*NAMES)
    Invariants(engine)
    for name in NAMES:
        engine.labels[name] = {"name": name}
    set_policies(engine, policy("careful", **spec))
    return engine


def outcomes(engine: InMemoryEngine, step: int = 0) -> list[Outcome | None]:
    return [engine.member("uid-a", step, name).outcome for name in NAMES]


# -- warnings --------------------------------------------------------------------------------------


def warned(*plan: str, **spec: Any) -> InMemoryEngine:
    """The rollout has prepared three clusters, of which site-2 has warned."""
    engine = fleet(**spec)
    engine.spokes["site-2"].prep_warning = WARNING
    engine.apply(ibgu("a", *plan, concurrency=1))
    engine.wait(hours=2)
    return engine


def test_a_policy_holds_clusters_that_have_warned_until_a_person_resumes() -> None:
    engine = warned("Prep", "Upgrade", warnings="Hold")
    assert outcomes(engine, 1) == [DONE, None, DONE]
    kept = engine.member("uid-a", 1, "site-2").reason
    assert (kept.kind, kept.message, kept.who) == (
        ReasonKind.WARNING,
        WARNING,
        ActingParty.PERSON,
    )
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert outcomes(engine, 1) == [DONE] * 3


def test_the_annotation_can_not_loosen_what_a_policy_demands_of_warnings() -> None:
    engine = warned("Prep", "Upgrade", warnings="Hold")
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.settle()
    engine.ibgus["uid-a"].metadata.annotations.clear()
    engine.apply(engine.ibgus["uid-a"])
    engine.wait(hours=1)
    assert outcomes(engine, 1) == [DONE, None, DONE]


def test_without_the_policy_a_cluster_that_has_warned_goes_on() -> None:
    engine = warned("Prep Upgrade", warnings="Hold")
    assert engine.member("uid-a", 0, "site-2").slot == 1
    set_policies(engine)
    engine.wait(hours=2)
    assert outcomes(engine) == [DONE] * 3


@pytest.mark.parametrize(
    "spec",
    [
        {"warnings": "Hold", "rollouts": {"namespaces": ["elsewhere"]}},
        {"warnings": "Hold", "clusters": {"selector": {"matchLabels": {"name": "site-1"}}}},
        {"warnings": "Hold", "actions": ["Update"]},
        {"preflight": "Enforce", "actions": ["Check"]},
    ],
    ids=str,
)
def test_a_policy_demands_nothing_of_what_it_does_not_select(spec: dict[str, Any]) -> None:
    assert outcomes(warned("Prep", "Upgrade", **spec), 1) == [DONE] * 3


# -- preflight -------------------------------------------------------------------------------------


def judged(found: PreflightResult | None, mode: str | None = None, **spec: Any) -> InMemoryEngine:
    engine = fleet(**({"preflight": "Enforce"} | spec))
    engine.preflight = found
    engine.apply(ibgu("a", "Prep", concurrency=3))
    if mode is not None:
        engine.annotate("uid-a", preflight=mode)
    engine.wait(minutes=90)
    return engine


@pytest.mark.parametrize("mode", [None, "warn", "off"])
def test_a_policy_enforces_preflight_whatever_the_annotation_says(mode: str | None) -> None:
    engine = judged(evaluated(TOO_OLD), mode)
    assert outcomes(engine) == [DONE, None, DONE]
    kept = reason(engine, "uid-a", "site-2")
    assert (kept.kind, kept.who) == (ReasonKind.PREFLIGHT, ActingParty.PERSON)
    assert kept.message == (
        "RolloutPolicy careful enforces preflight: more than 2 minor releases behind 4.17.3 [P3]"
    )
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_a_policy_enforces_preflight_for_its_clusters_alone() -> None:
    wrong = replace(TOO_OLD, clusters=("site-1", "site-2"))
    engine = judged(evaluated(wrong), **SECOND)
    assert outcomes(engine) == [DONE, None, DONE]


def test_a_cluster_waits_until_the_step_was_judged_for_the_policy() -> None:
    engine = judged(None, **SECOND)
    assert outcomes(engine) == [DONE, None, DONE]
    kept = reason(engine, "uid-a", "site-2")
    assert (kept.kind, kept.who, kept.message) == (
        ReasonKind.PREFLIGHT,
        ActingParty.IBGU,
        "RolloutPolicy careful enforces preflight: preflight is still checking the clusters of "
        "this step",
    )
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_an_error_of_the_plan_keeps_the_clusters_of_the_policy() -> None:
    engine = judged(evaluated(UNNAMED), **SECOND)
    assert outcomes(engine) == [DONE, None, DONE]
    assert reason(engine, "uid-a", "site-2").message == (
        "RolloutPolicy careful enforces preflight: lacks image or version: every cluster will "
        "refuse Prep [P11]"
    )
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_a_step_that_could_not_be_judged_keeps_the_clusters_of_the_policy() -> None:
    broken = PreflightResult(PreflightRecord(START, problem="can't be evaluated"), frozenset())
    engine = judged(broken, **SECOND)
    kept = reason(engine, "uid-a", "site-2")
    assert kept.message == "RolloutPolicy careful enforces preflight: can't be evaluated"
    assert kept.who is ActingParty.PERSON


def test_a_record_is_enforced_no_longer_once_the_policy_is_gone() -> None:
    engine = judged(evaluated(TOO_OLD))
    set_policies(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3
    assert "preflight is no longer enforced" in engine.told(Kind.PREFLIGHT)


def test_policies_that_are_not_known_for_a_moment_leave_the_record_as_it_is() -> None:
    engine = fleet(preflight="Enforce")
    engine.spokes["site-1"].dark = True
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    known, said = engine.rollout_policies, engine.told(Kind.PREFLIGHT)
    engine.rollout_policies = PolicyState(problem="ibgu has not read them yet")
    engine.restart()
    engine.settle()
    engine.rollout_policies = known
    engine.touch_everything()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert engine.told(Kind.PREFLIGHT) == said
    assert outcomes(engine) == [DONE] * 3


def test_a_policy_that_comes_later_waits_for_a_new_evaluation() -> None:
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
    assert reason(engine, "uid-a", "site-1").message.endswith(
        "still checking the clusters of this step"
    )
    judge_again(engine, minutes=30)
    engine.wait(minutes=60)
    assert engine.member("uid-a", 0, "site-1").outcome is DONE


def test_a_demand_for_clusters_that_are_gone_enforces_nothing() -> None:
    engine = judged(evaluated(RecordedFinding("P3", TOO_OLD.severity, "x", ("site-2",))), **SECOND)
    del engine.spokes["site-2"]
    engine.touch_cluster("site-2")
    engine.wait(minutes=10)
    assert outcomes(engine) == [DONE, Outcome.FAILED, DONE]


# -- broken glass ----------------------------------------------------------------------------------


def test_a_person_can_let_one_rollout_pass_what_a_policy_demands() -> None:
    engine = fleet(preflight="Enforce", warnings="Hold")
    engine.preflight = evaluated(replace(TOO_OLD, clusters=("site-1",)))
    engine.spokes["site-2"].prep_warning = WARNING
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3))
    engine.wait(minutes=90)
    assert outcomes(engine) == [None, DONE, DONE]
    break_glass(engine, GATE, hours=12)
    engine.wait(hours=6)
    assert outcomes(engine, 1) == [DONE] * 3


@pytest.mark.parametrize("demand", [{"preflight": "Enforce"}, {"warnings": "Hold"}])
def test_broken_glass_that_passes_a_demand_is_not_said_to_be_in_vain(
    demand: dict[str, Any],
) -> None:
    engine = fleet(**demand)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=3)
    break_glass(engine, GATE, "RolloutPolicy/carefree")
    engine.settle()
    assert engine.told(Kind.BREAK_GLASS) == [
        "nora lets the rollout pass RolloutPolicy/careful, RolloutPolicy/carefree until "
        "2026-01-01T02:03:00Z: INC-7; no gate RolloutPolicy/carefree can hold the rollout now"
    ]


# -- backups ---------------------------------------------------------------------------------------


def test_no_upgrade_starts_until_its_rollout_asks_for_a_backup() -> None:
    engine = fleet(backup="Required")
    engine.facts = replace(engine.facts, upgrade_backups=True)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3, timeout=600))
    engine.wait(hours=2)
    assert outcomes(engine, 0) == [DONE] * 3
    assert outcomes(engine, 1) == [None] * 3
    kept = engine.member("uid-a", 1, "site-2").reason
    assert (kept.kind, kept.gate, kept.who) == (ReasonKind.GATE, GATE, ActingParty.PERSON)
    assert kept.message == (
        "the policy requires a backup before Upgrade: the rollout asks for none; annotate it with "
        "ibgu.dev/backup and ibgu.dev/backup-image"
    )
    engine.annotate("uid-a", backup="Etcd", backup_image=NEW)
    engine.wait(hours=4)
    assert outcomes(engine, 1) == [DONE] * 3
    assert all(len(engine.spokes[name].made) == 1 for name in NAMES)


def test_a_policy_runs_no_image_that_the_hub_does_not_allow() -> None:
    engine = fleet(backup="Required")
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3, timeout=600))
    engine.annotate("uid-a", backup="Etcd", backup_image=NEW)
    engine.wait(hours=4)
    assert outcomes(engine, 1) == [None] * 3
    hold = engine.tracked("uid-a").steps[1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert all(engine.spokes[name].made == [] for name in NAMES)


def test_a_chain_waits_before_its_first_action_for_the_backup() -> None:
    engine = fleet(backup="Required", **SECOND)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    engine.wait(hours=4)
    assert outcomes(engine) == [DONE, None, DONE]
    assert engine.spokes["site-2"].stage is Stage.IDLE


@pytest.mark.parametrize("actions", [(), ("Upgrade",)])
def test_an_annotation_that_goes_holds_the_upgrade_inside_the_chain(
    actions: tuple[str, ...],
) -> None:
    engine = fleet(backup="Required", actions=list(actions))
    engine.facts = replace(engine.facts, upgrade_backups=True)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    engine.annotate("uid-a", backup="Etcd", backup_image=NEW)
    engine.until(Kind.RUN_ACCEPTED)
    engine.ibgus["uid-a"].metadata.annotations.clear()
    engine.apply(engine.ibgus["uid-a"])
    engine.wait(hours=3)
    kept = reason(engine, "uid-a", "site-1")
    assert (kept.kind, kept.gate) == (ReasonKind.GATE, GATE)
    assert engine.spokes["site-1"].stage is Stage.PREP
    engine.annotate("uid-a", backup="Etcd", backup_image=NEW)
    engine.wait(hours=4)
    assert outcomes(engine) == [DONE] * 3


def test_a_policy_about_the_preparation_requires_no_backup() -> None:
    engine = fleet(backup="Required", actions=["Prep", "Update"])
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=3))
    engine.wait(hours=3)
    assert outcomes(engine, 1) == [DONE] * 3


def test_an_update_without_a_backup_of_its_own_is_held() -> None:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(engine)
    set_policies(engine, policy("careful", backup="Required"))
    engine.apply(fleet_update(*ALL))
    engine.wait(hours=4)
    assert engine.member(UID, 0, "site-1").outcome is DONE
    kept = engine.member(UID, 1, "site-1").reason
    assert (kept.gate, kept.who) == (GATE, ActingParty.PERSON)
    assert kept.message == (
        "the policy requires a backup before Update: the rollout makes none, and its update can't "
        "be changed; apply another one with spec.update.backup, and Backup in its plan"
    )


def test_an_update_with_a_backup_of_its_own_starts() -> None:
    asked = fleet_update("Backup Update")
    assert asked.spec.update is not None
    update = replace(asked.spec.update, backup=Backup(form="Etcd", image=NEW))
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(engine)
    set_policies(engine, policy("careful", backup="Required"))
    engine.apply(replace(asked, spec=replace(asked.spec, update=update)))
    engine.wait(hours=4)
    assert engine.member(UID, 0, "site-1").outcome is DONE
