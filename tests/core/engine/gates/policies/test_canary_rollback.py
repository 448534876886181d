"""R50.19: a canary that was well and breaks is rolled back by a second rollout."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.step import rollbacks as module
from ibgu.core.engine.state import broken_canaries
from ibgu.core.engine.state.claims import UnreadableRollout
from ibgu.core.engine.state.health_observations import HealthFinding, ObservedCheck
from ibgu.core.model import Change, Kind, Outcome, PendingPatch, ReasonKind
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.gates.policies import policy as policies
from tests.core.engine.gates.policies.policy import set_policies
from tests.core.engine.gates.policies.test_canaries import fleet, started, succeeded
from tests.core.engine.gates.policies.test_canary_health import POWER, condition, observe

HEALTH = {"conditions": [{"type": POWER}]}


def upgraded(
    *, count: int = 4, canaries: int = 2, steps: tuple[str, ...] = ("Prep", "Upgrade"), **more: Any
) -> InMemoryEngine:
    """The canaries of the second step have succeeded, are well, and soak for a day."""
    twin = fleet(count)
    for name, spoke in twin.spokes.items():
        spoke.certificates = timedelta(days=30)
        condition(twin, name, "True")
    asks: dict[str, Any] = {"count": canaries, "soakMinutes": 1440, "health": HEALTH}
    policy(twin, **(asks | {"rollback": True} | more))
    twin.apply(ibgu("a", *steps))
    twin.wait(hours=1)
    assert succeeded(twin, len(steps) - 1) == canaries
    return twin


def policy(twin: InMemoryEngine, **canaries: Any) -> None:
    set_policies(twin, policies.policy("first", actions=["Upgrade"], canaries=canaries))


def asked(twin: InMemoryEngine, step: int = 1) -> tuple[PolicyFollowUp, ...]:
    return twin.tracked("uid-a").steps[step].step.follow_ups.made


def hold(twin: InMemoryEngine, step: int = 1) -> str:
    found = twin.tracked("uid-a").steps[step].step.hold
    assert found is not None
    assert found.kind is ReasonKind.FAILURE_BUDGET
    return found.message


def breaks(twin: InMemoryEngine, *names: str, minutes: int = 15) -> None:
    for name in names:
        condition(twin, name, "False")
    twin.wait(minutes=minutes)


WHY = (
    "site-1 was well after its Upgrade and is not: condition example.com/Power of the "
    'ManagedCluster is "False", not "True"'
)
BY_HAND = "do it by hand: ibgu rollback -n fleet a site-1"


def test_a_canary_that_breaks_is_asked_to_be_rolled_back_and_the_step_holds() -> None:
    twin = upgraded()
    breaks(twin, "site-1", minutes=9)
    assert asked(twin) == ()
    twin.wait(minutes=2)
    [found] = asked(twin)
    assert (found.clusters, found.uids) == (("site-1",), ("uid-site-1",))
    assert (found.policy, found.action, found.why) == ("first", "Rollback", WHY)
    assert found.name.startswith("a-rollback-")
    assert found.pending
    assert hold(twin) == (
        f"Rollback of site-1 for RolloutPolicy first, by the new rollout {found.name}; {WHY}; "
        "annotate the rollout with ibgu.dev/resume to go on"
    )
    twin.wait(hours=48)
    assert started(twin, 1) == {"site-1", "site-2"}


def test_the_hub_shows_the_new_rollout_and_it_is_asked_for_once() -> None:
    twin = upgraded()
    breaks(twin, "site-1")
    [found] = asked(twin)
    twin.follow_ups[found.name] = ShownFollowUp(ours=True)
    twin.touch("uid-a")
    twin.wait(hours=5)
    [made] = asked(twin)
    assert made.made_at is not None
    assert not made.pending
    first, second = twin.told(Kind.FOLLOW_UP)
    assert second == f"{found.name} is created: {first}"


def test_two_that_break_together_are_one_new_rollout_and_a_later_one_another() -> None:
    twin = upgraded(count=5, canaries=3)
    breaks(twin, "site-1", "site-2")
    breaks(twin, "site-3")
    first, second = asked(twin)
    assert first.clusters == ("site-1", "site-2")
    assert first.why.endswith("; 1 more broke, too")
    assert second.clusters == ("site-3",)
    assert first.name != second.name
    for each in (first, second):
        twin.follow_ups[each.name] = ShownFollowUp(ours=True)
        twin.touch("uid-a")
        twin.settle()
    assert all(each.made_at == twin.now for each in asked(twin)[1:])


def test_a_restart_asks_for_the_same_name_and_not_again() -> None:
    twin = upgraded()
    breaks(twin, "site-1")
    before = asked(twin)
    twin.restart()
    twin.wait(hours=1)
    [after] = asked(twin)
    assert (after.name, after.decided_at) == (before[0].name, before[0].decided_at)
    assert len(twin.fleet.rollouts) == 1


def test_one_that_the_hub_does_not_get_in_time_is_given_up_and_may_come_late() -> None:
    twin = upgraded()
    breaks(twin, "site-1")
    twin.wait(minutes=15)
    [given_up] = asked(twin)
    assert given_up.refused == f"the hub did not have it within 10 min; {BY_HAND}"
    assert BY_HAND in hold(twin)
    twin.follow_ups[given_up.name] = ShownFollowUp(ours=True)
    twin.touch("uid-a")
    twin.settle()
    [made] = asked(twin)
    assert (made.made_at, made.refused) == (twin.now, "")
    assert f"by the new rollout {made.name}" in hold(twin)


def test_a_refusal_of_the_hub_is_left_to_a_person() -> None:
    twin = upgraded()
    condition(twin, "site-1", "False")
    twin.wait(minutes=9)
    twin.until(Kind.FOLLOW_UP)
    [found] = asked(twin)
    twin.follow_ups[found.name] = ShownFollowUp(problem="ibgu may not create it")
    twin.touch("uid-a")
    twin.wait(minutes=1)
    assert asked(twin)[0].refused == f"ibgu may not create it; {BY_HAND}"
    assert f"was not begun: ibgu may not create it; {BY_HAND}" in hold(twin)


def test_after_a_resume_the_others_wait_for_the_canaries_that_are_left() -> None:
    twin = upgraded()
    breaks(twin, "site-1")
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=25)
    assert len(started(twin, 1)) == 4


def test_a_canary_that_was_never_well_is_not_rolled_back() -> None:
    twin = fleet(4)
    for spoke in twin.spokes.values():
        spoke.certificates = timedelta(days=30)
    policy(twin, count=2, health=HEALTH, rollback=True)
    condition(twin, "site-1", "False")
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=5)
    assert asked(twin) == ()


@pytest.mark.parametrize("status", ["Unknown", "", "gone"])
def test_an_unknown_condition_never_rolls_back(status: str) -> None:
    twin = upgraded()
    if status == "gone":
        twin.conditions["site-1"] = ()
        twin.touch_cluster("site-1")
    else:
        condition(twin, "site-1", status)
    twin.wait(hours=5)
    assert asked(twin) == ()


def test_a_canary_that_is_gone_is_not_rolled_back() -> None:
    twin = upgraded()
    del twin.spokes["site-1"]
    twin.touch("uid-a")
    twin.wait(hours=1)
    assert asked(twin) == ()


def test_a_cluster_that_the_hub_can_not_reach_is_not_rolled_back() -> None:
    twin = upgraded()
    condition(twin, "site-1", "False")
    twin.wait(minutes=5)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(hours=5)
    assert asked(twin) == ()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(minutes=9)
    assert asked(twin) == ()
    twin.wait(minutes=2)
    assert len(asked(twin)) == 1


def test_a_break_that_ends_in_time_begins_again() -> None:
    twin = upgraded(rollbackAfterMinutes=30)
    breaks(twin, "site-1", minutes=29)
    condition(twin, "site-1", "True")
    twin.wait(minutes=1)
    breaks(twin, "site-1", minutes=29)
    assert asked(twin) == ()
    twin.wait(minutes=2)
    assert len(asked(twin)) == 1


def test_a_gap_of_what_the_hub_shows_begins_again() -> None:
    twin = upgraded()
    breaks(twin, "site-1", minutes=8)
    twin.facts = replace(twin.facts, in_sync_since=twin.now)
    twin.wait(minutes=8)
    assert asked(twin) == ()
    twin.wait(minutes=5)
    assert len(asked(twin)) == 1


def test_an_answer_counts_for_no_longer_than_it_was_given() -> None:
    """One answer, and then silence, is not a break of ten minutes."""
    twin = upgraded(health={"nodes": True}, rollbackAfterMinutes=3)
    for name in ("site-1", "site-2"):
        observe(twin, name)
    twin.settle()
    cluster = twin.cluster("site-1")
    assert cluster is not None
    sick = HealthFinding("0 of 1 nodes are ready", reported=True)
    for _ in range(2):
        twin.observations.note(ObservedCheck.NODES, cluster, sick, twin.now)
        twin.touch("uid-a")
        twin.wait(minutes=2)
    twin.wait(hours=2)
    assert asked(twin) == ()
    for _ in range(5):
        twin.observations.note(ObservedCheck.NODES, cluster, sick, twin.now)
        twin.touch("uid-a")
        twin.wait(minutes=1)
    [found] = asked(twin)
    assert found.why.endswith("and is not: 0 of 1 nodes are ready")


def test_a_pause_and_a_live_talm_hold_and_a_deletion_ends_it() -> None:
    for still in ("pause", "talm", "delete"):
        twin = upgraded()
        if still == "pause":
            twin.annotate("uid-a", pause="by nora")
        elif still == "talm":
            twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
        else:
            twin.delete("uid-a")
        breaks(twin, "site-1", minutes=60)
        assert asked(twin) == (), still


def refusal(twin: InMemoryEngine) -> str:
    breaks(twin, "site-1")
    [found] = asked(twin)
    assert not found.name
    assert not found.pending
    words, hand, by_hand = found.refused.partition(f"; {BY_HAND}")
    assert hand
    assert not by_hand
    assert found.refused in hold(twin)
    return words


def test_an_expired_way_back_is_left_to_a_person() -> None:
    twin = upgraded()
    twin.spokes["site-1"].rollback_until = None
    twin.touch_cluster("site-1")
    twin.settle()
    assert refusal(twin) == "it does not report that it can still be rolled back"


def test_labels_that_have_changed_leave_it_to_a_person() -> None:
    twin = upgraded()
    del twin.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"]
    assert refusal(twin) == "its labels have changed since"


def test_a_cluster_without_the_label_of_its_name_is_left_to_a_person() -> None:
    twin = upgraded()
    del twin.labels["site-1"]["name"]
    assert refusal(twin) == "its ManagedCluster lacks the label name with its name"


def test_a_finalized_upgrade_is_left_to_a_person() -> None:
    twin = upgraded(steps=("Prep", "Upgrade FinalizeUpgrade"))
    assert refusal(twin) == "it is finalized, so the release from before is gone"


def test_a_newer_rollout_that_has_the_cluster_leaves_it_to_a_person() -> None:
    twin = upgraded()
    chosen = [LabelSelector({"name": "site-1"})]
    twin.frozen.add("site-1")
    twin.apply(ibgu("b", "FinalizeUpgrade", age=-90, selectors=chosen))
    twin.wait(minutes=1)
    assert refusal(twin) == "it is in fleet/b now"


def test_an_older_rollout_that_works_on_the_cluster_leaves_it_to_a_person() -> None:
    twin = upgraded()
    twin.spokes["site-1"].faults[Stage.IDLE] = "hang"
    chosen = [LabelSelector({"name": "site-1"})]
    twin.apply(ibgu("b", "FinalizeUpgrade", age=90, selectors=chosen))
    twin.wait(minutes=1)
    assert twin.fleet.claims["uid-site-1"].rollout == "uid-b"
    assert refusal(twin) in (
        "it does not report that it can still be rolled back",
        "it is in fleet/b now",
    )


def test_a_rollout_that_can_not_be_read_leaves_it_to_a_person() -> None:
    twin = upgraded()
    unreadable = UnreadableRollout(
        uid="uid-x",
        namespace="fleet",
        name="x",
        error="ValidationError",
        claims={},
        cancellers={},
        clusters=frozenset({"site-1"}),
    )
    twin.fleet.keep_claims([unreadable])
    assert refusal(twin) == "a rollout that ibgu can't read has it"


def test_more_than_three_clusters_are_counted() -> None:
    twin = upgraded(count=6, canaries=5)
    breaks(twin, *(f"site-{n}" for n in range(1, 6)), minutes=30)
    [found] = asked(twin)
    assert "Rollback of site-1, site-2, site-3 and 2 more for RolloutPolicy first" in found.words
    assert found.refused.endswith("ibgu rollback -n fleet a site-1 site-2 site-3 ...")


def test_labels_that_are_still_pending_are_waited_for() -> None:
    twin = upgraded()
    twin.fleet.pending_patches["uid-site-1"] = PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"x": Change(None, "y")}
    )
    breaks(twin, "site-1", minutes=20)
    assert asked(twin) == ()
    del twin.fleet.pending_patches["uid-site-1"]
    twin.wait(minutes=1)
    assert len(asked(twin)) == 1


def test_an_upgrade_that_somebody_else_made_is_not_rolled_back() -> None:
    twin = fleet(3)
    for name in twin.spokes:
        condition(twin, name, "True")
    spoke = twin.spokes["site-1"]
    spoke.certificates = timedelta(days=30)
    for stage in ("Prep", "Upgrade"):
        spoke.to(stage)
    twin.labels["site-1"] |= {"lcm.openshift.io/ibgu-prep-completed": ""}
    policy(twin, count=1, health=HEALTH, soakMinutes=600, rollback=True)
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    breaks(twin, "site-1", minutes=60)
    assert asked(twin) == ()


def test_an_update_is_left_to_a_person() -> None:
    twin = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    health: dict[str, Any] = {"count": 1, "health": HEALTH, "soakMinutes": 600, "rollback": True}
    set_policies(twin, policies.policy("first", actions=["Update"], canaries=health))
    for name in twin.spokes:
        twin.labels[name]["name"] = name
        condition(twin, name, "True")
    twin.apply(fleet_update("Update"))
    twin.wait(hours=8)
    condition(twin, "site-1", "False")
    twin.wait(minutes=15)
    [found] = twin.tracked(UID).steps[0].step.follow_ups.made
    assert found.refused.startswith("ibgu makes no second FleetUpdate")


def test_canaries_beyond_the_limit_are_not_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CANARIES", 1)
    twin = upgraded()
    breaks(twin, "site-1", "site-2", minutes=60)
    [found] = asked(twin)
    assert found.clusters == ("site-1",)


def test_breaks_are_kept_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken_canaries, "MAX_BROKEN", 1)
    twin = upgraded()
    breaks(twin, "site-1", "site-2", minutes=60)
    assert asked(twin) == ()


def test_without_the_policys_word_nothing_is_rolled_back() -> None:
    twin = upgraded(rollback=False)
    breaks(twin, "site-1", minutes=60)
    assert asked(twin) == ()
    assert twin.tracked("uid-a").steps[1].counts[Outcome.SUCCEEDED] == 2


def test_a_failed_canary_is_not_rolled_back_by_the_policy() -> None:
    twin = fleet(4)
    for name in twin.spokes:
        condition(twin, name, "True")
    policy(twin, count=2, health=HEALTH, rollback=True)
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.until(Kind.STEP_FINISHED)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    twin.wait(hours=2)
    assert asked(twin) == ()
    assert "1 of 2 canaries failed" in hold(twin)
