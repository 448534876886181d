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
    twin = InMemoryEngine(*clusters)
    Invariants(twin)
    for spoke in twin.spokes.values():
        spoke.certificates = MONTH
    return twin


def upgraded(*plan: str) -> InMemoryEngine:
    """Returns a fleet of one cluster that the rollout has just upgraded."""
    twin = joined("site-1")
    twin.apply(ibgu("a", *(plan or ("Prep", "Upgrade"))))
    twin.wait(hours=1)
    return twin


def spoke_of(twin: InMemoryEngine) -> Spoke:
    found = twin.spokes["site-1"]
    assert isinstance(found, Spoke)
    return found


def deadlines(twin: InMemoryEngine, uid: str = "uid-a") -> list[datetime | None]:
    return [step.members["site-1"].rollback_until for step in twin.tracked(uid).steps]


def test_the_member_that_upgraded_the_cluster_has_the_deadline() -> None:
    twin = upgraded()
    until = spoke_of(twin).rollback_until
    assert until is not None
    assert deadlines(twin) == [None, until]


def test_a_warning_stays_with_the_step_that_caused_it() -> None:
    twin = joined("site-1")
    spoke_of(twin).prep_warning = WARNING
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    warnings = [step.members["site-1"].warning for step in twin.tracked("uid-a").steps]
    assert warnings == [WARNING, ""]
    assert f"Prep succeeded, with a warning: {WARNING}" in twin.told(Kind.RUN_ENDED)
    assert twin.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


def test_a_warning_stays_through_the_whole_chain() -> None:
    twin = joined("site-1")
    spoke_of(twin).prep_warning = WARNING
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").warning == WARNING


def test_a_prep_that_was_done_before_brings_its_warning() -> None:
    twin = joined("site-1")
    spoke_of(twin).prep_warning = WARNING
    spoke_of(twin).to("Prep")
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=1)
    member = twin.member("uid-a", 0, "site-1")
    assert member.warning == WARNING
    assert member.completed[0].note.startswith("was already prepared")
    [said] = twin.told(Kind.ACTION_SKIPPED)
    assert said.endswith(f", with a warning: {WARNING}")


def test_a_later_step_that_finalizes_the_cluster_closes_the_way_back() -> None:
    twin = upgraded("Prep", "Upgrade", "FinalizeUpgrade")
    assert twin.member("uid-a", 2, "site-1").outcome is Outcome.SUCCEEDED
    assert deadlines(twin) == [None, None, None]
    assert twin.told(Kind.ROLLBACK_DEADLINE) == ["it can't be rolled back any more"]


def test_a_chain_that_finalizes_leaves_none_either() -> None:
    twin = upgraded("Prep Upgrade FinalizeUpgrade")
    assert deadlines(twin) == [None]


def test_a_finalize_by_hand_ends_the_rollback_deadline() -> None:
    twin = upgraded()
    twin.wait(hours=1)
    assert spoke_of(twin).ask(Stage.IDLE, "", spoke_of(twin).seed)
    twin.wait(minutes=5)
    assert deadlines(twin) == [None, None]
    assert twin.told(Kind.ROLLBACK_DEADLINE) == ["it can't be rolled back any more"]


