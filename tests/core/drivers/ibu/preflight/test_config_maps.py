"""P13, P14 and P39, and P15 to P28 where the hub has the content."""

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import ConfigMapFacts, Lookup
from tests.core.drivers.ibu.preflight.content import EXTRA, LVMS, documents
from tests.core.drivers.ibu.preflight.hub import (
    ITSELF,
    MANIFESTS,
    OADP,
    WELL,
    config_map,
    outcome,
    told,
    with_payload,
)


def looked_up(lookup: Lookup, *, oadp: bool, problem: str = "") -> PreflightFacts:
    found = ConfigMapFacts("openshift-adp/other", lookup, oadp, problem)
    return with_payload(config_maps=(OADP, MANIFESTS, found))


def test_config_maps_that_are_not_there_or_may_not_be_read() -> None:
    for rule, oadp in (("P13", True), ("P14", False)):
        (missing,) = told(rule, looked_up(Lookup.MISSING, oadp=oadp))
        assert missing.startswith("warning ConfigMap openshift-adp/other: is not on the hub")
        (forbidden,) = told(rule, looked_up(Lookup.FORBIDDEN, oadp=oadp))
        assert forbidden.startswith("unknown ConfigMap openshift-adp/other: was not checked")
        (wrong,) = told(rule, looked_up(Lookup.IMPOSSIBLE, oadp=oadp, problem="no name"))
        assert wrong == "error ConfigMap openshift-adp/other: can't exist: no name"
        (many,) = told(rule, looked_up(Lookup.LEFT_OUT, oadp=oadp, problem="the 26 that count"))
        assert many.endswith("names 1 ConfigMaps more than the 26 that count")
        assert many.startswith(f"warning {ITSELF.object} spec.ibuSpec.")
        assert outcome(rule, WELL) is RuleOutcome.PASSED


def test_content_on_the_hub_is_judged_as_files_are() -> None:
    wrong = documents([EXTRA], ("kind: Namespace", "kind: MachineConfig"))
    assert outcome("P27", with_payload(config_maps=(OADP, MANIFESTS))) is RuleOutcome.PASSED
    broken = documents(LVMS, ('apply-wave: "4"', "apply-wave: four"))
    found = with_payload(
        config_maps=(replace(OADP, documents=broken), replace(MANIFESTS, documents=wrong))
    )
    (wave,) = told("P18", found)
    assert wave.startswith("error Restore openshift-adp/")
    assert outcome("P18", WELL) is RuleOutcome.PASSED


def test_rules_on_the_whole_content_are_unknown_where_a_part_is_missing() -> None:
    agent = config_map("1-agent.yaml")
    there = with_payload(config_maps=(agent,))
    assert outcome("P16", there) is RuleOutcome.PASSED
    part = with_payload(config_maps=(agent, replace(OADP, lookup=Lookup.MISSING, documents=())))
    for rule in ("P15", "P16", "P17", "P18", "P19", "P20", "P21", "P22", "P23", "P24"):
        assert told(rule, part) == [
            f"unknown {ITSELF.object} spec.ibuSpec.oadpContent: was not read as a whole"
        ]
    nameless = documents(["1-agent.yaml"], ("name: acm-klusterlet", "name: "))
    gone = replace(OADP, lookup=Lookup.FORBIDDEN, documents=())
    wrong = with_payload(config_maps=(replace(agent, documents=nameless), gone))
    assert outcome("P15", wrong) is RuleOutcome.ERROR
    assert outcome("P16", wrong) is RuleOutcome.UNKNOWN
    nothing = with_payload(config_maps=(replace(OADP, lookup=Lookup.MISSING, documents=()),))
    assert outcome("P16", nothing) is RuleOutcome.UNKNOWN


def test_extra_manifests_that_nobody_has_read_have_not_passed() -> None:
    for lookup in (Lookup.MISSING, Lookup.FORBIDDEN):
        gone = with_payload(config_maps=(replace(MANIFESTS, lookup=lookup, documents=()),))
        for rule in ("P18", "P25", "P26", "P27", "P28"):
            assert outcome(rule, gone) is RuleOutcome.UNKNOWN


def test_an_unknown_pull_secret_of_agents_is_unknown() -> None:
    (only,) = told("P22", with_payload(agent_pull_secret=None))
    assert only.startswith(
        "unknown MultiClusterHub spec.imagePullSecret: it is unknown whether the hub gives"
    )
    apps = config_map("4-app-on-lvms.yaml")
    assert outcome("P22", with_payload(config_maps=(apps,), agent_pull_secret=None)) is (
        RuleOutcome.PASSED
    )
    assert outcome("P22", with_payload(agent_pull_secret=False)) is RuleOutcome.WARNING


def test_more_than_a_work_carries() -> None:
    words = "take 600000 bytes, and a ManifestWork carries at most 512000"
    assert told("P39", with_payload(problem=words)) == [
        f"error {ITSELF.object} spec.ibuSpec: {words}"
    ]
    assert outcome("P39", WELL) is RuleOutcome.PASSED
    unread = with_payload(config_maps=(replace(OADP, problem="too large", documents=()),))
    assert outcome("P39", unread) is outcome("P16", unread) is RuleOutcome.UNKNOWN
    assert outcome("P39", looked_up(Lookup.FORBIDDEN, oadp=True)) is RuleOutcome.UNKNOWN
