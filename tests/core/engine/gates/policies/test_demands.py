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
    twin = InMemoryEngine(*NAMES)
    Invariants(twin)
    for name in NAMES:
        twin.labels[name] = {"name": name}
    set_policies(twin, policy("careful", **spec))
    return twin


def outcomes(twin: InMemoryEngine, step: int = 0) -> list[Outcome | None]:
    return [twin.member("uid-a", step, name).outcome for name in NAMES]


# -- warnings --------------------------------------------------------------------------------------


def warned(*plan: str, **spec: Any) -> InMemoryEngine:
    """The rollout has prepared three clusters, of which site-2 has warned."""
    twin = fleet(**spec)
    twin.spokes["site-2"].prep_warning = WARNING
    twin.apply(ibgu("a", *plan, concurrency=1))
    twin.wait(hours=2)
    return twin


def test_a_policy_holds_clusters_that_have_warned_until_a_person_resumes() -> None:
    twin = warned("Prep", "Upgrade", warnings="Hold")
    assert outcomes(twin, 1) == [DONE, None, DONE]
    kept = twin.member("uid-a", 1, "site-2").reason
    assert (kept.kind, kept.message, kept.who) == (
        ReasonKind.WARNING,
        WARNING,
        ActingParty.PERSON,
    )
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    assert outcomes(twin, 1) == [DONE] * 3


def test_the_annotation_can_not_loosen_what_a_policy_demands_of_warnings() -> None:
    twin = warned("Prep", "Upgrade", warnings="Hold")
    twin.annotate("uid-a", hold_on_warning="yes")
    twin.settle()
    twin.ibgus["uid-a"].metadata.annotations.clear()
    twin.apply(twin.ibgus["uid-a"])
    twin.wait(hours=1)
    assert outcomes(twin, 1) == [DONE, None, DONE]


def test_without_the_policy_a_cluster_that_has_warned_goes_on() -> None:
    twin = warned("Prep Upgrade", warnings="Hold")
    assert twin.member("uid-a", 0, "site-2").slot == 1
    set_policies(twin)
    twin.wait(hours=2)
    assert outcomes(twin) == [DONE] * 3


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
    twin = fleet(**({"preflight": "Enforce"} | spec))
    twin.preflight = found
    twin.apply(ibgu("a", "Prep", concurrency=3))
    if mode is not None:
        twin.annotate("uid-a", preflight=mode)
    twin.wait(minutes=90)
    return twin


@pytest.mark.parametrize("mode", [None, "warn", "off"])
def test_a_policy_enforces_preflight_whatever_the_annotation_says(mode: str | None) -> None:
    twin = judged(evaluated(TOO_OLD), mode)
    assert outcomes(twin) == [DONE, None, DONE]
    kept = reason(twin, "uid-a", "site-2")
    assert (kept.kind, kept.who) == (ReasonKind.PREFLIGHT, ActingParty.PERSON)
    assert kept.message == (
        "RolloutPolicy careful enforces preflight: more than 2 minor releases behind 4.17.3 [P3]"
    )
    judge_again(twin)
    twin.wait(minutes=60)
    assert outcomes(twin) == [DONE] * 3


def test_a_policy_enforces_preflight_for_its_clusters_alone() -> None:
    wrong = replace(TOO_OLD, clusters=("site-1", "site-2"))
    twin = judged(evaluated(wrong), **SECOND)
    assert outcomes(twin) == [DONE, None, DONE]


def test_a_cluster_waits_until_the_step_was_judged_for_the_policy() -> None:
    twin = judged(None, **SECOND)
    assert outcomes(twin) == [DONE, None, DONE]
    kept = reason(twin, "uid-a", "site-2")
    assert (kept.kind, kept.who, kept.message) == (
        ReasonKind.PREFLIGHT,
        ActingParty.IBGU,
        "RolloutPolicy careful enforces preflight: preflight is still checking the clusters of "
        "this step",
    )
    judge_again(twin)
    twin.wait(minutes=60)
    assert outcomes(twin) == [DONE] * 3


def test_an_error_of_the_plan_keeps_the_clusters_of_the_policy() -> None:
    twin = judged(evaluated(UNNAMED), **SECOND)
    assert outcomes(twin) == [DONE, None, DONE]
    assert reason(twin, "uid-a", "site-2").message == (
        "RolloutPolicy careful enforces preflight: lacks image or version: every cluster will "
        "refuse Prep [P11]"
    )
    judge_again(twin)
    twin.wait(minutes=60)
    assert outcomes(twin) == [DONE] * 3


def test_a_step_that_could_not_be_judged_keeps_the_clusters_of_the_policy() -> None:
    broken = PreflightResult(PreflightRecord(START, problem="can't be evaluated"), frozenset())
    twin = judged(broken, **SECOND)
    kept = reason(twin, "uid-a", "site-2")
    assert kept.message == "RolloutPolicy careful enforces preflight: can't be evaluated"
    assert kept.who is ActingParty.PERSON


def test_a_record_is_enforced_no_longer_once_the_policy_is_gone() -> None:
    twin = judged(evaluated(TOO_OLD))
    set_policies(twin)
    twin.wait(minutes=60)
    assert outcomes(twin) == [DONE] * 3
    assert "preflight is no longer enforced" in twin.told(Kind.PREFLIGHT)


