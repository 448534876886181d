"""R8.9: a Rollback starts only before the cluster's rollback deadline."""

from datetime import timedelta

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Kind, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

DAY = timedelta(days=1)


def upgraded(*, valid: timedelta | None) -> InMemoryEngine:
    """Returns a fleet of one cluster that was upgraded by hand a moment ago."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    spoke.certificates = valid
    spoke.to("Prep")
    spoke.to("Upgrade")
    engine.labels["site-1"] = {"lcm.openshift.io/ibgu-upgrade-completed": ""}
    return engine


def test_a_rollback_after_the_deadline_is_refused_with_the_deadline() -> None:
    engine = upgraded(valid=DAY)
    until = engine.spokes["site-1"].rollback_until
    engine.drive(2 * DAY)
    uid = engine.apply(ibgu("b", "Rollback"))
    engine.wait(minutes=1)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert until is not None
    assert member.message == f"Rollback was possible until {until:%Y-%m-%dT%H:%M:%SZ} only"
    assert engine.spokes["site-1"].executed == []
    known = IBU.failure(Action.ROLLBACK, member.message)
    assert known is not None
    assert known.name == "RollbackExpired"


def test_a_rollback_before_the_deadline_or_without_one_succeeds() -> None:
    for valid in (DAY, None):
        engine = upgraded(valid=valid)
        uid = engine.apply(ibgu("b", "Rollback"))
        engine.wait(hours=1)
        assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_deadline_may_pass_between_probe_and_write() -> None:
    engine = upgraded(valid=timedelta(minutes=30))
    uid = engine.apply(ibgu("b", "Rollback"))
    engine.until(Kind.RUN_ARMING)
    engine.forbidden = True
    engine.wait(hours=1)
    engine.allow()
    engine.wait(minutes=5)
    assert "was possible until" in engine.member(uid, 0, "site-1").message
    assert engine.spokes["site-1"].executed == []


def test_the_deadline_may_pass_while_the_cluster_waits_for_a_slot() -> None:
    engine = upgraded(valid=DAY)
    engine.spokes["site-1"].rollback_until = engine.now + timedelta(minutes=5)
    first = engine.join("site-0")
    first.to("Prep")
    first.to("Upgrade")
    engine.labels["site-0"] = dict(engine.labels["site-1"])
    uid = engine.apply(ibgu("b", "Rollback", concurrency=1))
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-0").outcome is Outcome.SUCCEEDED
    assert engine.member(uid, 0, "site-1").cause is Cause.WRONG_STATE
    assert engine.spokes["site-1"].executed == []


def test_other_actions_have_no_such_deadline() -> None:
    engine = upgraded(valid=DAY)
    engine.drive(2 * DAY)
    uid = engine.apply(ibgu("b", "FinalizeUpgrade"))
    engine.wait(minutes=10)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
