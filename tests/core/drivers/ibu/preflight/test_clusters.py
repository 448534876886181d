"""P10, P33, P34 and P36."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import RuleOutcome
from tests.core.drivers.ibu.preflight.hub import ITSELF, WELL, cluster, outcome, told

NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)
TOPOLOGY = "ManagedCluster status.clusterClaims[controlplanetopology.openshift.io]"


def test_clusters_of_several_nodes_have_no_image_based_upgrade() -> None:
    fleet = (
        cluster("site-1"),
        cluster("site-2", topology="HighlyAvailable"),
        cluster("site-3", topology=""),
    )
    assert told("P10", replace(WELL, clusters=fleet)) == [
        f"error site-2 {TOPOLOGY}: are HighlyAvailable, not SingleReplica",
        f"unknown site-3 {TOPOLOGY}: report no topology",
    ]
    assert outcome("P10", WELL) is RuleOutcome.PASSED


def test_clusters_that_can_not_start_now() -> None:
    fleet = (
        cluster("site-1"),
        replace(cluster("site-2"), accepted=False),
        replace(cluster("site-3"), deleting=True, reachable=False),
        cluster("site-4", Available="Unknown"),
        cluster("site-5", Available="False"),
        cluster("site-6", ClockSynced="False"),
    )
    facts = replace(WELL, clusters=fleet)
    dark = "are not reachable now: they wait, and start when they are back"
    condition = "ManagedCluster status.conditions"
    assert told("P33", facts) == [
        "error site-2 ManagedCluster spec.hubAcceptsClient: are not accepted by the hub: no "
        "rollout selects them",
        "error site-3 ManagedCluster spec.hubAcceptsClient: are being deleted: no rollout selects "
        "them",
        f"warning site-4,site-5 {condition}[ManagedClusterConditionAvailable]: {dark}",
        f"warning site-6 {condition}[ManagedClusterConditionClockSynced]: have a "
        "different time than "
        "the hub: certificates and deadlines may be rejected",
    ]
    rebooting = told("P33", replace(facts, in_flight=frozenset({"site-4"})))
    assert rebooting[2].startswith("warning site-5 ")
    assert outcome("P33", WELL) is RuleOutcome.PASSED


def test_clusters_that_another_rollout_works_on() -> None:
    facts = replace(WELL, holders={"site-2": "ran/other", "site-9": "ran/third"})
    assert told("P34", facts) == [
        "warning site-2 ManagedCluster: wait for ran/other, which works on them"
    ]
    assert outcome("P34", WELL) is RuleOutcome.PASSED


def test_a_rollback_that_comes_too_late() -> None:
    late = {"site-1": NOW + timedelta(minutes=30)}
    facts = replace(WELL, rollback_until=late, rollback_over=frozenset({"site-2"}))
    over = (
        "error site-2 ManagedCluster: can't be rolled back any more: their rollback deadline has "
        "passed, so they refuse a Rollback"
    )
    assert told("P36", facts) == [over]
    assert told("P36", replace(facts, ends=NOW + timedelta(hours=1))) == [
        over,
        f"warning {ITSELF.object}: the first cluster can be rolled back until 2026-01-01T03:30:00Z "
        "only: a cluster that has not begun by its own deadline is refused",
    ]
    in_time = replace(WELL, rollback_until=late, ends=NOW + timedelta(minutes=20))
    assert outcome("P36", in_time) is RuleOutcome.PASSED