def test_a_policy_that_comes_later_waits_for_a_new_evaluation() -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].dark = True
    twin.preflight = evaluated(judged=("site-1",), enforced=False)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    set_policies(twin, policy("careful", preflight="Enforce"))
    twin.settle()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(minutes=30)
    assert reason(twin, "uid-a", "site-1").message.endswith(
        "still checking the clusters of this step"
    )
    judge_again(twin, minutes=30)
    twin.wait(minutes=60)
    assert twin.member("uid-a", 0, "site-1").outcome is DONE


def test_a_demand_for_clusters_that_are_gone_enforces_nothing() -> None:
    twin = judged(evaluated(RecordedFinding("P3", TOO_OLD.severity, "x", ("site-2",))), **SECOND)
    del twin.spokes["site-2"]
    twin.touch_cluster("site-2")
    twin.wait(minutes=10)
    assert outcomes(twin) == [DONE, Outcome.FAILED, DONE]


# -- broken glass ----------------------------------------------------------------------------------


def test_a_person_can_let_one_rollout_pass_what_a_policy_demands() -> None:
    twin = fleet(preflight="Enforce", warnings="Hold")
    twin.preflight = evaluated(replace(TOO_OLD, clusters=("site-1",)))
    twin.spokes["site-2"].prep_warning = WARNING
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=3))
    twin.wait(minutes=90)
    assert outcomes(twin) == [None, DONE, DONE]
    break_glass(twin, GATE, hours=12)
    twin.wait(hours=6)
    assert outcomes(twin, 1) == [DONE] * 3


# -- backups ---------------------------------------------------------------------------------------


def test_no_upgrade_starts_until_its_rollout_asks_for_a_backup() -> None:
    twin = fleet(backup="Required")
    twin.facts = replace(twin.facts, upgrade_backups=True)
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=3, timeout=600))
    twin.wait(hours=2)
    assert outcomes(twin, 0) == [DONE] * 3
    assert outcomes(twin, 1) == [None] * 3
    kept = twin.member("uid-a", 1, "site-2").reason
    assert (kept.kind, kept.gate, kept.who) == (ReasonKind.GATE, GATE, ActingParty.PERSON)
    assert kept.message == (
        "the policy requires a backup before Upgrade: the rollout asks for none; annotate it with "
        "ibgu.dev/backup and ibgu.dev/backup-image"
    )
    twin.annotate("uid-a", backup="Etcd", backup_image=NEW)
    twin.wait(hours=4)
    assert outcomes(twin, 1) == [DONE] * 3
    assert all(len(twin.spokes[name].made) == 1 for name in NAMES)


def test_a_policy_runs_no_image_that_the_hub_does_not_allow() -> None:
    twin = fleet(backup="Required")
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=3, timeout=600))
    twin.annotate("uid-a", backup="Etcd", backup_image=NEW)
    twin.wait(hours=4)
    assert outcomes(twin, 1) == [None] * 3
    hold = twin.tracked("uid-a").steps[1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert all(twin.spokes[name].made == [] for name in NAMES)


def test_a_chain_waits_before_its_first_action_for_the_backup() -> None:
    twin = fleet(backup="Required", **SECOND)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    twin.wait(hours=4)
    assert outcomes(twin) == [DONE, None, DONE]
    assert twin.spokes["site-2"].stage is Stage.IDLE


@pytest.mark.parametrize("actions", [(), ("Upgrade",)])
def test_an_annotation_that_goes_holds_the_upgrade_inside_the_chain(
    actions: tuple[str, ...],
) -> None:
    twin = fleet(backup="Required", actions=list(actions))
    twin.facts = replace(twin.facts, upgrade_backups=True)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    twin.annotate("uid-a", backup="Etcd", backup_image=NEW)
    twin.until(Kind.RUN_ACCEPTED)
    twin.ibgus["uid-a"].metadata.annotations.clear()
    twin.apply(twin.ibgus["uid-a"])
    twin.wait(hours=3)
    kept = reason(twin, "uid-a", "site-1")
    assert (kept.kind, kept.gate) == (ReasonKind.GATE, GATE)
    assert twin.spokes["site-1"].stage is Stage.PREP
    twin.annotate("uid-a", backup="Etcd", backup_image=NEW)
    twin.wait(hours=4)
    assert outcomes(twin) == [DONE] * 3


def test_a_policy_about_the_preparation_requires_no_backup() -> None:
    twin = fleet(backup="Required", actions=["Prep", "Update"])
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=3))
    twin.wait(hours=3)
    assert outcomes(twin, 1) == [DONE] * 3


def test_an_update_without_a_backup_of_its_own_is_held() -> None:
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(twin)
    set_policies(twin, policy("careful", backup="Required"))
    twin.apply(fleet_update(*ALL))
    twin.wait(hours=4)
    assert twin.member(UID, 0, "site-1").outcome is DONE
    kept = twin.member(UID, 1, "site-1").reason
    assert (kept.gate, kept.who) == (GATE, ActingParty.PERSON)
    assert kept.message == (
        "the policy requires a backup before Update: the rollout makes none, and its update can't "
        "be changed; apply another one with spec.update.backup, and Backup in its plan"
    )


def test_an_update_with_a_backup_of_its_own_starts() -> None:
    asked = fleet_update("Backup Update")
    assert asked.spec.update is not None
    update = replace(asked.spec.update, backup=Backup(form="Etcd", image=NEW))
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(twin)
    set_policies(twin, policy("careful", backup="Required"))
    twin.apply(replace(asked, spec=replace(asked.spec, update=update)))
    twin.wait(hours=4)
    assert twin.member(UID, 0, "site-1").outcome is DONE
