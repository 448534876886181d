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
            f"{EXTRA}:1 error P25 Namespace sriov-attachments apiVersion: has no apiVersion",
        ),
        (
            ("kind: SriovNetworkNodePolicy\n", ""),
            f"{EXTRA}:8 error P25 object openshift-sriov-network-operator/midhaul kind: "
            "has no kind",
        ),
        (
            ("  name: midhaul\n", ""),
            f"{EXTRA}:10 error P25 SriovNetworkNodePolicy openshift-sriov-network-operator "
            "metadata.name: has no name",
        ),
        (
            ("kind: CatalogSource", "kind: Subscription"),
            f"{EXTRA}:35 error P25 Subscription openshift-marketplace/disconnected-operators kind: "
            "the Lifecycle Agent refuses this kind",
        ),
        (
            ('  annotations:\n    lca.openshift.io/apply-wave: "1"', "  labels: {ring: 1}"),
            f"{EXTRA}:5 error P25 Namespace sriov-attachments metadata.labels.ring: "
            "is not a string: put the value in quotes",
        ),
        (
            ('"1"', "one"),
            f"{EXTRA}:6 error P18 Namespace sriov-attachments "
            "metadata.annotations[lca.openshift.io/apply-wave]: 'one' is not a whole number",
        ),
        (
            ("sriovnetwork.openshift.io/v1", "lvm.topolvm.io/v1alpha1"),
            f"{EXTRA}:8 error P26 SriovNetworkNodePolicy openshift-sriov-network-operator/midhaul "
            "apiVersion: lvm.topolvm.io is a storage operator's",
        ),
        (
            ('"1"', '"2"'),
            f"{EXTRA}:30 warning P27 NetworkAttachmentDefinition sriov-attachments/attachment "
            "metadata.namespace: namespace sriov-attachments is not applied before it",
        ),
        (
            ("operators.coreos.com/v1alpha1", "operators.coreos.com/v1"),
            f"{EXTRA}:34 error P28 CatalogSource openshift-marketplace/disconnected-operators "
            "apiVersion: no cluster has CatalogSource in operators.coreos.com/v1",
        ),
        (
            (":v4.17", ":v4.16"),
            f"{EXTRA}:42 warning P28 CatalogSource openshift-marketplace/disconnected-operators "
            "spec.image: registry.example.com:5000/catalogs/redhat-operators:v4.16 is not of 4.17, "
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
    assert only(found).startswith(
        f"{EXTRA}:1 error P25 object : the document between two --- is empty"
    )


def test_invalid_yaml_is_an_error() -> None:
    found = lint_manifests(ManifestContent(tuple(read("a: b: c", EXTRA))))
    assert only(found).startswith(f"{EXTRA}:1 error P25 object : is no YAML")


def test_objects_of_one_name_and_wave_in_two_files_come_in_any_order() -> None:
    namespace = read("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}", "1.yaml")
    within = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: a}"
    same = ManifestContent((*namespace, *read(within, "1.yaml")))
    assert told(lint_manifests(same)) == []
    other = ManifestContent((*namespace, *read(within, "2.yaml")))
    assert "namespace a is not applied before it" in only(lint_manifests(other))


def test_content_is_bounded() -> None:
    many = tuple(read("kind: A\n---\n" * 1000, EXTRA))
    found = only(lint_manifests(ManifestContent((*many, *many))))
    assert found.startswith(f"{EXTRA}:0 error P25 extra manifests : has 2000 documents")


def test_objects_are_those_with_a_kind() -> None:
    assert len(ManifestContent(documents([EXTRA])).objects) == 4
