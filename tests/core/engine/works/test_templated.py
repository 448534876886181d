"""ConfigMaps with hub templates: what a payload has for each cluster."""

from typing import Any

import pytest
from msgspec import json

from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works import (
    LIMIT,
    Payload,
    PayloadValues,
    pack,
    payload_body,
    templated,
    templated_maps,
)
from ibgu.core.engine.works.payload import MAX_TEMPLATES
from ibgu.core.plan.references import template_references
from ibgu.core.text.hub_templates import resolve
from tests.core.drivers.ibu.works.samples import ROLLOUT

SITES = {"site-data": {"a-ip": "10.0.0.1", "b-ip": "10.0.0.2"}, "eu": {"ntp": "ntp.eu"}}
VALUES = PayloadValues("default", SITES)
IP = 'ip: {{hub fromConfigMap "" "site-data" (printf "%s-ip" .ManagedClusterName) hub}}\n'
REGION = "region: {{hub .ManagedClusterLabels.region hub}}\n"


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "openshift-adp"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def carried(payload: Payload, cluster: str, **labels: str) -> dict[str, dict[str, str]]:
    work = json.decode(payload_body(payload, ROLLOUT, cluster, labels))
    manifests = work["spec"]["workload"]["manifests"]
    return {each["metadata"]["name"]: each["data"] for each in manifests}


def refused(*manifests: dict[str, Any], values: PayloadValues = VALUES) -> str:
    with pytest.raises(PayloadError) as caught:
        pack(manifests, values)
    return str(caught.value)


def test_each_cluster_gets_its_own_values_and_the_rest_unchanged() -> None:
    payload = pack(
        [config_map("a", x=IP + REGION, y="{{ .Mine }}"), config_map("b", z="1")], VALUES
    )
    for cluster, address in (("a", "10.0.0.1"), ("b", "10.0.0.2")):
        assert carried(payload, cluster, region="eu") == {
            "a": {"x": f"ip: {address}\nregion: eu\n", "y": "{{ .Mine }}"},
            "b": {"z": "1"},
        }
        assert payload.problem(cluster, {"region": "eu"}) == ""


def test_a_cluster_without_a_value_gets_nothing_and_is_given_the_place() -> None:
    payload = pack([config_map("a", x=IP + REGION)], VALUES)
    problem = "ConfigMap openshift-adp/a x, line 2, column 9: the cluster has no label 'region'"
    assert payload.problem("a", {}) == problem
    with pytest.raises(PayloadError, match="has no label 'region'"):
        payload_body(payload, ROLLOUT, "a", {})
    assert "has no key 'c-ip'" in payload.problem("c", {"region": "eu"})


def test_a_template_that_is_not_supported_refuses_the_payload() -> None:
    told = refused(config_map("a", x='a: 1\nb: {{hub fromSecret "" "a" "b" hub}}'))
    assert told.startswith("ConfigMap openshift-adp/a x, line 2, column 4: fromSecret is not")


def test_the_config_maps_that_are_read_are_those_of_the_annotation() -> None:
    other = config_map("a", x='{{hub fromConfigMap "other" "site-data" "a-ip" hub}}')
    assert "x, line 1, column 1: fromConfigMap reads namespace default alone" in refused(other)
    told = refused(config_map("a", x='{{hub fromConfigMap "default" "more" "k" hub}}'))
    assert "ibgu.dev/template-config-maps of the IBGU does not name ConfigMap 'more'" in told
    computed = '{{hub fromConfigMap (printf "") .ManagedClusterLabels.region "ntp" hub}}'
    payload = pack([config_map("a", x=computed)], VALUES)
    assert carried(payload, "a", region="eu") == {"a": {"x": "ntp.eu"}}
    assert "ConfigMap 'us' is not among those" in payload.problem("a", {"region": "us"})


def test_the_digest_follows_templates_and_what_they_read_not_the_cluster() -> None:
    digest = pack([config_map("a", x=IP)], VALUES).digest
    assert digest != pack([config_map("a", x=IP + "# more")], VALUES).digest
    changed = {**SITES, "site-data": {**SITES["site-data"], "c-ip": "10.0.0.3"}}
    assert digest != pack([config_map("a", x=IP)], PayloadValues("default", changed)).digest
    plain = pack([config_map("a", x="1")])
    assert plain.digest == pack([config_map("a", x="1")], PayloadValues("default")).digest


