"""A ClusterGroupUpgrade of TALM becomes a FleetUpdate."""

import base64
from typing import Any

import pytest

from ibgu.core.drivers.cluster_version.conversion import (
    Converted,
    NotConvertible,
    convert,
    managed_policies,
)

IMAGE = f"quay.example/ocp-release@sha256:{'a' * 64}"
MIRROR = {
    "apiVersion": "config.openshift.io/v1",
    "kind": "ImageDigestMirrorSet",
    "metadata": {"name": "release"},
    "spec": {"imageDigestMirrors": [{"source": "quay.example", "mirrors": ["mirror.example"]}]},
}
SIGNATURE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": f"sha256-{'a' * 64}",
        "namespace": "openshift-config-managed",
        "labels": {"release.openshift.io/verification-signatures": ""},
    },
    "binaryData": {f"sha256-{'a' * 64}-1": base64.b64encode(b"signed").decode()},
}


def version(**spec: object) -> dict[str, Any]:
    given = {"desiredUpdate": {"version": "4.16.12", "image": IMAGE}, **spec}
    return {"kind": "ClusterVersion", "metadata": {"name": "version"}, "spec": given}


def policy(name: str, *objects: object, compliance: str = "musthave") -> dict[str, Any]:
    templates = [{"complianceType": compliance, "objectDefinition": each} for each in objects]
    inner = {"objectDefinition": {"spec": {"object-templates": templates}}}
    return {
        "kind": "Policy",
        "metadata": {"name": name, "namespace": "ztp-common"},
        "spec": {"policy-templates": [inner]},
    }


def cgu(**spec: object) -> dict[str, Any]:
    given = {
        "clusterLabelSelectors": [{"matchLabels": {"region": "north"}}],
        "managedPolicies": ["platform"],
        "remediationStrategy": {"maxConcurrency": 10, "timeout": 300},
        **spec,
    }
    return {
        "kind": "ClusterGroupUpgrade",
        "metadata": {"name": "z-stream", "namespace": "ran"},
        "spec": given,
    }


def update_of(found: Converted) -> dict[str, Any]:
    return found.fleet_update


def step(actions: str, most: int, timeout: int) -> dict[str, Any]:
    strategy = {"maxConcurrency": most, "timeout": timeout}
    return {"actions": actions.split(), "rolloutStrategy": strategy}


def test_release_selectors_and_plan_are_taken_over() -> None:
    found = convert(cgu(), [policy("platform", version()), policy("another", {"kind": "Pod"})])
    assert found.left == []
    assert update_of(found) == {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "FleetUpdate",
        "metadata": {"name": "z-stream", "namespace": "ran"},
        "spec": {
            "update": {"release": {"version": "4.16.12", "image": IMAGE}},
            "clusterLabelSelectors": [{"matchLabels": {"region": "north"}}],
            "plan": [
                step("Check", 10, 60),
                step("Update", 10, 300),
                step("RetractOnFailure", 10, 20),
            ],
        },
    }


def test_mirrors_and_signatures_are_taken_into_the_update() -> None:
    older = {
        "kind": "ImageContentSourcePolicy",
        "spec": {"repositoryDigestMirrors": [{"source": "old.example", "mirrors": ["m.example"]}]},
    }
    found = convert(cgu(), [policy("platform", version(), MIRROR, older, SIGNATURE)])
    update = update_of(found)["spec"]["update"]
    assert update["signatures"] == [base64.b64encode(b"signed").decode()]
    assert update["mirrors"] == [
        {"source": "quay.example", "mirrors": ["mirror.example"]},
        {"source": "old.example", "mirrors": ["m.example"]},
    ]
    assert update_of(found)["spec"]["plan"][0]["actions"] == ["Check", "Mirror"]
    assert found.left == []


def test_signatures_of_another_digest_are_not_taken() -> None:
    other = {**SIGNATURE, "binaryData": {f"sha256-{'b' * 64}-1": "c2lnbmVk"}}
    found = convert(cgu(), [policy("platform", version(), other)])
    assert "signatures" not in update_of(found)["spec"]["update"]
    assert update_of(found)["spec"]["plan"][0]["actions"] == ["Check"]


def test_a_mirror_without_addresses_is_dropped_and_a_barred_source_is_named() -> None:
    barred = {"source": "b.example", "mirrors": ["m"], "mirrorSourcePolicy": "NeverContactSource"}
    given = {**MIRROR, "spec": {"imageDigestMirrors": [{"source": "a.example"}, barred]}}
    found = convert(cgu(), [policy("platform", version(), given)])
    mirrors = update_of(found)["spec"]["update"]["mirrors"]
    assert mirrors == [{"source": "b.example", "mirrors": ["m"]}]
    assert found.left == ["policy platform: NeverContactSource of b.example stays with the policy"]


def test_clusters_by_name_and_by_the_old_selectors_become_label_selectors() -> None:
    given = cgu(clusters=["b", "a", "b"], clusterSelector=["site=cell", "edge"])
    found = convert(given, [policy("platform", version())])
    assert update_of(found)["spec"]["clusterLabelSelectors"] == [
        {"matchExpressions": [{"key": "name", "operator": "In", "values": ["b", "a"]}]},
        {"matchLabels": {"site": "cell"}},
        {"matchLabels": {"edge": ""}},
        {"matchLabels": {"region": "north"}},
    ]
    assert any("selector of the label name" in words for words in found.left)


