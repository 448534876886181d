"""P42: hub templates in content, and their values for each cluster."""

from collections.abc import Mapping

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import (
    ManifestContent,
    OadpContent,
    PreflightFacts,
    RuleOutcome,
    lint_manifests,
    lint_oadp,
)
from ibgu.core.drivers.ibu.preflight.facts import TemplateFacts
from ibgu.core.engine.works import PayloadValues, pack
from ibgu.documents import read_content
from tests.core.drivers.ibu.preflight.content import LVMS, SAMPLES
from tests.core.drivers.ibu.preflight.content import told as shown
from tests.core.drivers.ibu.preflight.hub import WELL, cluster, outcome, told, with_payload

IP = 'ip: {{hub fromConfigMap "" "site-data" (printf "%s-ip" .ManagedClusterName) hub}}\n'
ZONE = 'zone: {{hub index .ManagedClusterLabels "x/zone" hub}}\n'


def templated(
    text: str,
    problems: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
    data: Mapping[str, str] = {},
) -> PreflightFacts:
    metadata = {"namespace": "openshift-adp", "name": "oadp-cm"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": text}}
    content = pack([body], PayloadValues("ran", {"site-data": data}))
    return with_payload(templates=TemplateFacts(content, problems, unread))


def test_a_rollout_without_templates_passes() -> None:
    assert outcome("P42", WELL) is RuleOutcome.PASSED
    assert outcome("P42", with_payload(config_maps=())) is RuleOutcome.NOT_APPLICABLE


def test_clusters_with_a_value_for_each_template_pass() -> None:
    facts = templated(IP, data={"site-1-ip": "10.0.0.1", "site-2-ip": "10.0.0.2"})
    assert outcome("P42", facts) is RuleOutcome.PASSED


def test_the_cluster_without_a_value_is_named_with_the_cause() -> None:
    clusters = (cluster("site-1", **{"x/zone": "a"}), cluster("site-2"), cluster("site-3"))
    facts = replace(templated(ZONE), clusters=clusters)
    assert told("P42", facts) == [
        "error site-2,site-3 ManagedCluster: ConfigMap openshift-adp/oadp-cm a, line 1, column 7: "
        "the cluster has no label 'x/zone'"
    ]


def test_many_causes_are_reported_as_one_after_twenty() -> None:
    facts = replace(templated(IP), clusters=tuple(cluster(f"site-{n}") for n in range(30)))
    *first, last = told("P42", facts)
    assert len(first) == 20
    assert "has no key 'site-0-ip'" in first[0]
    assert last.startswith("error site-20,site-21,")
    assert last.endswith("ManagedCluster: a template has no value for the cluster")


def test_content_that_no_cluster_can_get_is_an_error_for_all() -> None:
    facts = templated(IP, ("ConfigMap ran/site-data is not on the hub",))
    assert told("P42", facts) == [
        "error ImageBasedGroupUpgrade ran/ran-417 spec.ibuSpec: "
        "ConfigMap ran/site-data is not on the hub"
    ]


def test_values_that_the_caller_may_not_read_are_unknown() -> None:
    facts = templated(IP, (), ("ConfigMap ran/site-data was not read",))
    assert outcome("P42", facts) is RuleOutcome.UNKNOWN


def test_an_unsupported_template_in_content_is_found_with_its_line() -> None:
    documents = tuple(read_content('a: 1\nb: {{hub lookup "v1" hub}}\n', "a.yaml"))
    problem = "template in column 4: lookup is not supported: templates have fromConfigMap, "
    for findings in (
        lint_oadp(OadpContent(documents)),
        lint_manifests(ManifestContent(documents, "4.17.3")),
    ):
        (found,) = (each for each in shown(findings) if " P42 " in each)
        assert found.startswith(f"a.yaml:2 error P42 object : {problem}")


def test_right_content_with_templates_has_no_finding() -> None:
    """Names, labels and numbers that differ by cluster are judged as if each had a value."""
    changes = (
        ("velero.io/storage-location: default",
         "velero.io/storage-location: {{hub .ManagedClusterLabels.bucket hub}}"),
        ("voting", "{{hub .ManagedClusterLabels.app hub}}"),
        ("restorePVs: true", "restorePVs: '{{hub .ManagedClusterLabels.pvs | toBool hub}}'"),
    )  # fmt: skip
    texts = {name: (SAMPLES / name).read_text() for name in LVMS}
    for old, new in changes:
        assert any(old in text for text in texts.values())
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    documents = tuple(each for name, text in texts.items() for each in read_content(text, name))
    assert shown(lint_oadp(OadpContent(documents, pull_secret=True))) == []