def test_another_rollout_closes_it_and_gets_none_itself() -> None:
    twin = upgraded()
    other = twin.apply(ibgu("b", "Rollback", age=-1))
    twin.wait(hours=1)
    assert twin.member(other, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert deadlines(twin) == [None, None]
    assert deadlines(twin, other) == [None]


def test_a_rollout_that_only_prepared_gets_none_from_anothers_upgrade() -> None:
    twin = joined("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    other = twin.apply(ibgu("b", "Upgrade", age=-1))
    twin.wait(hours=1)
    assert deadlines(twin) == [None]
    assert deadlines(twin, other) == [spoke_of(twin).rollback_until]


def test_an_upgrade_that_fails_behind_the_pivot_can_be_rolled_back_until_then() -> None:
    twin = joined("site-1")
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    spoke = spoke_of(twin)
    while spoke.rollback_until is None:
        twin.step()
    spoke.conditions["UpgradeCompleted"] = told("False", "Failed", "Upgrade failed")
    spoke.conditions["UpgradeInProgress"] = told("False", "Failed", "Failed restore CRs: a")
    twin.wait(minutes=5)
    assert twin.member("uid-a", 1, "site-1").outcome is Outcome.FAILED
    assert deadlines(twin) == [None, spoke.rollback_until]


def test_the_deadline_of_a_late_upgrade_is_noticed() -> None:
    twin = joined("site-1")
    spoke_of(twin).faults[Stage.UPGRADE] = "slow"
    twin.apply(ibgu("a", "Prep", "Upgrade", timeout=60))
    twin.wait(hours=2)
    assert deadlines(twin) == [None, None]
    twin.wait(hours=12)
    until = spoke_of(twin).rollback_until
    assert until is not None
    assert deadlines(twin) == [None, until]
    told_of = f"finalize or roll back by {until:%Y-%m-%dT%H:%M:%SZ}"
    assert twin.told(Kind.ROLLBACK_DEADLINE) == [told_of]


def test_an_unreachable_cluster_keeps_its_last_rollback_deadline() -> None:
    twin = upgraded()
    spoke = spoke_of(twin)
    until = spoke.rollback_until
    spoke.dark = True
    spoke.rollback_until = None
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    assert deadlines(twin) == [None, until]


@pytest.mark.parametrize("another", [False, True], ids=["gone", "re-created"])
def test_the_deadline_goes_with_its_cluster(*, another: bool) -> None:
    twin = upgraded()
    if another:
        spoke_of(twin).uid = "another"
    else:
        del twin.spokes["site-1"]
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    assert deadlines(twin) == [None, None]
    assert twin.told(Kind.ROLLBACK_DEADLINE) == ["the cluster is gone"]
    assert twin.warnings() == []


def test_a_restore_that_has_lost_the_cluster_keeps_it_until_the_resume() -> None:
    twin = joined("site-1", "site-2")
    twin.spokes["site-2"].faults[Stage.UPGRADE] = "slow"
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    until = spoke_of(twin).rollback_until
    saved = backup(twin)
    del twin.spokes["site-1"]
    restore_hub(twin, saved)
    twin.wait(minutes=5)
    assert deadlines(twin) == [None, until]
    twin.annotate("uid-a", resume="back")
    twin.wait(minutes=5)
    assert not twin.tracked("uid-a").rollout.stands_still
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    assert deadlines(twin) == [None, None]


def test_the_work_stays_until_the_deadline_and_no_longer() -> None:
    twin = upgraded()
    until = spoke_of(twin).rollback_until
    assert until is not None
    twin.drive(LATE_COMPLETION_WATCH + timedelta(days=1))
    assert ("uid-a", "site-1") in twin.works
    twin.drive(until - twin.now - timedelta(seconds=1))
    assert ("uid-a", "site-1") in twin.works
    twin.wait(seconds=2)
    assert ("uid-a", "site-1") not in twin.works
    assert deadlines(twin) == [None, None]
    assert twin.told(Kind.ROLLBACK_DEADLINE) == ["the rollback deadline has passed"]
    assert twin.warnings() == ["the rollback deadline has passed"]


def test_the_deadline_passes_for_an_unreachable_cluster_too() -> None:
    twin = upgraded()
    spoke_of(twin).dark = True
    twin.touch_cluster("site-1")
    twin.drive(MONTH)
    assert deadlines(twin) == [None, None]
    assert ("uid-a", "site-1") not in twin.works


def test_a_time_that_is_too_far_ahead_is_none() -> None:
    """A hostile cluster could keep its work, and a timer, for as long as the IBGU exists."""
    twin = joined("site-1")
    spoke_of(twin).certificates = timedelta(days=365 * 170)
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    assert deadlines(twin) == [None, None]
    twin.drive(LATE_COMPLETION_WATCH + timedelta(days=1))
    assert ("uid-a", "site-1") not in twin.works


def test_a_way_back_that_is_over_already_is_none() -> None:
    twin = joined("site-1")
    spoke_of(twin).certificates = timedelta()
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    assert deadlines(twin) == [None, None]