def test_only_templates_that_read_config_maps_ask_for_them() -> None:
    manifests = [config_map("a", x=REGION), config_map("b", x="1"), config_map("c", x=IP)]
    assert [each.reads for each in templated_maps(manifests)] == [False, True]


def test_a_secret_and_binary_data_have_no_templates() -> None:
    secret = {**config_map("a", x="{{hub nonsense hub}}"), "kind": "Secret"}
    binary = {**config_map("b"), "binaryData": {"x": "e3todWI="}}
    del binary["data"]
    payload = pack([secret, binary])
    assert payload.templated == ()
    assert len(payload.rendered("a", {})) == 2
    assert payload.problem("a", {}) == ""


@pytest.mark.slow("every-point")
def test_the_rendered_payload_is_bounded_like_a_plain_one() -> None:
    long = PayloadValues("default", {"long": {"k": '"' * 4000}})
    text = '{{hub fromConfigMap "" "long" "k" | quote hub}}\n'
    payload = pack([config_map("a", x=text * 30), config_map("b", x="y")], long)
    assert "together take more than 512000 bytes" in payload.problem("a", {})
    with pytest.raises(PayloadError, match="more than 512000 bytes"):
        payload.rendered("a", {})
    several = pack([config_map(name, x=text * 15) for name in "ab"], long)
    told = several.problem("a", {})
    assert told.startswith("with the values of a the ConfigMaps and the pull secret together take")
    assert f"carries at most {LIMIT}: use smaller values" in told
    fits = pack([config_map("a", x=text * 15)], long)
    assert fits.problem("a", {}) == ""
    assert len(carried(fits, "a")["a"]["x"]) > LIMIT / 2


def test_texts_and_values_together_are_bounded() -> None:
    long = PayloadValues("default", {"long": {"k": '"' * 4000}})
    text = '{{hub fromConfigMap "" "long" "k" | quote hub}}\n'
    one = pack([config_map("a", x="z" * 200_000 + text * 15)], long)
    assert "the text would have more than 512000 characters" in one.problem("a", {})
    several = pack([config_map(name, x=text * 9, y="z" * 60_000) for name in "ab"], long)
    assert "together take 624342 bytes" in several.problem("a", {})


def test_a_payload_has_only_so_many_templates() -> None:
    """A thousand clusters are judged by each of them in one turn."""
    text = "{{hub .ManagedClusterName hub}}\n"
    assert pack([config_map("a", x=text * MAX_TEMPLATES)]).templated
    with pytest.raises(PayloadError, match="more than 1000 templates"):
        pack([config_map("a", x=text * MAX_TEMPLATES), config_map("b", x=text)])


def test_no_more_is_resolved_than_a_work_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = 0
    alone = resolve

    def counted(*given: Any) -> str:
        nonlocal resolved
        resolved += 1
        return alone(*given)

    monkeypatch.setattr(templated, "resolve", counted)
    long = PayloadValues("default", {"long": {"k": "é" * 4000}})
    text = '{{hub fromConfigMap "" "long" "k" | quote hub}}\n'
    payload = pack([config_map(name, x=text * 500) for name in "ab"], long)
    assert payload.problem("a", {})
    assert resolved < 50


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (None, []),
        ("", []),
        ("a", ["ConfigMap ns/a"]),
        (" a,b ,,a", ["ConfigMap ns/a", "ConfigMap ns/b"]),
    ],
)
def test_the_annotation_names_config_maps_of_the_ibgus_namespace(
    annotation: str | None, expected: list[str]
) -> None:
    found = {} if annotation is None else {"ibgu.dev/template-config-maps": annotation}
    assert list(map(str, template_references(found, "ns"))) == expected


def test_reads_are_not_checked_before_what_they_read_is_known() -> None:
    assert len(pack([config_map("a", x=IP)]).templated) == 1
