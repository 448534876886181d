"""R31.7: automatic import that a rollout has turned off which watches the cluster no more."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    ClusterView,
    FeedbackView,
    Kind,
    Member,
    MemberState,
    Outcome,
    PendingPatch,
    RunResult,
    RunState,
    WorkView,
    names,
)
from ibgu.core.model.shown import HubObject
from ibgu.core.recover import left_off, turn_on
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.story import RecordedEvent
from tests.core.engine.state.records import NOW, in_flight, member, rollout, run, step
from tests.core.recover.objects import UID, cluster, fleet, work
from tests.oracle.logs import certify, log_of, told

Shown = HubObject[WorkView]
OFF = {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: UID}


def site(annotations: dict[str, str] = OFF, *, reachable: bool = True) -> ClusterView:
    return replace(cluster("site-1"), annotations=annotations, reachable=reachable)


def works(*found: Shown) -> Callable[[str, str], Shown | None]:
    by_cluster = {each.metadata.namespace: each for each in found}
    return lambda uid, name: by_cluster.get(name) if uid == UID else None


def shows(feedback: FeedbackView, action: str = "Upgrade") -> Shown:
    shown = work("site-1", echo="run-1 Upgrade", action=action)
    return replace(shown, view=replace(shown.view, feedback=feedback))


def idle(reason: str) -> IbuView:
    told = IbuCondition("True" if reason == "Idle" else "False", reason, reason)
    return IbuView(stage="Upgrade", generation=1, observed_generation=1, idle=told)


def over(
    known: FleetState | None = None,
    *shown: Shown,
    clusters: Iterable[ClusterView] | None = None,
) -> list[bool]:
    views = [site()] if clusters is None else clusters
    return [each.over for each in left_off(IBU, known or FleetState(), views, works(*shown))]


def test_a_lost_rollout_of_which_nothing_is_left_is_up_to_a_person() -> None:
    assert over() == [False]


def test_a_cluster_that_waited_for_a_lost_rollout_gets_it_back() -> None:
    """The work has only asked the cluster, or prepared it: no Upgrade was armed."""
    assert over(None, work("site-1", "")) == [True]
    assert over(None, work("site-1")) == [True]


def test_an_upgrade_that_was_armed_needs_a_proof_that_it_is_over() -> None:
    assert over(None, work("site-1", action="Upgrade")) == [False]
    assert over(None, shows(idle("InProgress"))) == [False]
    assert over(None, shows(idle("Idle"))) == [True]
    assert over(None, shows(idle("Idle")), clusters=[site(reachable=False)]) == [False]


def test_an_object_of_another_kind_proves_nothing() -> None:
    """A cluster's agent may report whatever it likes of its works."""
    assert over(None, shows(CLUSTER_VERSION.read(()))) == [False]


@pytest.mark.parametrize("annotations", [{names.DISABLE_AUTO_IMPORT: "true"}, {"x": "y"}])
def test_an_annotation_of_others_is_theirs(annotations: dict[str, str]) -> None:
    assert over(clusters=[site(annotations)]) == []


def over_with(outcome: Outcome, **changes: Any) -> Member:
    return member(state=MemberState.FINISHED, outcome=outcome, **changes)


def known(*members: Member) -> FleetState:
    return fleet(rollout(), step("Upgrade"), *members)


class TestOfARolloutThatIsKnown:
    def test_a_rollout_that_has_the_cluster_keeps_it_off(self) -> None:
        for each in (member(), in_flight(), over_with(Outcome.FAILED, watched=True)):
            assert over(known(each)) == []

    def test_the_cluster_never_began(self) -> None:
        assert over(known(over_with(Outcome.SKIPPED))) == [True]
        assert over(known()) == [False]

    def test_the_cluster_has_begun(self) -> None:
        ended = run(action="Upgrade", state=RunState.ENDED, result=RunResult.FAILED)
        assert over(known(over_with(Outcome.FAILED, run=ended))) == [False]

    def test_another_rollout_upgrades_the_cluster(self) -> None:
        found = FleetState()
        members = [over_with(Outcome.SKIPPED), in_flight(rollout="uid-b")]
        steps = [step("Upgrade"), step("Upgrade", rollout="uid-b")]
        found.load([rollout(), rollout("b")], steps, members, [])
        assert over(found) == []

    def test_a_patch_that_is_pending_is_left_alone(self) -> None:
        found = known(over_with(Outcome.SKIPPED))
        found.pending_patches["uid-site-1"] = PendingPatch(
            uid="uid-site-1", cluster="site-1", rollout=UID
        )
        assert over(found) == []


def test_a_certificate_does_not_miss_the_history_of_a_lost_rollout() -> None:
    (found,) = left_off(IBU, FleetState(), [site()], works(work("site-1")))
    engine = InMemoryEngine()
    engine.said.append(RecordedEvent(NOW, turn_on(found)))
    assert told(certify(log_of(engine))) == []


def test_both_annotations_go() -> None:
    (found,) = left_off(IBU, FleetState(), [site()], works(work("site-1")))
    decision = turn_on(found)
    assert decision.kind is Kind.LABELS_PENDING
    wanted = {key: change.wanted for key, change in decision.pending.annotations.items()}
    assert wanted == dict.fromkeys(OFF)
    assert (decision.pending.rollout, decision.asked) == (UID, None)
