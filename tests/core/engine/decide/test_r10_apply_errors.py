"""R10: which refusals are final, and which heal by themselves."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, ReasonKind, RunResult, WorkView
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import REFUSED
from tests.core.engine.decide.states import said

SPEC = "can not change spec.seedImageRef while ibu is in progress"
FORBIDDEN = 'imagebasedupgrades "upgrade" is forbidden: User can not get resource'


def armed(*stages: str, plan: str = "Prep") -> tuple[InMemoryEngine, str, WorkView]:
    """A twin whose work is armed and not yet taken, and that work."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    for stage in stages:
        twin.spokes["site-1"].to(stage)
    uid = twin.apply(ibgu("a", plan))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    return twin, uid, twin.works[uid, "site-1"].view()


def after(
    twin: InMemoryEngine, uid: str, **seen: Any
) -> tuple[ReasonKind, Cause | None, RunResult | None]:
    """Returns the member at once, and the member after SETTLE of the same."""
    first = twin.ask(uid, "site-1", **seen)
    for decision in first:
        twin.fleet.apply(decision)
    kind = twin.member(uid, 0, "site-1").reason.kind
    twin.now += SETTLE
    for decision in twin.ask(uid, "site-1", **seen):
        twin.fleet.apply(decision)
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    return kind, run.cause, run.result


def with_ibu(work: WorkView, error: str, **ibu: Any) -> WorkView:
    assert work.feedback is not None
    return replace(work, applied=False, apply_error=error, feedback=replace(work.feedback, **ibu))


def test_a_refused_transition_is_final_after_two_minutes() -> None:
    twin, uid, work = armed()
    refused = with_ibu(work, REFUSED, next_stages=frozenset({Stage.IDLE}))
    assert after(twin, uid, stage=refused) == (
        ReasonKind.REFUSED,
        Cause.TRANSITION_REFUSED,
        RunResult.REFUSED,
    )


@pytest.mark.parametrize(
    "ibu",
    [
        {"next_stages": frozenset({Stage.PREP})},
        {"next_stages": frozenset(), "idle": IbuCondition("False", "Aborting")},
        {"next_stages": frozenset(), "idle": IbuCondition("False", "Finalizing")},
        {"next_stages": frozenset(), "prep_in_progress": IbuCondition("False", "Blocked")},
    ],
    ids=str,
)
def test_a_refused_transition_that_can_heal_is_not_final(ibu: dict[str, Any]) -> None:
    twin, uid, work = armed()
    result = after(twin, uid, stage=with_ibu(work, REFUSED, **ibu))
    assert result == (ReasonKind.APPLY_ERROR, None, None)


def test_without_feedback_a_refused_transition_is_final_too() -> None:
    twin, uid, work = armed()
    refused = replace(work, applied=False, apply_error=REFUSED, feedback=None)
    assert after(twin, uid, stage=refused)[1] is Cause.TRANSITION_REFUSED


def test_a_refused_field_is_final_whatever_the_next_stages_say_and_is_named() -> None:
    twin, uid, work = armed()
    refused = with_ibu(work, SPEC, next_stages=frozenset({Stage.PREP}))
    assert after(twin, uid, stage=refused)[1] is Cause.SPEC_REFUSED
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    assert run.message.startswith("the cluster refused spec.seedImageRef: ")


def test_a_refused_field_is_named_at_once() -> None:
    twin, uid, work = armed()
    for decision in twin.ask(uid, "site-1", stage=with_ibu(work, SPEC)):
        twin.fleet.apply(decision)
    reason = twin.member(uid, 0, "site-1").reason
    assert reason.message.startswith("the cluster refused spec.seedImageRef: ")


@pytest.mark.parametrize("error", [FORBIDDEN, "namespaces openshift-x not found", "who knows"])
def test_other_errors_heal_and_are_shown(error: str) -> None:
    twin, uid, work = armed()
    assert after(twin, uid, stage=with_ibu(work, error)) == (ReasonKind.APPLY_ERROR, None, None)
    assert twin.member(uid, 0, "site-1").reason.message == error


def test_the_settle_time_restarts_when_the_cluster_was_unreachable() -> None:
    twin, uid, work = armed()
    refused = with_ibu(work, REFUSED, next_stages=frozenset())
    cluster = twin.cluster("site-1")
    assert cluster is not None
    for decision in twin.ask(uid, "site-1", stage=refused):
        twin.fleet.apply(decision)
    twin.now += SETTLE / 4
    away = replace(cluster, reachable=False)
    for decision in twin.ask(uid, "site-1", stage=refused, cluster=away):
        twin.fleet.apply(decision)
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.UNREACHABLE
    twin.now += SETTLE * 3 / 4
    assert "ended refused" not in said(twin.ask(uid, "site-1", stage=refused))


def test_the_settle_time_restarts_with_the_sync() -> None:
    """A symptom may have gone while ibgu was away."""
    twin, uid, work = armed()
    refused = with_ibu(work, SPEC)
    for decision in twin.ask(uid, "site-1", stage=refused):
        twin.fleet.apply(decision)
    twin.now += SETTLE
    twin.facts = replace(twin.facts, in_sync_since=twin.now)
    assert "ended refused" not in said(twin.ask(uid, "site-1", stage=refused))


def test_a_refusal_by_the_cluster_gives_its_label() -> None:
    twin, uid, _ = armed()
    twin.spokes["site-1"].to("Prep")
    twin.spokes["site-1"].to("Upgrade")
    twin.frozen.clear()
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert member.cause is Cause.TRANSITION_REFUSED
    assert "lcm.openshift.io/ibgu-prep-failed" in twin.labels["site-1"]


def test_a_final_refusal_of_the_hub_ends_the_run_without_a_label() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.writes.clear()
    twin.refusals[uid, "site-1"] = "admission webhook denied the request"
    twin.touch(uid, "site-1")
    twin.wait(minutes=1)
    member = twin.member(uid, 0, "site-1")
    assert member.cause is Cause.WRITE_REFUSED
    assert "the hub refused the stage work: admission webhook" in member.message
    assert twin.labels["site-1"] == {}
