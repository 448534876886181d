"""P6 to P10 and P30 to P32: each finds its defect, and passes a cluster where all is well."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome, judge
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, Reading, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT,
    AGENT_OPERATOR,
    BACKUP_STORAGE,
    DPA,
    ETCD,
    IBU,
    INFRASTRUCTURE,
    LOCAL_STORAGE,
    LVM_STORAGE,
    NETWORK,
    OADP_OPERATOR,
    PARTITION,
    PROXY,
    VELERO,
    InspectedObject,
)
from ibgu.core.model.kinds import IbuSpec, JsonObject, RolloutSpec
from tests.core.drivers.ibu.preflight.answers import AT, NODE, condition, facts, objects, operator
from tests.core.drivers.ibu.preflight.hub import WELL, cluster, outcome, told

RULES = ("P6", "P7", "P8", "P9", "P10", "P30", "P31", "P32")


def own_place(name: str) -> dict[InspectedObject, JsonObject | None]:
    storage = objects()[BACKUP_STORAGE]
    place = {**storage["spec"], "objectStorage": {"bucket": "backups", "prefix": name}}
    return {BACKUP_STORAGE: {**storage, "spec": place}}


def hub(*found: InspectedFacts | None, **more: Any) -> PreflightFacts:
    """A fleet whose last clusters gave these answers; the first ones have nothing wrong."""
    answers = [facts(own_place("site-a")), facts(own_place("site-b")), *found]
    clusters = tuple(
        replace(cluster(f"site-{n}"), inspected=each) for n, each in enumerate(answers, 1)
    )
    return replace(WELL, clusters=clusters, first=Action.PREP, **more)


def changed(*missing: str, **more: Any) -> InspectedFacts:
    changes = {**own_place("site-c"), **more.pop("changes", {})}
    return facts(changes, frozenset(missing), **more)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_passes_clusters_where_all_is_well(rule: str) -> None:
    assert outcome(rule, hub()) is RuleOutcome.PASSED


def ibu(stage: str, *conditions: JsonObject, nexts: tuple[str, ...] = ()) -> JsonObject:
    status = {"conditions": [*conditions], "validNextStages": [*nexts]}
    return {"spec": {"stage": stage}, "status": status}


WITHOUT_SPACE: dict[InspectedObject, JsonObject | None] = {
    NODE: {"status": {"conditions": [condition("DiskPressure", "True")]}}
}
DEFECTS: list[tuple[str, InspectedFacts, str]] = [
    ("P6", changed(changes={AGENT: None}), f"error site-3 {AGENT}: have no Lifecycle Agent"),
    (
        "P6",
        changed(changes={AGENT: {"status": {"replicas": 1}}}),
        f"error site-3 {AGENT} status.availableReplicas: have a Lifecycle Agent that does not run",
    ),
    (
        "P6",
        changed(changes={AGENT_OPERATOR: operator("lifecycle-agent.v4.15.3")}),
        f"error site-3 {AGENT_OPERATOR}: have lifecycle-agent.v4.15.3, which is before 4.16.0",
    ),
    (
        "P7",
        changed(changes={OADP_OPERATOR: operator("oadp-operator.v1.3.4")}),
        f"error site-3 {OADP_OPERATOR}: have oadp-operator.v1.3.4, which is before 1.4.1",
    ),
    (
        "P7",
        changed("DataProtectionApplication", changes={OADP_OPERATOR: None}),
        f"error site-3 {OADP_OPERATOR}: have no OADP, which the plan's OADP content needs",
    ),
    (
        "P8",
        changed(changes={LOCAL_STORAGE: operator("local-storage-operator.v4.16.0-2")}),
        f"warning site-3 {LVM_STORAGE}: have the Local Storage Operator and LVM Storage",
    ),
    (
        "P8",
        changed(changes={LVM_STORAGE: operator("lvms-operator.v4.14.1")}),
        f"warning site-3 {LVM_STORAGE}: have lvms-operator.v4.14.1, which is before 4.14.2",
    ),
    (
        "P9",
        changed("ImageBasedUpgrade"),
        f"error site-3 {IBU}: have no ImageBasedUpgrade, which the Lifecycle Agent brings",
    ),
    (
        "P9",
        changed(
            changes={IBU: ibu("Idle", condition("Idle", "False", message="clean up")
                              | {"reason": "AbortFailed"})}
        ),
        f"error site-3 {IBU}: can't begin Prep: clean up",
    ),
    (
        "P9",
        changed(
            changes={IBU: ibu("Idle", condition("Idle", "False", message="still at it")
                              | {"reason": "Aborting"})}
        ),
        f"warning site-3 {IBU}: wait with Prep: still at it",
    ),
    (
        "P30",
        changed("DataProtectionApplication"),
        f"error site-3 {DPA}: have no OADP, and so no DataProtectionApplication",
    ),
    (
        "P30",
        changed(changes={DPA: None, VELERO: None}),
        f"error site-3 {DPA}: have no DataProtectionApplication: Prep fails with OADP content",
    ),
    (
        "P30",
        changed(changes={DPA: {"status": {"conditions": [
            condition("Reconciled", "False", message="no secret")]}}}),
        f"error site-3 {DPA} status.conditions[Reconciled]: have a DataProtectionApplication that "
        "is not reconciled: no secret",
    ),
    (
        "P30",
        changed(changes={BACKUP_STORAGE: {"status": {"phase": "Unavailable"}}}),
        f"error site-3 {BACKUP_STORAGE} status.phase: have a backup storage that is Unavailable, "
        "not Available",
    ),
    (
        "P30",
        changed(changes={DPA: {
            "spec": {"configuration": {"restic": {"enable": True}}},
            "status": {"conditions": [condition("Reconciled", "True")]}}}),
        f"warning site-3 {DPA} spec.configuration.restic.enable: have restic on, which turns the "
        "Container Storage Interface integration off",
    ),
    (
        "P31",
        changed(changes={PARTITION: None}),
        f"warning site-3 {PARTITION}: were not installed with the manual's partition: Prep fails "
        "without any",
    ),
    (
        "P31",
        changed(changes=WITHOUT_SPACE),
        "error site-3 Node of the cluster status.conditions[DiskPressure]: have a full disk",
    ),
    (
        "P32",
        changed(changes={PROXY: {"status": {"httpsProxy": "http://proxy.example.com"}}}),
        f"warning site-3 {PROXY}: have a proxy, while most have no proxy",
    ),
    (
        "P32",
        changed(changes={NODE: {"status": {
            **objects()[NODE]["status"], "nodeInfo": {"architecture": "arm64"}}}}),
        "warning site-3 Node of the cluster: have arm64, while most have amd64",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "found", "words"), DEFECTS, ids=[d[2][:60] for d in DEFECTS])
def test_a_rule_finds_the_cluster_with_the_defect(
    rule: str, found: InspectedFacts, words: str
) -> None:
    assert told(rule, hub(found)) == [words]


def test_a_dual_stack_network_is_not_supported_and_differs() -> None:
    networks = [{"cidr": "10.128.0.0/14"}, {"cidr": "fd01::/48"}]
    both = changed(changes={NETWORK: {"status": {"clusterNetwork": networks}}})
    assert told("P32", hub(both)) == [
        f"warning site-3 {NETWORK}: have IPv4 and IPv6, while most have IPv6",
        f"warning site-3 {NETWORK}: have a dual-stack network, which is not supported",
    ]


def test_clusters_that_keep_their_backups_in_one_place() -> None:
    shared = facts(own_place("site-a"))
    assert told("P30", hub(shared)) == [
        f"warning site-1,site-3 {BACKUP_STORAGE} spec.objectStorage.prefix: keep their backups in "
        "the same place, http://s3.example.com/backups/site-a"
    ]


def test_the_topology_comes_from_the_cluster_if_no_claim_has_it() -> None:
    silent = replace(cluster("site-1", topology=""), inspected=facts())
    assert outcome("P10", replace(WELL, clusters=(silent,))) is RuleOutcome.PASSED
    several = facts({INFRASTRUCTURE: {"status": {"controlPlaneTopology": "HighlyAvailable"}}})
    (words,) = told("P10", replace(WELL, clusters=(replace(silent, inspected=several),)))
    assert words.startswith("error site-1 ")
    assert "are HighlyAvailable" in words


def test_a_cluster_under_way_is_in_another_stage_as_expected() -> None:
    busy = changed("ImageBasedUpgrade")
    assert outcome("P9", hub(busy, in_flight=frozenset({"site-3"}))) is RuleOutcome.PASSED


def test_a_stage_is_not_known_once_a_rollout_has_acted_on_the_cluster() -> None:
    found = hub(changed("ImageBasedUpgrade"))
    *others, last = found.clusters
    acted = replace(found, clusters=(*others, replace(last, acted_since=True)))
    assert told("P9", found) != told("P9", acted)
    [words] = told("P9", acted)
    assert words.startswith("unknown site-3 ")
    assert words.endswith(
        ": have been in a rollout since they were inspected: inspect them again with "
        "`ibgu preflight --inspect`"
    )


def test_a_plan_without_a_known_first_action_says_nothing_about_stages() -> None:
    assert told("P9", replace(hub(changed("ImageBasedUpgrade")), first=None)) == []


def test_the_seed_that_was_prepared_decides_whether_an_upgrade_can_follow() -> None:
    done = [condition("PrepCompleted", "True"), condition("Idle", "False")]
    prepared = ibu("Prep", *done, nexts=("Idle", "Upgrade"))
    prepared["spec"]["seedImageRef"] = {"image": "other", "version": "4.17.3"}
    assert WELL.seed is not None
    spec = RolloutSpec(IbuSpec(seed_image_ref=WELL.seed))
    found = replace(hub(changed(changes={IBU: prepared}), spec=spec), first=Action.UPGRADE)
    assert any("site-3" in each and "can't begin Upgrade" in each for each in told("P9", found))


def unread(result: ReadResult, message: str = "") -> InspectedFacts:
    """A cluster where nothing could be read, for one reason."""
    readings = {name: Reading(result, message) for name in facts().readings}
    return InspectedFacts(facts().read_at, readings)


@pytest.mark.parametrize("rule", [each for each in RULES if each != "P10"])
def test_unreadable_objects_are_unknown_with_the_reason(rule: str) -> None:
    for result, words in (
        (ReadResult.FORBIDDEN, "did not let their work agent read it"),
        (ReadResult.FAILED, "could not read it: timed out"),
    ):
        found = told(rule, hub(unread(result, "timed out")))
        assert found
        assert all(each.startswith("unknown site-3 ") for each in found)
        assert all(each.endswith(words) for each in found)
    silent = told(rule, hub(unread(ReadResult.FAILED)))
    assert silent[0].endswith("could not read it: no reason is given")


def test_an_operator_that_is_installed_another_way_is_unknown() -> None:
    other = changed("Operator")
    kinds = {each: told(each, hub(other)) for each in ("P6", "P7", "P8")}
    for rule, found in kinds.items():
        assert all("unknown site-3 Operator" in each for each in found), rule
        assert all(each.endswith("do not serve the kind Operator") for each in found), rule
    removed = changed(changes={OADP_OPERATOR: operator("")})
    assert told("P7", hub(removed)) == [
        f"unknown site-3 {OADP_OPERATOR}: have it without what is asked for"
    ]


def test_a_data_protection_application_by_another_name_is_unknown() -> None:
    assert told("P30", hub(changed(changes={DPA: None, BACKUP_STORAGE: None}))) == [
        f"unknown site-3 {DPA}: do not have it"
    ]
    assert told("P30", hub(changed(changes={BACKUP_STORAGE: None}))) == [
        f"unknown site-3 {BACKUP_STORAGE}: do not have it"
    ]


def test_a_release_that_can_not_be_read_is_no_finding() -> None:
    odd = changed(changes={AGENT_OPERATOR: operator("lifecycle-agent.vNext")})
    assert outcome("P6", hub(odd)) is RuleOutcome.PASSED


def test_a_pre_release_counts_as_its_release() -> None:
    early = changed(changes={AGENT_OPERATOR: operator("lifecycle-agent.v4.16.0-202407")})
    assert outcome("P6", hub(early)) is RuleOutcome.PASSED


def test_clusters_that_were_not_inspected_are_unknown_with_the_reason() -> None:
    found = hub(None, uninspected="nobody has asked")
    assert told("P6", found) == [f"unknown site-3 {AGENT}: were not read: nobody has asked"]
    silent = replace(found.clusters[2], uninspected="it did not answer within 60 s")
    found = replace(found, clusters=(*found.clusters[:2], silent))
    assert told("P6", found) == [
        f"unknown site-3 {AGENT}: were not read: it did not answer within 60 s"
    ]
    assert told("P6", replace(found, clusters=(silent,))) == [
        f"unknown {AGENT}: was not read: it did not answer within 60 s"
    ]


def test_the_report_says_how_many_clusters_were_inspected_and_since_when() -> None:
    found = hub(None)
    later = replace(found.clusters[1], inspecting=True)
    report = judge(replace(found, clusters=(found.clusters[0], later, found.clusters[2])))
    assert (report.inspected, report.inspecting, report.inspected_at) == (2, 1, AT)
    assert judge(WELL).inspected_at is None


def test_defects_block_the_clusters_that_have_them() -> None:
    report = judge(hub(changed(changes={AGENT: None, ETCD: None})))
    assert report.blocked == ("site-3",)
