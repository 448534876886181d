"""R15.3: a member keeps what its cluster warned of, and until when it can be rolled back."""

from datetime import datetime, timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import LATE_COMPLETION_WATCH
from ibgu.core.model import Kind, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub
from tests.core.engine.decide.spoke import Spoke, told

MONTH = timedelta(days=30)
WARNING = "Thing[1] - CRD not deployed on cluster"


def joined(*clusters: str) -> InMemoryEngine:
    engine = InMemoryEngine(*clusters)
    Invariants(engine)
    for spoke in engine.spokes.values():
        spoke.certificates = MONTH
    return engine


def upgraded(*plan: str) -> InMemoryEngine:
    """Returns a fleet of one cluster that the rollout has just upgraded."""
    engine = joined("site-1")
    engine.apply(ibgu("a", *(plan or ("Prep", "Upgrade"))))
    engine.wait(hours=1)
    return engine


def spoke_of(engine: InMemoryEngine) -> Spoke:
    found = engine.spokes["site-1"]
    assert isinstance(found, Spoke)
    return found


def deadlines(engine: InMemoryEngine, uid: str = "uid-a") -> list[datetime | None]:
    return [step.members["site-1"].rollback_until for step in engine.tracked(uid).steps]


def test_the_member_that_upgraded_the_cluster_has_the_deadline() -> None:
    engine = upgraded()
    until = spoke_of(engine).rollback_until
    assert until is not None
    assert deadlines(engine) == [None, until]


def test_a_warning_stays_with_the_step_that_caused_it() -> None:
    engine = joined("site-1")
    spoke_of(engine).prep_warning = WARNING
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    warnings = [step.members["site-1"].warning for step in engine.tracked("uid-a").steps]
    assert warnings == [WARNING, ""]
    assert f"Prep succeeded, with a warning: {WARNING}" in engine.told(Kind.RUN_ENDED)
    assert engine.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


def test_a_warning_stays_through_the_whole_chain() -> None:
    engine = joined("site-1")
    spoke_of(engine).prep_warning = WARNING
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").warning == WARNING


def test_a_prep_that_was_done_before_brings_its_warning() -> None:
    engine = joined("site-1")
    spoke_of(engine).prep_warning = WARNING
    spoke_of(engine).to("Prep")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=1)
    member = engine.member("uid-a", 0, "site-1")
    assert member.warning == WARNING
    assert member.completed[0].note.startswith("was already prepared")
    [said] = engine.told(Kind.ACTION_SKIPPED)
    assert said.endswith(f", with a warning: {WARNING}")


def test_a_later_step_that_finalizes_the_cluster_closes_the_way_back() -> None:
    engine = upgraded("Prep", "Upgrade", "FinalizeUpgrade")
    assert engine.member("uid-a", 2, "site-1").outcome is Outcome.SUCCEEDED
    assert deadlines(engine) == [None, None, None]
    assert engine.told(Kind.ROLLBACK_DEADLINE) == ["it can't be rolled back any more"]


def test_a_chain_that_finalizes_leaves_none_either() -> None:
    engine = upgraded("Prep Upgrade FinalizeUpgrade")
    assert deadlines(engine) == [None]


def test_a_finalize_by_hand_ends_the_rollback_deadline() -> None:
    engine = upgraded()
    engine.wait(hours=1)
    assert spoke_of(engine).ask(Stage.IDLE, "", spoke_of(engine).seed)
    engine.wait(minutes=5)
    assert deadlines(engine) == [None, None]
    assert engine.told(Kind.ROLLBACK_DEADLINE) == ["it can't be rolled back any more"]


