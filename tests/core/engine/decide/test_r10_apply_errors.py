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
    """An engine whose work is armed and not yet taken, and that work."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    for stage in stages:
        engine.spokes["site-1"].to(stage)
    uid = engine.apply(ibgu("a", plan))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    return engine, uid, engine.works[uid, "site-1"].view()


def after(
    engine: InMemoryEngine, uid: str, **seen: Any
) -> tuple[ReasonKind, Cause | None, RunResult | None]:
    """Returns the member at once, and the member after SETTLE of the same."""
    first = engine.ask(uid, "site-1", **seen)
    for decision in first:
        engine.fleet.apply(decision)
    kind = engine.member(uid, 0, "site-1").reason.kind
    engine.now += SETTLE
    for decision in engine.ask(uid, "site-1", **seen):
        engine.fleet.apply(decision)
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    return kind, run.cause, run.result


def with_ibu(work: WorkView, error: str, **ibu: Any) -> WorkView:
    assert work.feedback is not None
    return replace(work, applied=False, apply_error=error, feedback=replace(work.feedback, **ibu))


def test_a_refused_transition_is_final_after_two_minutes() -> None:
    engine, uid, work = armed()
    refused = with_ibu(work, REFUSED, next_stages=frozenset({Stage.IDLE}))
    assert after(engine, uid, stage=refused) == (
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
    engine, uid, work = armed()
    result = after(engine, uid, stage=with_ibu(work, REFUSED, **ibu))
    assert result == (ReasonKind.APPLY_ERROR, None, None)


def test_without_feedback_a_refused_transition_is_final_too() -> None:
    engine, uid, work = armed()
    refused = replace(work, applied=False, apply_error=REFUSED, feedback=None)
    assert after(engine, uid, stage=refused)[1] is Cause.TRANSITION_REFUSED


def test_a_refused_field_is_final_whatever_the_next_stages_say_and_is_named() -> None:
    engine, uid, work = armed()
    refused = with_ibu(work, SPEC, next_stages=frozenset({Stage.PREP}))
    assert after(engine, uid, stage=refused)[1] is Cause.SPEC_REFUSED
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    assert run.message.startswith("the cluster refused spec.seedImageRef: ")


def test_a_refused_field_is_named_at_once() -> None:
    engine, uid, work = armed()
    for decision in engine.ask(uid, "site-1", stage=with_ibu(work, SPEC)):
        engine.fleet.apply(decision)
    reason = engine.member(uid, 0, "site-1").reason
    assert reason.message.startswith("the cluster refused spec.seedImageRef: ")


@pytest.mark.parametrize("error", [FORBIDDEN, "namespaces openshift-x not found", "who knows"])
def test_other_errors_heal_and_are_shown(error: str) -> None:
    engine, uid, work = armed()
    assert after(engine, uid, stage=with_ibu(work, error)) == (ReasonKind.APPLY_ERROR, None, None)
    assert engine.member(uid, 0, "site-1").reason.message == error


def test_the_settle_time_restarts_when_the_cluster_was_unreachable() -> None:
    engine, uid, work = armed()
    refused = with_ibu(work, REFUSED, next_stages=frozenset())
    cluster = engine.cluster("site-1")
    assert cluster is not None
    for decision in engine.ask(uid, "site-1", stage=refused):
        engine.fleet.apply(decision)
    engine.now += SETTLE / 4
    away = replace(cluster, reachable=False)
    for decision in engine.ask(uid, "site-1", stage=refused, cluster=away):
        engine.fleet.apply(decision)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.UNREACHABLE
    engine.now += SETTLE * 3 / 4
    assert "ended refused" not in said(engine.ask(uid, "site-1", stage=refused))


def test_the_settle_time_restarts_with_the_sync() -> None:
    """A symptom may have gone while ibgu was away."""
    engine, uid, work = armed()
    refused = with_ibu(work, SPEC)
    for decision in engine.ask(uid, "site-1", stage=refused):
        engine.fleet.apply(decision)
    engine.now += SETTLE
    engine.facts = replace(engine.facts, in_sync_since=engine.now)
    assert "ended refused" not in said(engine.ask(uid, "site-1", stage=refused))


def test_a_refusal_by_the_cluster_gives_its_label() -> None:
    engine, uid, _ = armed()
    engine.spokes["site-1"].to("Prep")
    engine.spokes["site-1"].to("Upgrade")
    engine.frozen.clear()
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert member.cause is Cause.TRANSITION_REFUSED
    assert "lcm.openshift.io/ibgu-prep-failed" in engine.labels["site-1"]


def test_a_final_refusal_of_the_hub_ends_the_run_without_a_label() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.writes.clear()
    engine.refusals[uid, "site-1"] = "admission webhook denied the request"
    engine.touch(uid, "site-1")
    engine.wait(minutes=1)
    member = engine.member(uid, 0, "site-1")
    assert member.cause is Cause.WRITE_REFUSED
    assert "the hub refused the stage work: admission webhook" in member.message
    assert engine.labels["site-1"] == {}
