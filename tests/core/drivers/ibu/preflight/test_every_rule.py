"""Each rule on content finds a mistake, and nothing in right content: none is there for show."""

import pytest

from ibgu.core.drivers.ibu.preflight import Severity
from ibgu.core.drivers.ibu.preflight.config_maps import MANIFEST_RULES, OADP_RULES
from tests.core.drivers.ibu.preflight.content import manifests, oadp

ERROR, WARNING = Severity.ERROR, Severity.WARNING
OADP = {
    "P15": (ERROR, ("  namespace: openshift-adp\n", "")),
    "P16": (ERROR, ("  backupName: lvmcluster", "  backupName: lost")),
    "P17": (WARNING, ("  labels:\n    velero.io/storage-location: default\n", "")),
    "P18": (ERROR, ('"2"', '"two"')),
    "P19": (ERROR, ('"2"', '"9"')),
    "P20": (ERROR, ("apps/v1/deployments/", "deployments/")),
    "P21": (ERROR, ("open-cluster-management-agent", "elsewhere")),
    "P22": (WARNING, (",v1/secrets/open-cluster-management-agent/open-cluster-management-image-"
                      "pull-credentials", "")),
    "P23": (ERROR, ("    - services\n", "    - pods\n")),
    "P24": (ERROR, ("  restorePVs: true\n", "")),
    "P42": (ERROR, ("restorePVs: true", "restorePVs: '{{hub .ManagedClusterLabels.pvs hub}}'")),
}  # fmt: skip
"""The severity of each rule, and a change of right content that it finds."""
MANIFESTS = {
    "P18": (ERROR, ('"1"', "1")),
    "P25": (ERROR, ("kind: CatalogSource", "kind: Subscription")),
    "P26": (ERROR, ("sriovnetwork.openshift.io/v1", "local.storage.openshift.io/v1")),
    "P27": (WARNING, ('"1"', '"7"')),
    "P28": (WARNING, (":v4.17", ":v4.15")),
    "P42": (ERROR, (":v4.17", ":{{hub .ManagedClusterLabels.catalog hub}}")),
}


def test_every_rule_on_content_has_an_example() -> None:
    assert tuple(OADP) == tuple(rule.id for rule in OADP_RULES)
    assert tuple(MANIFESTS) == tuple(rule.id for rule in MANIFEST_RULES)


def test_right_content_passes_every_rule() -> None:
    assert oadp(pull_secret=True) == manifests(target="4.17.3") == []


@pytest.mark.parametrize("rule", OADP)
def test_a_rule_on_backups_and_restores_finds_its_mistake(rule: str) -> None:
    severity, change = OADP[rule]
    found = [
        each for each in oadp(_renamed(rule), change, pull_secret=True) if each.rule.id == rule
    ]
    assert severity in {each.severity for each in found}
    assert all(each.remedy and each.message for each in found)


def _renamed(rule: str) -> tuple[str, str]:
    """An agent's Backup is also known by its name."""
    return ("acm-klusterlet", "other") if rule == "P21" else ("acm-klusterlet", "acm-klusterlet")


@pytest.mark.parametrize("rule", MANIFESTS)
def test_a_rule_on_extra_manifests_finds_its_mistake(rule: str) -> None:
    severity, change = MANIFESTS[rule]
    found = [each for each in manifests(change, target="4.17.3") if each.rule.id == rule]
    assert {each.severity for each in found} == {severity}
    assert all(each.at.file and each.at.line for each in found)