def test_another_rollout_closes_it_and_gets_none_itself() -> None:
    engine = upgraded()
    other = engine.apply(ibgu("b", "Rollback", age=-1))
    engine.wait(hours=1)
    assert engine.member(other, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert deadlines(engine) == [None, None]
    assert deadlines(engine, other) == [None]


def test_a_rollout_that_only_prepared_gets_none_from_anothers_upgrade() -> None:
    engine = joined("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    other = engine.apply(ibgu("b", "Upgrade", age=-1))
    engine.wait(hours=1)
    assert deadlines(engine) == [None]
    assert deadlines(engine, other) == [spoke_of(engine).rollback_until]


def test_an_upgrade_that_fails_behind_the_pivot_can_be_rolled_back_until_then() -> None:
    engine = joined("site-1")
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    spoke = spoke_of(engine)
    while spoke.rollback_until is None:
        engine.step()
    spoke.conditions["UpgradeCompleted"] = told("False", "Failed", "Upgrade failed")
    spoke.conditions["UpgradeInProgress"] = told("False", "Failed", "Failed restore CRs: a")
    engine.wait(minutes=5)
    assert engine.member("uid-a", 1, "site-1").outcome is Outcome.FAILED
    assert deadlines(engine) == [None, spoke.rollback_until]


def test_the_deadline_of_a_late_upgrade_is_noticed() -> None:
    engine = joined("site-1")
    spoke_of(engine).faults[Stage.UPGRADE] = "slow"
    engine.apply(ibgu("a", "Prep", "Upgrade", timeout=60))
    engine.wait(hours=2)
    assert deadlines(engine) == [None, None]
    engine.wait(hours=12)
    until = spoke_of(engine).rollback_until
    assert until is not None
    assert deadlines(engine) == [None, until]
    told_of = f"finalize or roll back by {until:%Y-%m-%dT%H:%M:%SZ}"
    assert engine.told(Kind.ROLLBACK_DEADLINE) == [told_of]


def test_an_unreachable_cluster_keeps_its_last_rollback_deadline() -> None:
    engine = upgraded()
    spoke = spoke_of(engine)
    until = spoke.rollback_until
    spoke.dark = True
    spoke.rollback_until = None
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    assert deadlines(engine) == [None, until]


@pytest.mark.parametrize("another", [False, True], ids=["gone", "re-created"])
def test_the_deadline_goes_with_its_cluster(*, another: bool) -> None:
    engine = upgraded()
    if another:
        spoke_of(engine).uid = "another"
    else:
        del engine.spokes["site-1"]
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    assert deadlines(engine) == [None, None]
    assert engine.told(Kind.ROLLBACK_DEADLINE) == ["the cluster is gone"]
    assert engine.warnings() == []


def test_a_restore_that_has_lost_the_cluster_keeps_it_until_the_resume() -> None:
    engine = joined("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.UPGRADE] = "slow"
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    until = spoke_of(engine).rollback_until
    saved = backup(engine)
    del engine.spokes["site-1"]
    restore_hub(engine, saved)
    engine.wait(minutes=5)
    assert deadlines(engine) == [None, until]
    engine.annotate("uid-a", resume="back")
    engine.wait(minutes=5)
    assert not engine.tracked("uid-a").rollout.stands_still
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    assert deadlines(engine) == [None, None]


def test_the_work_stays_until_the_deadline_and_no_longer() -> None:
    engine = upgraded()
    until = spoke_of(engine).rollback_until
    assert until is not None
    engine.drive(LATE_COMPLETION_WATCH + timedelta(days=1))
    assert ("uid-a", "site-1") in engine.works
    engine.drive(until - engine.now - timedelta(seconds=1))
    assert ("uid-a", "site-1") in engine.works
    engine.wait(seconds=2)
    assert ("uid-a", "site-1") not in engine.works
    assert deadlines(engine) == [None, None]
    assert engine.told(Kind.ROLLBACK_DEADLINE) == ["the rollback deadline has passed"]
    assert engine.warnings() == ["the rollback deadline has passed"]


def test_the_deadline_passes_for_an_unreachable_cluster_too() -> None:
    engine = upgraded()
    spoke_of(engine).dark = True
    engine.touch_cluster("site-1")
    engine.drive(MONTH)
    assert deadlines(engine) == [None, None]
    assert ("uid-a", "site-1") not in engine.works


def test_a_time_that_is_too_far_ahead_is_none() -> None:
    """A hostile cluster could keep its work, and a timer, for as long as the IBGU exists."""
    engine = joined("site-1")
    spoke_of(engine).certificates = timedelta(days=365 * 170)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    assert deadlines(engine) == [None, None]
    engine.drive(LATE_COMPLETION_WATCH + timedelta(days=1))
    assert ("uid-a", "site-1") not in engine.works


def test_a_way_back_that_is_over_already_is_none() -> None:
    engine = joined("site-1")
    spoke_of(engine).certificates = timedelta()
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    assert deadlines(engine) == [None, None]