def test_one_that_is_not_enabled_is_paused() -> None:
    found = convert(cgu(enable=False), [policy("platform", version())])
    marks = update_of(found)["metadata"]["annotations"]
    assert marks == {"ibgu.dev/pause": "converted from enable: false"}


def test_fields_without_counterpart_are_listed() -> None:
    given = cgu(
        backup=True,
        preCaching=True,
        blockingCRs=[{"name": "first"}],
        remediationStrategy={"maxConcurrency": 1, "canaries": ["a"]},
    )
    others = [version(channel="stable-4.16"), {"kind": "Subscription", "metadata": {"name": "ptp"}}]
    found = convert(given, [policy("platform", *others)])
    told = "\n".join(found.left)
    for words in (
        "channel of the ClusterVersion stays with the policy",
        "Subscription ptp stays with the policy",
        "canaries (a): label these clusters, and choose them by canaries.selector",
        "backup: name an image for its Job (--job-image)",
        "preCache: name an image for its Job (--job-image)",
        "blockingCRs: pause the FleetUpdate",
    ):
        assert words in told
    assert update_of(found)["spec"]["plan"][1] == step("Update", 1, 240)


def test_backups_and_images_pulled_ahead_need_an_image_for_their_jobs() -> None:
    given = cgu(backup=True, preCaching=True, preCachingConfigRef={"name": "x"})
    found = convert(given, [policy("platform", version())], IMAGE)
    spec = update_of(found)["spec"]
    assert spec["update"]["backup"] == {"form": "Full", "image": IMAGE}
    assert spec["update"]["preCache"] == {"image": IMAGE}
    assert [each["actions"] for each in spec["plan"]] == [
        ["Check"],
        ["PreCache"],
        ["Backup", "Update"],
        ["RetractOnFailure"],
    ]
    assert found.left[0].startswith("preCachingConfigRef: copy spaceRequired")
    with pytest.raises(NotConvertible, match="tools:1 is no image by sha256 digest"):
        convert(given, [policy("platform", version())], "quay.example/tools:1")


def test_a_forced_update_is_not_forced() -> None:
    forced = version(desiredUpdate={"version": "4.16.12", "image": IMAGE, "force": True})
    found = convert(cgu(), [policy("platform", forced)])
    assert "force" not in str(update_of(found))
    assert "force: true is left out" in found.left[0]


def test_an_object_that_must_not_be_there_is_ignored() -> None:
    gone = policy("gone", {"kind": "Pod"}, compliance="mustnothave")
    given = cgu(managedPolicies=["platform", "gone"])
    assert convert(given, [policy("platform", version()), gone]).left == []


@pytest.mark.parametrize(
    ("given", "policies", "words"),
    [
        (cgu(), [], "the policy platform was not given"),
        (cgu(), [policy("platform", version(channel="{{hub x hub}}"))], "has templates"),
        (cgu(), [policy("platform", {"kind": "Pod"})], "names the version"),
        (
            cgu(),
            [policy("platform", version(desiredUpdate={"version": "4.16.12"}))],
            "no policy of it names an image: add the image, with the digest that `oc adm",
        ),
        (
            cgu(),
            [policy("platform", version(desiredUpdate={"version": "4.16.12", "image": "q:4.16"}))],
            "q:4.16 is no image by digest",
        ),
        (
            cgu(managedPolicies=["platform", "other"]),
            [
                policy("platform", version()),
                policy("other", version(desiredUpdate={"version": "4.17.1", "image": IMAGE})),
            ],
            "two policies ask for different releases",
        ),
        (cgu(clusterLabelSelectors=None), [policy("platform", version())], "selects no cluster"),
        (
            cgu(remediationStrategy={"maxConcurrency": 0}),
            [policy("platform", version())],
            "maxConcurrency must be 1 or more",
        ),
        (
            cgu(remediationStrategy={"maxConcurrency": 1, "timeout": 0}),
            [policy("platform", version())],
            "timeout must be a minute or more",
        ),
        ({"kind": "ClusterGroupUpgrade"}, [], "has no name"),
    ],
)
def test_objects_that_can_not_be_converted_are_refused_with_a_remedy(
    given: dict[str, Any], policies: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(NotConvertible) as refused:
        convert(given, policies)
    assert words in str(refused.value)


def test_a_cluster_group_upgrade_without_namespace_gives_none_to_the_update() -> None:
    given = cgu()
    del given["metadata"]["namespace"]
    found = convert(given, [policy("platform", version(), MIRROR)])
    assert update_of(found)["metadata"] == {"name": "z-stream"}


def test_two_policies_of_one_name_in_different_namespaces_are_ambiguous() -> None:
    other = policy("platform", version())
    other["metadata"]["namespace"] = "ztp-group"
    with pytest.raises(NotConvertible, match="two policies platform, in namespaces ztp-common and"):
        convert(cgu(), [policy("platform", version()), other])
    unmanaged = policy("another"), {**other, "metadata": {"name": "another", "namespace": "x"}}
    assert convert(cgu(), [policy("platform", version()), *unmanaged]).left == []


def test_a_policy_that_is_given_twice_counts_once() -> None:
    assert convert(cgu(), [policy("platform", version())] * 2).left == []


def test_a_group_upgrade_manages_the_policies_that_it_names() -> None:
    assert managed_policies(cgu(managedPolicies=["a", "b"])) == ["a", "b"]
    assert managed_policies({}) == []
