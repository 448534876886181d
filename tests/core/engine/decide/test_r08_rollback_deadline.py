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
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    spoke = twin.spokes["site-1"]
    spoke.certificates = valid
    spoke.to("Prep")
    spoke.to("Upgrade")
    twin.labels["site-1"] = {"lcm.openshift.io/ibgu-upgrade-completed": ""}
    return twin


def test_a_rollback_after_the_deadline_is_refused_with_the_deadline() -> None:
    twin = upgraded(valid=DAY)
    until = twin.spokes["site-1"].rollback_until
    twin.drive(2 * DAY)
    uid = twin.apply(ibgu("b", "Rollback"))
    twin.wait(minutes=1)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert until is not None
    assert member.message == f"Rollback was possible until {until:%Y-%m-%dT%H:%M:%SZ} only"
    assert twin.spokes["site-1"].executed == []
    known = IBU.failure(Action.ROLLBACK, member.message)
    assert known is not None
    assert known.name == "RollbackExpired"


def test_a_rollback_before_the_deadline_or_without_one_succeeds() -> None:
    for valid in (DAY, None):
        twin = upgraded(valid=valid)
        uid = twin.apply(ibgu("b", "Rollback"))
        twin.wait(hours=1)
        assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_deadline_may_pass_between_probe_and_write() -> None:
    twin = upgraded(valid=timedelta(minutes=30))
    uid = twin.apply(ibgu("b", "Rollback"))
    twin.until(Kind.RUN_ARMING)
    twin.forbidden = True
    twin.wait(hours=1)
    twin.allow()
    twin.wait(minutes=5)
    assert "was possible until" in twin.member(uid, 0, "site-1").message
    assert twin.spokes["site-1"].executed == []


def test_the_deadline_may_pass_while_the_cluster_waits_for_a_slot() -> None:
    twin = upgraded(valid=DAY)
    twin.spokes["site-1"].rollback_until = twin.now + timedelta(minutes=5)
    first = twin.join("site-0")
    first.to("Prep")
    first.to("Upgrade")
    twin.labels["site-0"] = dict(twin.labels["site-1"])
    uid = twin.apply(ibgu("b", "Rollback", concurrency=1))
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-0").outcome is Outcome.SUCCEEDED
    assert twin.member(uid, 0, "site-1").cause is Cause.WRONG_STATE
    assert twin.spokes["site-1"].executed == []


def test_other_actions_have_no_such_deadline() -> None:
    twin = upgraded(valid=DAY)
    twin.drive(2 * DAY)
    uid = twin.apply(ibgu("b", "FinalizeUpgrade"))
    twin.wait(minutes=10)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
