"""The doctor's judgement: from facts to findings."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.cli.doctor.facts import (
    Agents,
    ClockReading,
    Fleet,
    HubFacts,
    ImportOff,
    InvalidSources,
    JournalFacts,
    LeaseCheck,
    LeftOver,
    Missing,
    NotTried,
    PayloadAccess,
    PolicySets,
    Reach,
    References,
    Rights,
    Subject,
    Talm,
    Unknown,
    UnknownSource,
)
from ibgu.cli.doctor.findings import Finding, Level, error, exit_code, ok, skipped, warning
from ibgu.cli.doctor.judge_clocks import judge_clocks
from ibgu.cli.doctor.judge_hub import judge_hub
from ibgu.cli.doctor.judge_journal import judge_journal
from ibgu.cli.doctor.probe_hub import nothing
from ibgu.cli.doctor.show import as_text, body_of
from ibgu.cli.show.output_style import PLAIN
from ibgu.core.plan.references import UncheckedPolicy
from ibgu.core.views.leadership import Leadership as Leader
from ibgu.db.schema import VERSION
from ibgu.hub.authorization.consequences import consequence
from ibgu.hub.authorization.rights import ROLES, Right, needed, role_of
from ibgu.hub.election.competing_leases import CompetingLease
from tests.cli.doctor.samples import HEALTH, HUB, IBGU, NOW, health, hub, served, told

WORKS = "manifestworks"
CREATE = Right("create", "work.open-cluster-management.io", WORKS)
EVENTS = Right("create", "events.k8s.io", "events")
SECRET = Right("get", "", "secrets", "ran", "pull")
TWO = ("north", "south")
SHARED = Reach(tenancy=False, across_namespaces=True, namespaces=TWO)
APART = Reach(tenancy=False, across_namespaces=False, namespaces=TWO)
BOUND = Reach(tenancy=True, across_namespaces=False)
UNBOUND = Reach(tenancy=True, across_namespaces=False, namespaces=("north",))
NO_SETS = Reach(tenancy=True, across_namespaces=False, served=False)
RIVAL = CompetingLease("pod-1", "ibgu-system", "ibgu-controller")
FLAPPING = Leader("pod-1", 9, NOW, "pod-0", 6)
BEFORE_0_14 = frozenset({"Update", "CreateOnly", "ServerSideApply"})
NOC = UnknownSource("careful", "noc")
AWAY = Unknown("GET /version: ConnectionFailed: refused")


def rights(*refused: Right, subject: Subject = IBGU) -> Rights:
    return Rights(subject, 34, refused)


def payload(named: Rights, *absent: str) -> PayloadAccess:
    return PayloadAccess(named, Rights(IBGU, 6, ()), absent)


MEANT = PayloadAccess(Rights(IBGU, 1, ()), Rights(IBGU, 6, tuple(needed("payload-reader", "oadp"))))


@pytest.mark.parametrize(
    ("facts", "findings"),
    [
        (HUB, []),
        (hub(rights=rights(CREATE)), [("rights", "error"), ("inspections", "warning")]),
        (hub(rights=rights(CREATE), inspections=False), [("rights", "error")]),
        (hub(rights=rights(EVENTS)), [("rights", "warning")]),
        (hub(rights=AWAY), [("rights", "error")]),
        (hub(payload=payload(rights(SECRET))), [("ConfigMaps and secrets", "error")]),
        (hub(payload=payload(rights(SECRET), "ran")), [("ConfigMaps and secrets", "warning")]),
        (hub(payload=payload(Rights(IBGU, 0, ()))), [("ConfigMaps and secrets", "skipped")]),
        (hub(payload=MEANT), [("payload namespaces", "warning")]),
        (hub(payload=replace(MEANT, absent=("oadp",))), [("payload namespaces", "skipped")]),
        (hub(payload=replace(MEANT, meant=Rights(IBGU, 0, ()))), []),
        (hub(payload=AWAY), [("ConfigMaps and secrets", "error")]),
        (hub(references=References(UncheckedPolicy.TRUST)), [("references", "warning")]),
        (hub(references=References(UncheckedPolicy.NAMESPACE)), []),
        (
            hub(references=References(UncheckedPolicy.TRUST, NOW, ("ran/a",))),
            [("references", "warning")],
        ),
        (hub(references=AWAY), [("references", "error")]),
        (hub(reach=SHARED), [("tenancy", "warning")]),
        (hub(reach=APART), [("tenancy", "warning")]),
        (hub(reach=BOUND), []),
        (hub(reach=UNBOUND), [("tenancy", "warning")]),
        (hub(reach=NO_SETS), [("tenancy", "error")]),
        (hub(reach=AWAY), [("tenancy", "error")]),
        (hub(policy_sets=PolicySets(("a: x",))), [("cluster sets of policies", "warning")]),
        (hub(policy_sets=PolicySets((), ("a: x",))), [("cluster sets of policies", "error")]),
        (hub(policy_sets=AWAY), [("cluster sets of policies", "error")]),
        (hub(served=AWAY), [("APIs", "error")]),
        (
            hub(served=served(works=False, update_strategies=frozenset())),
            [("Open Cluster Management", "error"), ("inspections", "warning")],
        ),
        (
            hub(served=served(update_strategies=frozenset({"Update"}))),
            [("Open Cluster Management", "error"), ("inspections", "warning")],
        ),
        (hub(served=served(ibgu_status=frozenset())), [("ImageBasedGroupUpgrade", "error")]),
        (
            hub(served=served(ibgu_status=frozenset({"clusters"}))),
            [("ImageBasedGroupUpgrade", "warning")],
        ),
        (hub(served=served(feedback_by_watch=False)), [("feedback", "warning")]),
        (hub(served=served(update_strategies=BEFORE_0_14)), [("inspections", "warning")]),
        (hub(served=served(update_strategies=BEFORE_0_14), inspections=False), []),
        (hub(inspections=False), []),
        (
            hub(served=served(works=False, update_strategies=frozenset()), inspections=False),
            [("Open Cluster Management", "error")],
        ),
        (hub(served=served(seed_images=False)), [("seed images", "warning")]),
        (hub(served=served(fleet_updates=False)), [("FleetUpdate", "skipped")]),
        (hub(served=served(rollout_policies=False)), [("RolloutPolicy", "skipped")]),
        (hub(leadership=LeaseCheck("x", "namespaces x not found")), [("leadership", "error")]),
        (hub(leadership=LeaseCheck("x", rival=RIVAL)), [("leadership", "error")]),
        (hub(leadership=AWAY), [("leadership", "error")]),
        (hub(talm=Talm("openshift-operators", "no policy")), [("TALM", "error")]),
        (hub(talm=Talm("openshift-operators", breaches={"ran": "a group"})), [("TALM", "error")]),
        (hub(talm=Talm("openshift-operators", unsettled="it is new")), [("TALM", "skipped")]),
        (hub(talm=Talm("ns", "no policy", unsettled="it is new")), [("TALM", "error")]),
        (hub(talm=Talm("openshift-operators")), []),
        (hub(talm=Talm("ns"), served=served(ibgu_status=frozenset({"clusters"}))), []),
        (hub(talm=NotTried("not allowed")), [("TALM", "skipped")]),
        (hub(fleet=Fleet()), [("clusters", "warning")]),
        (hub(fleet=Fleet(total=3, accepted=3, available=2)), [("clusters", "warning")]),
        (hub(fleet=Fleet(total=3, accepted=3, available=3, deleting=1)), []),
        (hub(fleet=AWAY), [("clusters", "error")]),
        (hub(agents=Agents()), [("agents", "skipped")]),
        (hub(agents=Agents(works=2, without_lca=("a",))), [("Lifecycle Agent", "warning")]),
        (hub(agents=Agents(works=2, forbidden=("a", "b"))), [("work agents", "warning")]),
        (hub(agents=AWAY), [("agents", "error")]),
        (hub(left_over=(LeftOver("site-7", "ibgu-prepare-dpa"),)), [("preparations", "warning")]),
        (hub(left_over=AWAY), []),
        (hub(import_off=(ImportOff("site-7", "uid-a"),)), [("automatic import", "warning")]),
        (hub(import_off=AWAY), []),
        (hub(health_sources=(NOC,)), [("health sources", "warning")]),
        (hub(health_sources=InvalidSources("no YAML")), [("health sources", "error")]),
        (hub(health_sources=AWAY), []),
        (nothing(AWAY), [("hub", "error")]),
        (nothing(NotTried("KUBECONFIG is not set")), [("hub", "skipped")]),
    ],
)
def test_hub_facts_lead_to_findings(facts: HubFacts, findings: list[tuple[str, str]]) -> None:
    assert told(list(judge_hub(facts, user=False))) == findings


@pytest.mark.parametrize(
    ("facts", "findings"),
    [
        (HEALTH, []),
        (NotTried("DATABASE_URL is not set"), [("database", "skipped")]),
        (AWAY, [("database", "error")]),
        (health(version=130005), [("database", "error")]),
        (health(read_only=True), [("database", "error")]),
        (health(milliseconds=25.0), [("database", "warning")]),
        (health(revision=None), [("schema", "error")]),
        (health(revision=None, may_create=False), [("schema", "error")]),
        (health(revision=str(VERSION + 1)), [("schema", "error")]),
        (health(denied=("claims",)), [("schema", "error")]),
        (health(free_connections=3), [("connections", "warning")]),
        (health(leaderships=(FLAPPING,)), [("leader", "warning")]),
        (health(unreadable=("default/mine (uid u): no spec",)), [("records", "error")]),
    ],
)
def test_journal_facts_lead_to_findings(
    facts: JournalFacts, findings: list[tuple[str, str]]
) -> None:
    assert told(list(judge_journal(facts))) == findings


def clock(seconds: float) -> ClockReading:
    return ClockReading(NOW + timedelta(seconds=seconds), NOW, timedelta(seconds=0.5))


@pytest.mark.parametrize(
    ("hubs", "database", "levels"),
    [
        (clock(0), 0, []),
        (clock(5.4), 0, []),
        (clock(6), 0, ["warning"]),
        (clock(-6), 0, ["warning"]),
        (clock(0), 6, ["warning"]),
        (clock(-3), 58, ["error", "warning"]),
        (clock(3600), 3600, ["warning", "warning"]),
        (AWAY, 6, ["warning"]),
        (clock(6), None, ["warning"]),
        (AWAY, None, ["skipped"]),
    ],
)
def test_clock_differences_lead_to_findings(
    hubs: ClockReading | Missing, database: float | None, levels: list[str]
) -> None:
    now = NOW + timedelta(seconds=database or 0)
    journal: JournalFacts = AWAY if database is None else health(now=now)
    found = told(list(judge_clocks(hub(clock=hubs), journal)))
    assert found == [("clocks", level) for level in levels]


def inspections(facts: HubFacts) -> Finding:
    [found] = (f for f in judge_hub(facts, user=False) if f.check == "inspections")
    return found


def test_inspections_say_what_they_lack() -> None:
    old = served(update_strategies=BEFORE_0_14)
    found = inspections(hub(served=old))
    assert "update strategy ReadOnly, which came with Open Cluster Management 0.14" in found.found
    assert found.do.startswith("upgrade Open Cluster Management")
    assert (
        "came with Open Cluster Management 0.14"
        in inspections(hub(served=old, inspections=False)).found
    )
    watch = Right("watch", "work.open-cluster-management.io", WORKS)
    found = inspections(hub(rights=rights(CREATE, watch, EVENTS)))
    assert "ibgu may not create, watch ManifestWorks" in found.found
    off = inspections(hub(rights=rights(CREATE), inspections=False))
    assert off.found == "off (IBGU_PREFLIGHT_INSPECTIONS); the hub could carry them"


def test_works_of_a_killed_command_are_named_with_what_ends_them() -> None:
    works = tuple(LeftOver(f"site-{number}", "ibgu-prepare-dpa") for number in range(5))
    [found] = [
        each for each in judge_hub(hub(left_over=works), user=False) if each.check == "preparations"
    ]
    assert found.found.endswith(
        "ibgu-prepare-dpa in site-0, ibgu-prepare-dpa in site-1, ibgu-prepare-dpa in site-2 and "
        "2 more"
    )
    assert found.do.endswith("oc delete manifestwork ibgu-prepare-dpa -n site-0")


def test_clusters_without_automatic_import_are_named_with_what_turns_it_on() -> None:
    off = tuple(ImportOff(f"site-{number}", "uid-a") for number in range(4))
    [found] = [
        each
        for each in judge_hub(hub(import_off=off), user=False)
        if each.check == "automatic import"
    ]
    assert found.found.endswith("for a rollout that is gone: site-0, site-1, site-2 and 1 more")
    assert found.do.endswith(
        "oc annotate managedcluster site-0 "
        "import.open-cluster-management.io/disable-auto-import- ibgu.dev/auto-import-by-"
    )


def test_three_sources_that_ibgu_does_not_know_are_named() -> None:
    [found] = [
        each
        for each in judge_hub(hub(health_sources=(NOC,) * 5), user=False)
        if each.check == "health sources"
    ]
    named = "noc in careful"
    assert found.found.endswith(f"that they hold: {named}, {named}, {named} and 2 more")


def test_an_error_says_who_may_not_do_what_and_how_to_allow_it() -> None:
    lease = Right("patch", "coordination.k8s.io", "leases", "ibgu-system", "ibgu-controller")
    (first, second) = (
        finding
        for finding in judge_hub(hub(rights=rights(CREATE, lease)), user=False)
        if finding.check == "rights"
    )
    assert first.found == (
        f"{IBGU.name} may not create manifestworks.work.open-cluster-management.io: "
        "no cluster is reached for the first time"
    )
    assert first.do.endswith(
        "oc create clusterrolebinding ibgu-controller --clusterrole=ibgu-controller "
        "--serviceaccount=ibgu-system:ibgu"
    )
    assert second.do.endswith(
        "oc create rolebinding ibgu-leader -n ibgu-system --role=ibgu-leader "
        "--serviceaccount=ibgu-system:ibgu"
    )


def test_an_unreadable_secret_is_named_with_the_command_that_grants_it() -> None:
    facts = hub(payload=payload(rights(SECRET, subject=Subject("kate"))))
    (found,) = (f for f in judge_hub(facts, user=False) if f.level is Level.ERROR)
    assert "in namespace ran: secret pull" in found.found
    assert found.do == (
        "oc create rolebinding ibgu-payload-reader -n ran "
        "--clusterrole=ibgu-payload-reader --user=kate"
    )


@pytest.mark.parametrize(
    ("rule", "done"),
    [
        (UncheckedPolicy.TRUST, "what they refer to is trusted"),
        (UncheckedPolicy.NAMESPACE, "their ConfigMaps of other namespaces are refused"),
    ],
)
def test_ibgus_that_nobody_has_checked_are_named(rule: UncheckedPolicy, done: str) -> None:
    facts = hub(references=References(rule, NOW, ("ran/a", "ran/b", "ran/c", "ran/d")))
    (found,) = (f for f in judge_hub(facts, user=False) if f.check == "references")
    assert found.found.endswith(f"so unchecked: ran/a, ran/b, ran/c, …; {done}")


@pytest.mark.parametrize(
    ("reach", "words", "do"),
    [
        (
            SHARED,
            "off, and 2 namespaces (north, south) have rollouts: each of them reaches the whole "
            "fleet, and an Abort, Rollback or Retract there cancels the others' rollouts",
            "set IBGU_TENANCY=clustersets",
        ),
        (
            APART,
            "off, and 2 namespaces (north, south) have rollouts: each of them reaches the whole "
            "fleet",
            "set IBGU_TENANCY=clustersets",
        ),
        (
            UNBOUND,
            "no ManagedClusterSet is bound to north: the rollouts there may not use any cluster",
            "clusteradm clusterset bind SET --namespace NAMESPACE",
        ),
        (
            NO_SETS,
            "IBGU_TENANCY=clustersets, and the hub serves no ManagedClusterSets and bindings "
            "(cluster.open-cluster-management.io/v1beta2): no rollout may use a cluster",
            "set IBGU_TENANCY=off",
        ),
    ],
)
def test_tenancy_finding_depends_on_what_namespaces_reach(
    reach: Reach, words: str, do: str
) -> None:
    (found,) = (f for f in judge_hub(hub(reach=reach), user=False) if f.check == "tenancy")
    assert found.found == words
    assert do in found.do


@pytest.mark.parametrize(
    ("right", "level"),
    [
        (Right("get", "lcm.openshift.io", "imagebasedgroupupgrades", "ran"), "error"),
        (Right("get", "cluster.open-cluster-management.io", "managedclusters"), "warning"),
        (Right("patch", "lcm.openshift.io", "imagebasedgroupupgrades", "ran"), "warning"),
    ],
)
def test_a_user_needs_less(right: Right, level: str) -> None:
    facts = hub(rights=rights(right), served=NotTried("ibgu's own matter"))
    assert told(list(judge_hub(facts, user=True))) == [("rights", level)]


@pytest.mark.parametrize("role", ROLES)
def test_every_right_of_the_chart_means_something(role: str) -> None:
    for right in needed(role, "ibgu-system" if role == "leader" else "", "any"):
        assert role_of(right) in (role, "controller")
        assert consequence(right).words


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([ok("a", ""), skipped("b", "")], 0),
        ([ok("a", ""), warning("b", "", "x")], 1),
        ([error("a", "", "x"), warning("b", "", "x")], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code
    assert body_of(findings)["exitCode"] == code


def test_advice_for_several_in_a_row_is_given_once() -> None:
    findings = [error("a", "one", "do this"), error("a", "two", "do this"), ok("b", "fine")]
    assert list(as_text(findings, PLAIN)) == [
        "✗ error    a  one",
        "✗ error    a  two",
        "              → do this",
        "✔ ok       b  fine",
        "2 errors, 1 ok",
    ]


def test_each_warning_and_error_says_what_to_do() -> None:
    spoilt = [
        hub(rights=rights(CREATE, EVENTS)),
        hub(payload=payload(rights(SECRET)), references=References(UncheckedPolicy.TRUST)),
        hub(payload=payload(rights(SECRET), "ran")),
        hub(payload=MEANT),
        hub(references=References(UncheckedPolicy.TRUST, NOW, ("ran/a",))),
        hub(served=served(works=False, ibgu_status=frozenset())),
        hub(talm=Talm("a", "no policy"), fleet=Fleet(), leadership=LeaseCheck("x", "y")),
        hub(agents=Agents(works=5, without_lca=tuple("abcde"), forbidden=("a",))),
        *(hub(reach=reach) for reach in (SHARED, UNBOUND, NO_SETS)),
        nothing(AWAY),
    ]
    for facts in spoilt:
        for finding in judge_hub(facts, user=False):
            acted = finding.level in (Level.WARNING, Level.ERROR)
            assert bool(finding.do) or not acted, finding
