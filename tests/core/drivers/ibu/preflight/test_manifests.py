"""P25 to P28: each rule finds its mistake in extra manifests that are right otherwise."""

import pytest

from ibgu.core.drivers.ibu.preflight import ManifestContent, lint_manifests
from ibgu.documents import read
from tests.core.drivers.ibu.preflight.content import EXTRA, documents, manifests, only, told


@pytest.mark.parametrize("target", ["", "4.17.3", "soon"])
def test_the_manuals_shape_has_no_finding(target: str) -> None:
    assert told(manifests(target=target)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("apiVersion: v1\nkind: Namespace\n", "kind: Namespace\n"),
            f"{EXTRA}:1 error P25 Namespace sriov-attachments apiVersion: is missing",
        ),
        (
            ("kind: SriovNetworkNodePolicy\n", ""),
            f"{EXTRA}:8 error P25 object openshift-sriov-network-operator/midhaul kind: is missing",
        ),
        (
            ("  name: midhaul\n", ""),
            f"{EXTRA}:10 error P25 SriovNetworkNodePolicy openshift-sriov-network-operator "
            "metadata.name: is missing",
        ),
        (
            ("kind: CatalogSource", "kind: Subscription"),
            f"{EXTRA}:35 error P25 Subscription openshift-marketplace/disconnected-operators kind: "
            "the Lifecycle Agent rejects this kind",
        ),
        (
            ('  annotations:\n    lca.openshift.io/apply-wave: "1"', "  labels: {ring: 1}"),
            f"{EXTRA}:5 error P25 Namespace sriov-attachments metadata.labels.ring: "
            "must be a string: put the value in quotes",
        ),
        (
            ('    lca.openshift.io/apply-wave: "1"', "    ring: 1"),
            f"{EXTRA}:6 error P25 Namespace sriov-attachments metadata.annotations.ring: "
            "must be a string: put the value in quotes",
        ),
        (
            ('"1"', "one"),
            f"{EXTRA}:6 error P18 Namespace sriov-attachments "
            "metadata.annotations[lca.openshift.io/apply-wave]: 'one' isn't an integer",
        ),
        (
            ("sriovnetwork.openshift.io/v1", "lvm.topolvm.io/v1alpha1"),
            f"{EXTRA}:8 error P26 SriovNetworkNodePolicy openshift-sriov-network-operator/midhaul "
            "apiVersion: lvm.topolvm.io belongs to a storage operator",
        ),
        (
            ('"1"', '"2"'),
            f"{EXTRA}:30 warning P27 NetworkAttachmentDefinition sriov-attachments/attachment "
            "metadata.namespace: namespace sriov-attachments isn't applied before this object",
        ),
        (
            ("operators.coreos.com/v1alpha1", "operators.coreos.com/v1"),
            f"{EXTRA}:34 error P28 CatalogSource openshift-marketplace/disconnected-operators "
            "apiVersion: no cluster serves CatalogSource in operators.coreos.com/v1",
        ),
        (
            (":v4.17", ":v4.16"),
            f"{EXTRA}:42 warning P28 CatalogSource openshift-marketplace/disconnected-operators "
            "spec.image: registry.example.com:5000/catalogs/redhat-operators:v4.16 isn't for 4.17, "
            "the target release",
        ),
    ],
)
def test_one_mistake_is_one_finding(change: tuple[str, str], message: str) -> None:
    assert message in told(manifests(change, target="4.17.3"))


def test_a_catalog_of_its_own_numbers_is_not_judged() -> None:
    assert told(manifests((":v4.17", ":v1.2"), target="4.17.3")) == []
    assert told(manifests((":v4.17", "@sha256:4d1e"), target="4.17.3")) == []


def test_a_comment_before_the_first_separator_is_refused() -> None:
    """The Lifecycle Agent reads it as an object without a name."""
    found = lint_manifests(ManifestContent(tuple(read("# mine\n---\n", EXTRA))))
    assert only(found).startswith(f"{EXTRA}:1 error P25 object : the document is empty")


def test_invalid_yaml_is_an_error() -> None:
    found = lint_manifests(ManifestContent(tuple(read("a: b: c", EXTRA))))
    assert only(found).startswith(f"{EXTRA}:1 error P25 object : isn't valid YAML")


def test_objects_of_one_name_and_wave_in_two_files_come_in_any_order() -> None:
    namespace = read("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}", "1.yaml")
    within = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: a}"
    same = ManifestContent((*namespace, *read(within, "1.yaml")))
    assert told(lint_manifests(same)) == []
    other = ManifestContent((*namespace, *read(within, "2.yaml")))
    assert "namespace a isn't applied before this object" in only(lint_manifests(other))


def numbered(count: int, waves: int = 0) -> ManifestContent:
    """A Namespace, and objects in it that come after it by name; or each in a wave of its own."""
    wave = '  annotations: {{lca.openshift.io/apply-wave: "{0}"}}\n' if waves else ""
    parts = ["apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n" + wave.format(0)]
    parts += [
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: b{n:02}\n  namespace: a\n"
        + wave.format(min(n, waves - 1))
        for n in range(1, count)
    ]
    return ManifestContent(tuple(read("---\n".join(parts), EXTRA)))


def test_the_tenth_object_of_a_wave_is_applied_before_the_first() -> None:
    """The Lifecycle Agent sorts files whose names begin with the objects' numbers."""
    assert told(lint_manifests(numbered(9))) == []
    found = told(lint_manifests(numbered(12)))
    assert [line.split(" metadata")[0].split("/")[-1] for line in found] == ["b09", "b10", "b11"]
    assert "P27 Secret a/b09 metadata.namespace: namespace a isn't applied before" in found[0]


def test_more_waves_than_keep_their_order_are_reported() -> None:
    assert told(lint_manifests(numbered(12, waves=9))) == []
    found = only(lint_manifests(numbered(12, waves=10)))
    words = "has 10 waves: Lifecycle Agents up to 4.21 apply the tenth before the second"
    assert found == f"{EXTRA}:0 warning P18 extra manifests : {words}"


def test_content_is_bounded() -> None:
    many = tuple(read("kind: A\n---\n" * 1000, EXTRA))
    found = only(lint_manifests(ManifestContent((*many, *many))))
    assert found.startswith(f"{EXTRA}:0 error P25 extra manifests : has 2000 documents")


def test_objects_are_those_with_a_kind() -> None:
    assert len(ManifestContent(documents([EXTRA])).objects) == 4
