"""R46.11: which of the failures that came preflight had found before."""

from datetime import UTC, datetime

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.failures import KNOWN
from ibgu.core.drivers.ibu.preflight.recall import FailedClusters, RecalledFailure, recall
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding

AT = datetime(2026, 1, 1, tzinfo=UTC)
FULL = RecordedFinding("P31", FindingSeverity.ERROR, "have a full disk", ("site-1", "site-4"))
PREP = Action.PREP
FAILURES = {str(each.name): each for each in KNOWN}
STATEROOT, OADP = FAILURES["StaterootFailed"], FAILURES["OadpMissing"]


def test_every_rule_that_foresees_a_failure_exists() -> None:
    known = {rule.id for rule in RULES}
    assert {rule for each in KNOWN for rule in each.rules} <= known


def test_a_failure_counts_by_what_was_found_of_its_cluster() -> None:
    record = PreflightRecord(AT, (FULL,), ("P6",))
    stateroot = FailedClusters(PREP, STATEROOT, ("site-1", "site-2"))
    found = recall(record, [stateroot], {"site-4"})
    assert found.failures == (RecalledFailure(PREP, STATEROOT, found=1, missed=1),)
    assert found.unfounded == 1
    assert (found.total(), found.total(foreseeable=False)) == (2, 0)


def test_a_rule_that_could_not_be_checked_missed_nothing() -> None:
    record = PreflightRecord(AT, (), ("P31",))
    found = recall(record, [FailedClusters(PREP, STATEROOT, ("site-1",))], ())
    assert found.failures[0].unknown == 1
    assert found.failures[0].missed == 0


def test_an_error_of_the_plan_foresees_the_failure_of_every_cluster() -> None:
    unread = RecordedFinding("P13", FindingSeverity.ERROR, "ConfigMap a/b: was not found")
    record = PreflightRecord(AT, (unread,))
    failed = FailedClusters(PREP, FAILURES["OadpConfigMapMissing"], ("site-1", "site-2"))
    assert recall(record, [failed], ()).failures[0].found == 2


def test_failures_of_one_kind_count_together_and_the_most_frequent_comes_first() -> None:
    failed = [
        FailedClusters(PREP, None, ("site-9",)),
        FailedClusters(PREP, OADP, ("site-1",)),
        FailedClusters(PREP, OADP, ("site-2",)),
    ]
    found = recall(PreflightRecord(AT), failed, ())
    assert [(each.failure, each.count) for each in found.failures] == [
        (OADP, 2),
        (None, 1),
    ]
    assert found.total(foreseeable=False) == 1


def test_a_failure_that_no_rule_looks_for_was_not_missed_by_one() -> None:
    reboot = FailedClusters(PREP, FAILURES["RebootFailed"], ("site-1",))
    found = recall(PreflightRecord(AT), [reboot], ())
    assert found.failures[0].rules == ()
    assert found.total() == 0
