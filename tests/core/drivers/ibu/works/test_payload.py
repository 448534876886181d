from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.driver import PayloadError, TemplateRefused
from ibgu.core.engine.works import LIMIT, Payload, payload_body
from ibgu.core.model.kinds import ConfigMap, ObjectMeta, Secret
from ibgu.core.model.names import payload_name
from tests.core.drivers.ibu.works.samples import ROLLOUT


def config_map(name: str, namespace: str = "openshift-adp", **data: str) -> ConfigMap:
    return ConfigMap(ObjectMeta(name=name, namespace=namespace), data or {"a.yaml": "x: 1"})


SECRET = Secret(
    ObjectMeta(name="seed-pull-secret", namespace="default"),
    "kubernetes.io/dockerconfigjson",
    {".dockerconfigjson": "e30="},
)


def decoded(payload: Payload) -> list[dict[str, Any]]:
    return [json.decode(manifest) for manifest in payload.manifests]


def test_nothing_to_carry() -> None:
    assert build([]) == Payload((), "", ())


def test_config_maps_keep_their_namespace_and_lose_what_the_server_wrote() -> None:
    source = ConfigMap(
        ObjectMeta(
            name="oadp-cm",
            namespace="openshift-adp",
            uid="u",
            resource_version="9",
            creation_timestamp="2026-01-01T00:00:00Z",
            labels={"l": "1"},
            annotations={"a": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        ),
        {"b.yaml": "kind: Backup"},
        {"raw": "AAE="},
    )
    assert decoded(build([source])) == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "oadp-cm",
                "namespace": "openshift-adp",
                "labels": {"l": "1"},
                "annotations": {"a": "1"},
            },
            "data": {"b.yaml": "kind: Backup"},
            "binaryData": {"raw": "AAE="},
        }
    ]


def test_the_pull_secret_moves_to_the_lifecycle_agent() -> None:
    assert decoded(build([SECRET])) == [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "seed-pull-secret", "namespace": "openshift-lifecycle-agent"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": "e30="},
        }
    ]


@pytest.mark.parametrize(
    ("type_", "carried"),
    [
        ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockerconfigjson"),
        ("Opaque", "Opaque"),
        ("", "Opaque"),
    ],
)
def test_only_what_the_agent_reads_of_a_pull_secret_is_carried(type_: str, carried: str) -> None:
    """The manual's form is an Opaque Secret, which may hold more."""
    data = {**SECRET.data, "seedAuth": "aHVudGVyMg=="}
    (found,) = decoded(build([replace(SECRET, type=type_, data=data)]))
    assert (found["type"], found["data"]) == (carried, {".dockerconfigjson": "e30="})


def test_a_pull_secret_of_the_old_form_is_refused_with_what_converts_it() -> None:
    old = replace(SECRET, type="kubernetes.io/dockercfg", data={".dockercfg": "e30="})
    with pytest.raises(PayloadError) as error:
        build([old])
    assert (
        "Secret default/seed-pull-secret has the type kubernetes.io/dockercfg, which the Lifecycle "
        "Agent can't read, and nothing of it is carried: convert it by `oc get secret "
        "seed-pull-secret -n default -o jsonpath='{.data.\\.dockercfg}' | base64 -d | jq "
    ) in str(error.value)


@pytest.mark.parametrize(
    ("type_", "named"),
    [
        ("Opaque", "Opaque and no key .dockerconfigjson"),
        ("", "Opaque and no key .dockerconfigjson"),
        ("kubernetes.io/dockerconfigjson-not", "kubernetes.io/dockerconfigjson-not and no key"),
    ],
)
def test_another_secret_is_not_and_neither_is_what_comes_with_it(type_: str, named: str) -> None:
    other = replace(SECRET, type=type_, data={"password": "aHVudGVyMg=="})
    with pytest.raises(PayloadError) as error:
        build([config_map("a"), other])
    text = str(error.value)
    assert f"Secret default/seed-pull-secret has the type {named}" in text
    assert "and nothing of it is carried: a pull secret has the key .dockerconfigjson" in text
    assert "aHVudGVyMg==" not in text


