"""R50.19: a canary that was well and breaks is rolled back by a second rollout."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.step import rollbacks as module
from ibgu.core.engine.state import broken_canaries
from ibgu.core.engine.state.health_observations import HealthFinding, ObservedCheck
from ibgu.core.model import Change, Kind, Outcome, PendingPatch, RolloutState
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.plan import Scope
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.gates.policies import policy as policies
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import set_policies
from tests.core.engine.gates.policies.test_canaries import fleet, hold_words, started, succeeded
from tests.core.engine.gates.policies.test_canary_health import POWER, condition, observe

HEALTH = {"conditions": [{"type": POWER}]}


def upgraded(
    *, count: int = 4, canaries: int = 2, steps: tuple[str, ...] = ("Prep", "Upgrade"), **more: Any
) -> InMemoryEngine:
    """The canaries of the second step have succeeded, are well, and soak for a day."""
    engine = fleet(count)
    for name, spoke in engine.spokes.items():
        spoke.certificates = timedelta(days=30)
        condition(engine, name, "True")
    asks: dict[str, Any] = {"count": canaries, "soakMinutes": 1440, "health": HEALTH}
    policy(engine, **(asks | {"rollback": True} | more))
    engine.apply(ibgu("a", *steps))
    engine.wait(hours=1)
    assert succeeded(engine, len(steps) - 1) == canaries
    return engine


def policy(engine: InMemoryEngine, **canaries: Any) -> None:
    set_policies(engine, policies.policy("first", actions=["Upgrade"], canaries=canaries))


def asked(engine: InMemoryEngine, step: int = 1) -> tuple[PolicyFollowUp, ...]:
    return engine.tracked("uid-a").steps[step].step.follow_ups.made


def hold(engine: InMemoryEngine, step: int = 1) -> str:
    return hold_words(engine, step)


def breaks(engine: InMemoryEngine, *names: str, minutes: int = 15) -> None:
    for name in names:
        condition(engine, name, "False")
    engine.wait(minutes=minutes)


WHY = (
    "site-1 was well after its Upgrade and is not: condition example.com/Power of the "
    'ManagedCluster is "False", not "True"'
)
BY_HAND = "do it by hand: ibgu rollback -n fleet a site-1"


def test_a_canary_that_breaks_is_asked_to_be_rolled_back_and_the_step_holds() -> None:
    engine = upgraded()
    breaks(engine, "site-1", minutes=9)
    assert asked(engine) == ()
    engine.wait(minutes=2)
    [found] = asked(engine)
    assert (found.clusters, found.uids) == (("site-1",), ("uid-site-1",))
    assert (found.policy, found.action, found.why) == ("first", "Rollback", WHY)
    assert found.name.startswith("a-rollback-")
    assert found.pending
    assert hold(engine) == (
        f"Rollback of site-1 for RolloutPolicy first, by the new rollout {found.name}; {WHY}; "
        "annotate the rollout with ibgu.dev/resume to go on"
    )
    engine.wait(hours=48)
    assert started(engine, 1) == {"site-1", "site-2"}


def test_the_hub_shows_the_new_rollout_and_it_is_asked_for_once() -> None:
    engine = upgraded()
    breaks(engine, "site-1")
    [found] = asked(engine)
    engine.follow_ups[found.name] = ShownFollowUp(ours=True)
    engine.touch("uid-a")
    engine.wait(hours=5)
    [made] = asked(engine)
    assert made.made_at is not None
    assert not made.pending
    first, second = engine.told(Kind.FOLLOW_UP)
    assert second == f"{found.name} is created: {first}"


def test_two_that_break_together_are_one_new_rollout_and_a_later_one_another() -> None:
    engine = upgraded(count=5, canaries=3)
    breaks(engine, "site-1", "site-2")
    breaks(engine, "site-3")
    first, second = asked(engine)
    assert first.clusters == ("site-1", "site-2")
    assert first.why.endswith("; 1 more broke, too")
    assert second.clusters == ("site-3",)
    assert first.name != second.name
    for each in (first, second):
        engine.follow_ups[each.name] = ShownFollowUp(ours=True)
        engine.touch("uid-a")
        engine.settle()
    assert all(each.made_at == engine.now for each in asked(engine)[1:])


def test_a_restart_asks_for_the_same_name_and_not_again() -> None:
    engine = upgraded()
    breaks(engine, "site-1")
    before = asked(engine)
    engine.restart()
    engine.wait(hours=1)
    [after] = asked(engine)
    assert (after.name, after.decided_at) == (before[0].name, before[0].decided_at)
    assert len(engine.fleet.rollouts) == 1


def test_one_that_the_hub_does_not_get_in_time_is_given_up_and_may_come_late() -> None:
    engine = upgraded()
    breaks(engine, "site-1")
    engine.wait(minutes=15)
    [given_up] = asked(engine)
    assert given_up.refused == f"the hub did not have it within 10 min; {BY_HAND}"
    assert BY_HAND in hold(engine)
    engine.follow_ups[given_up.name] = ShownFollowUp(ours=True)
    engine.touch("uid-a")
    engine.settle()
    [made] = asked(engine)
    assert (made.made_at, made.refused) == (engine.now, "")
    assert f"by the new rollout {made.name}" in hold(engine)


def test_a_refusal_of_the_hub_is_left_to_a_person() -> None:
    engine = upgraded()
    condition(engine, "site-1", "False")
    engine.wait(minutes=9)
    engine.until(Kind.FOLLOW_UP)
    [found] = asked(engine)
    engine.follow_ups[found.name] = ShownFollowUp(problem="ibgu may not create it")
    engine.touch("uid-a")
    engine.wait(minutes=1)
    assert asked(engine)[0].refused == f"ibgu may not create it; {BY_HAND}"
    assert f"was not begun: ibgu may not create it; {BY_HAND}" in hold(engine)


def test_after_a_resume_the_others_wait_for_the_canaries_that_are_left() -> None:
    engine = upgraded()
    breaks(engine, "site-1")
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=25)
    assert len(started(engine, 1)) == 4


def test_a_canary_that_was_never_well_is_not_rolled_back() -> None:
    engine = fleet(4)
    for spoke in engine.spokes.values():
        spoke.certificates = timedelta(days=30)
    policy(engine, count=2, health=HEALTH, rollback=True)
    condition(engine, "site-1", "False")
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=5)
    assert asked(engine) == ()


@pytest.mark.parametrize("status", ["Unknown", "", "gone"])
def test_an_unknown_condition_never_rolls_back(status: str) -> None:
    engine = upgraded()
    if status == "gone":
        engine.conditions["site-1"] = ()
        engine.touch_cluster("site-1")
    else:
        condition(engine, "site-1", status)
    engine.wait(hours=5)
    assert asked(engine) == ()


def test_a_canary_that_is_gone_is_not_rolled_back() -> None:
    engine = upgraded()
    del engine.spokes["site-1"]
    engine.touch("uid-a")
    engine.wait(hours=1)
    assert asked(engine) == ()


def test_a_cluster_that_the_hub_can_not_reach_is_not_rolled_back() -> None:
    engine = upgraded()
    condition(engine, "site-1", "False")
    engine.wait(minutes=5)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=5)
    assert asked(engine) == ()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=9)
    assert asked(engine) == ()
    engine.wait(minutes=2)
    assert len(asked(engine)) == 1


def test_a_break_that_ends_in_time_begins_again() -> None:
    engine = upgraded(rollbackAfterMinutes=30)
    breaks(engine, "site-1", minutes=29)
    condition(engine, "site-1", "True")
    engine.wait(minutes=1)
    breaks(engine, "site-1", minutes=29)
    assert asked(engine) == ()
    engine.wait(minutes=2)
    assert len(asked(engine)) == 1


def test_a_gap_of_what_the_hub_shows_begins_again() -> None:
    engine = upgraded()
    breaks(engine, "site-1", minutes=8)
    engine.facts = replace(engine.facts, in_sync_since=engine.now)
    engine.wait(minutes=8)
    assert asked(engine) == ()
    engine.wait(minutes=5)
    assert len(asked(engine)) == 1


def test_an_answer_counts_for_no_longer_than_it_was_given() -> None:
    """One answer, and then silence, is not a break of ten minutes."""
    engine = upgraded(health={"nodes": True}, rollbackAfterMinutes=3)
    for name in ("site-1", "site-2"):
        observe(engine, name)
    engine.settle()
    cluster = engine.cluster("site-1")
    assert cluster is not None
    for _ in range(2):
        engine.observations.note(ObservedCheck.NODES, cluster, SICK, engine.now)
        engine.touch("uid-a")
        engine.wait(minutes=2)
    engine.wait(hours=2)
    assert asked(engine) == ()
    for _ in range(5):
        engine.observations.note(ObservedCheck.NODES, cluster, SICK, engine.now)
        engine.touch("uid-a")
        engine.wait(minutes=1)
    [found] = asked(engine)
    assert found.why.endswith("and is not: 0 of 1 nodes are ready")


SICK = HealthFinding("0 of 1 nodes are ready", reported=True)


def answer(engine: InMemoryEngine, finding: HealthFinding = SICK) -> None:
    """Notes an answer of site-1, and has the rollout decided on if it is another one."""
    cluster = engine.cluster("site-1")
    assert cluster is not None
    if engine.observations.note(ObservedCheck.NODES, cluster, finding, engine.now):
        engine.touch("uid-a")
    engine.settle()


def watched(**more: Any) -> InMemoryEngine:
    """The nodes of the only canary are ready."""
    engine = upgraded(canaries=1, health={"nodes": True}, **more)
    for _ in range(3):
        observe(engine, "site-1")
        engine.touch("uid-a")
        engine.wait(minutes=1)
    return engine


def test_the_same_answer_again_and_again_is_a_break() -> None:
    engine = watched()
    for _ in range(11):
        answer(engine)
        engine.wait(minutes=1)
    assert len(asked(engine)) == 1


@pytest.mark.parametrize("seconds", [310, 540, 720])
def test_a_silence_begins_again(seconds: int) -> None:
    engine = watched()
    answer(engine)
    engine.wait(seconds=seconds)
    for _ in range(9):
        answer(engine)
        engine.wait(minutes=1)
    assert asked(engine) == ()
    for _ in range(2):
        answer(engine)
        engine.wait(minutes=1)
    assert len(asked(engine)) == 1


def resumed(engine: InMemoryEngine) -> None:
    found = engine.ibgus["uid-a"]
    engine.apply(replace(found, metadata=replace(found.metadata, annotations={})))


@pytest.mark.parametrize("hold", ["pause", "talm"])
def test_the_time_of_a_hold_is_no_break(hold: str) -> None:
    engine = upgraded()
    breaks(engine, "site-1", minutes=1)
    if hold == "pause":
        engine.annotate("uid-a", pause="by nora")
    else:
        engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
        engine.touch_everything()
    condition(engine, "site-1", "True")
    engine.wait(hours=3)
    breaks(engine, "site-1", minutes=1)
    engine.facts = replace(engine.facts, talm_hold="")
    resumed(engine)
    engine.touch_everything()
    engine.wait(minutes=8)
    assert asked(engine) == ()
    engine.wait(minutes=5)
    assert len(asked(engine)) == 1


def test_the_time_in_which_nobody_waited_is_no_break() -> None:
    """A broken glass lets all others start; later one of them waits again."""
    engine = upgraded()
    breaks(engine, "site-1", minutes=1)
    break_glass(engine, "RolloutPolicy/first", hours=0.1)
    engine.until(Kind.RUN_INTENDED)
    engine.frozen |= {"site-3", "site-4"}
    engine.wait(minutes=1)
    assert engine.tracked("uid-a").steps[1].not_started == 0
    condition(engine, "site-1", "True")
    engine.wait(minutes=20)
    breaks(engine, "site-1", minutes=1)
    engine.spokes["site-3"].dark = True
    engine.touch_cluster("site-3")
    engine.wait(minutes=8)
    assert engine.tracked("uid-a").steps[1].not_started == 1
    assert asked(engine) == ()
    engine.wait(minutes=5)
    assert len(asked(engine)) == 1


def test_the_time_in_which_it_was_no_canary_is_no_break() -> None:
    engine = fleet(4)
    for name in engine.spokes:
        condition(engine, name, "True")
        engine.labels[name]["first"] = "yes" if name in ("site-1", "site-2") else "no"
    chosen = {"selector": {"matchLabels": {"first": "yes"}}}
    policy(engine, soakMinutes=1440, health=HEALTH, rollback=True, **chosen)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    breaks(engine, "site-1", minutes=1)
    for value in ("no", "yes"):
        engine.labels["site-1"]["first"] = value
        engine.policy_gates.recount(engine.now)
        engine.touch_everything()
        engine.wait(minutes=8)
    assert asked(engine) == ()
    engine.wait(minutes=5)
    assert len(asked(engine)) == 1


def test_a_pause_and_a_live_talm_hold_and_a_deletion_ends_it() -> None:
    for still in ("pause", "talm", "delete"):
        engine = upgraded()
        if still == "pause":
            engine.annotate("uid-a", pause="by nora")
        elif still == "talm":
            engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
        else:
            engine.delete("uid-a")
        breaks(engine, "site-1", minutes=60)
        assert asked(engine) == (), still


def refusal(engine: InMemoryEngine) -> str:
    breaks(engine, "site-1")
    [found] = asked(engine)
    assert not found.name
    assert not found.pending
    words, hand, by_hand = found.refused.partition(f"; {BY_HAND}")
    assert hand
    assert not by_hand
    assert found.refused in hold(engine)
    return words


def test_an_expired_way_back_is_left_to_a_person() -> None:
    engine = upgraded()
    engine.spokes["site-1"].rollback_until = None
    engine.touch_cluster("site-1")
    engine.settle()
    assert refusal(engine) == "it does not report that it can still be rolled back"


def test_labels_that_have_changed_leave_it_to_a_person() -> None:
    engine = upgraded()
    del engine.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"]
    assert refusal(engine) == "its labels have changed since"


def test_a_cluster_without_the_label_of_its_name_is_left_to_a_person() -> None:
    engine = upgraded()
    del engine.labels["site-1"]["name"]
    assert refusal(engine) == "its ManagedCluster lacks the label name with its name"


def test_a_cluster_whose_name_another_one_carries_is_left_to_a_person() -> None:
    """The selector of the rollback would take both."""
    engine = upgraded()
    engine.join("elsewhere")
    engine.labels["elsewhere"] = {"name": "site-1"}
    assert refusal(engine) == (
        "elsewhere carries the label name=site-1 and would be selected with it; correct that label "
        "first"
    )


def test_a_name_that_another_tenants_cluster_carries_hinders_nothing() -> None:
    """The cluster would not be selected, and the tenant hears nothing of it."""
    engine = upgraded()
    engine.join("elsewhere")
    engine.labels["elsewhere"] = {"name": "site-1"}
    for name in ("site-1", "site-2"):
        engine.labels[name]["region"] = "north"
    engine.scope = Scope("fleet", (LabelSelector(match_labels={"region": "north"}),))
    breaks(engine, "site-1")
    [found] = asked(engine)
    assert (found.refused, found.clusters) == ("", ("site-1",))


def test_a_finalized_upgrade_is_left_to_a_person() -> None:
    engine = upgraded(steps=("Prep", "Upgrade FinalizeUpgrade"))
    assert refusal(engine) == "it is finalized, so the release from before is gone"


def test_a_newer_rollout_that_has_the_cluster_leaves_it_to_a_person() -> None:
    engine = upgraded()
    chosen = [LabelSelector({"name": "site-1"})]
    engine.frozen.add("site-1")
    engine.apply(ibgu("b", "FinalizeUpgrade", age=-90, selectors=chosen))
    engine.wait(minutes=1)
    assert refusal(engine) == "it is in fleet/b now"


def test_a_newer_rollout_that_never_began_on_the_canary_stops_no_rollback() -> None:
    engine = upgraded()
    chosen = [LabelSelector({"name": "site-1"})]
    engine.frozen.add("site-1")
    engine.apply(ibgu("b", "FinalizeUpgrade", age=-90, selectors=chosen))
    engine.wait(seconds=5)
    engine.annotate("uid-b", skip="site-1")
    engine.settle()
    assert engine.tracked("uid-b").rollout.state is RolloutState.COMPLETE
    engine.frozen.clear()
    engine.touch_cluster("site-1")
    breaks(engine, "site-1", minutes=16)
    [found] = asked(engine)
    assert (found.refused, found.clusters) == ("", ("site-1",))


def test_an_older_rollout_that_works_on_the_cluster_leaves_it_to_a_person() -> None:
    engine = upgraded()
    engine.spokes["site-1"].faults[Stage.IDLE] = "hang"
    chosen = [LabelSelector({"name": "site-1"})]
    engine.apply(ibgu("b", "FinalizeUpgrade", age=90, selectors=chosen))
    engine.wait(minutes=1)
    assert engine.fleet.claims["uid-site-1"].rollout == "uid-b"
    assert refusal(engine) in (
        "it does not report that it can still be rolled back",
        "it is in fleet/b now",
    )


def test_a_rollout_that_can_not_be_read_leaves_it_to_a_person() -> None:
    engine = upgraded()
    engine.fleet.keep_claims([unreadable_rollout("site-1")])
    assert refusal(engine) == "a rollout that ibgu can't read has it"


def test_more_than_three_clusters_are_counted() -> None:
    engine = upgraded(count=6, canaries=5)
    breaks(engine, *(f"site-{n}" for n in range(1, 6)), minutes=30)
    [found] = asked(engine)
    assert "Rollback of site-1, site-2, site-3 and 2 more for RolloutPolicy first" in found.words
    assert found.refused.endswith("ibgu rollback -n fleet a site-1 site-2 site-3 ...")


def test_labels_that_are_still_pending_are_waited_for() -> None:
    engine = upgraded()
    engine.fleet.pending_patches["uid-site-1"] = PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"x": Change(None, "y")}
    )
    breaks(engine, "site-1", minutes=20)
    assert asked(engine) == ()
    del engine.fleet.pending_patches["uid-site-1"]
    engine.wait(minutes=1)
    assert len(asked(engine)) == 1


def test_an_upgrade_that_somebody_else_made_is_not_rolled_back() -> None:
    engine = fleet(3)
    for name in engine.spokes:
        condition(engine, name, "True")
    spoke = engine.spokes["site-1"]
    spoke.certificates = timedelta(days=30)
    for stage in ("Prep", "Upgrade"):
        spoke.to(stage)
    engine.labels["site-1"] |= {"lcm.openshift.io/ibgu-prep-completed": ""}
    policy(engine, count=1, health=HEALTH, soakMinutes=600, rollback=True)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    breaks(engine, "site-1", minutes=60)
    assert asked(engine) == ()


def test_an_update_is_left_to_a_person() -> None:
    engine = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    health: dict[str, Any] = {"count": 1, "health": HEALTH, "soakMinutes": 600, "rollback": True}
    set_policies(engine, policies.policy("first", actions=["Update"], canaries=health))
    for name in engine.spokes:
        engine.labels[name]["name"] = name
        condition(engine, name, "True")
    engine.apply(fleet_update("Update"))
    engine.wait(hours=8)
    condition(engine, "site-1", "False")
    engine.wait(minutes=15)
    [found] = engine.tracked(UID).steps[0].step.follow_ups.made
    assert found.refused.startswith("ibgu makes no second FleetUpdate")


def test_canaries_beyond_the_limit_are_not_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CANARIES", 1)
    engine = upgraded()
    breaks(engine, "site-1", "site-2", minutes=60)
    [found] = asked(engine)
    assert found.clusters == ("site-1",)


def test_breaks_are_kept_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken_canaries, "MAX_BROKEN", 1)
    engine = upgraded()
    breaks(engine, "site-1", "site-2", minutes=60)
    assert asked(engine) == ()


def test_another_rollout_that_is_held_leaves_the_breaks_of_this_one() -> None:
    engine = upgraded()
    breaks(engine, "site-1", minutes=8)
    [canaries] = engine.snapshot(engine.tracked("uid-a")).canaries
    canaries.broken.forget(("uid-b", 1))
    engine.wait(minutes=3)
    assert len(asked(engine)) == 1


def test_without_the_policys_word_nothing_is_rolled_back() -> None:
    engine = upgraded(rollback=False)
    breaks(engine, "site-1", minutes=60)
    assert asked(engine) == ()
    assert engine.tracked("uid-a").steps[1].counts[Outcome.SUCCEEDED] == 2


def test_a_failed_canary_is_not_rolled_back_by_the_policy() -> None:
    engine = fleet(4)
    for name in engine.spokes:
        condition(engine, name, "True")
    policy(engine, count=2, health=HEALTH, rollback=True)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    engine.wait(hours=2)
    assert asked(engine) == ()
    assert "1 of 2 canaries failed" in hold(engine)


@pytest.mark.parametrize("both", [True, False])
def test_a_canary_that_is_well_for_one_policy_never_was_for_another(*, both: bool) -> None:
    engine = fleet(4)
    for name, spoke in engine.spokes.items():
        spoke.certificates = timedelta(days=30)
        condition(engine, name, "True")

    def asks(name: str, status: str) -> RolloutPolicy:
        canaries = {"count": 2, "soakMinutes": 1440, "rollback": True}
        health = {"conditions": [{"type": POWER, "status": status}]}
        return policies.policy(name, actions=["Upgrade"], canaries=canaries | {"health": health})

    well, never = asks("a-well", "True"), asks("b-never-well", "False")
    set_policies(engine, *((well, never) if both else (never,)))
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=3)
    assert asked(engine) == ()