def test_a_type_that_is_not_a_pull_secrets_is_not_carried_whatever_its_keys() -> None:
    with pytest.raises(PayloadError, match=r"has the type kubernetes\.io/service-account"):
        build([replace(SECRET, type="kubernetes.io/service-account-token")])


def test_a_config_map_named_twice_is_carried_once() -> None:
    assert len(build([config_map("a"), config_map("a"), config_map("a", "other")]).manifests) == 2


def test_the_digest_follows_the_content_not_the_order() -> None:
    one, two = config_map("a"), config_map("b")
    assert build([one, two, SECRET]).digest == build([SECRET, two, one]).digest
    assert build([one]).digest != build([config_map("a", x="y")]).digest
    assert build([one]).digest != build([config_map("a", "other")]).digest
    swapped = ConfigMap(ObjectMeta(name="a"), {"x": "1", "y": "2"})
    same = ConfigMap(ObjectMeta(name="a"), {"y": "2", "x": "1"})
    assert build([swapped]).digest == build([same]).digest


def test_a_payload_too_large_names_the_limit_and_the_largest_object() -> None:
    with pytest.raises(PayloadError) as error:
        build([config_map("small"), config_map("large", a="x" * LIMIT)])
    text = str(error.value)
    assert f"a ManifestWork carries at most {LIMIT}" in text
    assert "the largest is ConfigMap openshift-adp/large with 5" in text


def test_exactly_at_the_limit_is_accepted() -> None:
    """The size is that of the manifests and their framing."""
    bare = sum(len(bytes(each)) + 4 for each in build([config_map("a", a=""), SECRET]).manifests)
    assert build([config_map("a", a="x" * (LIMIT - bare)), SECRET]).digest
    with pytest.raises(PayloadError):
        build([config_map("a", a="x" * (LIMIT - bare + 1)), SECRET])


@pytest.mark.parametrize("text", ["{{hub", "a: 1\nb: '{{hub .ManagedClusterName hub}}'\n"])
def test_a_hub_template_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(TemplateRefused) as error:
        build([SECRET, config_map("plain", a="{{ .Values }}"), config_map("a", **{"b.yaml": text})])
    line = text.count("\n") or 1
    assert f"ConfigMap openshift-adp/a b.yaml, line {line}, has a hub template" in str(error.value)


def test_a_payload_that_is_too_large_says_so_whatever_is_in_it() -> None:
    with pytest.raises(PayloadError, match="a ManifestWork carries at most"):
        build([config_map("a", a="{{hub" + "x" * LIMIT)])


def test_the_payload_work_has_labels_annotations_and_manifests() -> None:
    payload = build([config_map("a"), SECRET])
    work = json.decode(payload_body(payload, ROLLOUT, "site-1"))
    assert work["metadata"] == {
        "name": payload_name(ROLLOUT.uid, "ran-417"),
        "namespace": "site-1",
        "labels": {
            "app.kubernetes.io/managed-by": "ibgu",
            "ibgu.dev/rollout": ROLLOUT.uid,
            "ibgu.dev/part": "payload",
        },
        "annotations": {
            "ibgu.dev/rollout": "default/ran-417",
            "ibgu.dev/generation": "1",
            "ibgu.dev/digest": payload.digest,
        },
    }
    assert work["spec"] == {
        "workload": {"manifests": decoded(payload)},
        "deleteOption": {"propagationPolicy": "Orphan"},
    }


def test_a_pull_secret_that_is_taken_back_goes_with_the_work() -> None:
    """The agent orphans what the rules name, and deletes the rest."""
    payload = build([config_map("b"), SECRET, config_map("a")])
    work = json.decode(payload_body(payload, ROLLOUT, "site-1", remove_secrets=True))
    rules = [
        {"group": "", "resource": "configmaps", "namespace": "openshift-adp", "name": name}
        for name in ("a", "b")
    ]
    assert work["spec"]["deleteOption"] == {
        "propagationPolicy": "SelectivelyOrphan",
        "selectivelyOrphans": {"orphaningRules": rules},
    }
