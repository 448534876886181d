"""Whatever a document has in whatever field, the rules find something or nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.preflight import (
    ManifestContent,
    OadpContent,
    Storage,
    lint_manifests,
    lint_oadp,
)
from ibgu.core.drivers.ibu.preflight.oadp import APPLY_LABEL
from ibgu.core.drivers.ibu.preflight.waves import APPLY_WAVE, LAST, P18, wave
from ibgu.core.model.document import Document
from ibgu.documents import read

WORDS = ("a", "", "*", "v1/pods/a/b", "a/b", "persistentvolumeclaims", "logicalvolumes", "\x1b[1A")
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([*WORDS, None, True, 7, 1.5]),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(WORDS), below, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        *("backupName", "includedNamespaces", "includedResources", "restorePVs", "restoreStatus"),
        *("includedNamespaceScopedResources", "includedClusterScopedResources", "image"),
        *("excludedClusterScopedResources", "includeClusterResources"),
    ]
)
ANNOTATIONS = st.dictionaries(st.sampled_from([APPLY_LABEL, APPLY_WAVE]), VALUES) | VALUES
METADATA = st.fixed_dictionaries(
    {}, optional={"name": VALUES, "namespace": VALUES, "labels": VALUES, "annotations": ANNOTATIONS}
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["velero.io/v1", "v1", 7]),
        "kind": st.sampled_from(["Backup", "Restore", "Namespace", "CatalogSource", []]),
        "metadata": METADATA | VALUES,
        "spec": st.dictionaries(FIELDS, VALUES) | VALUES,
    },
)


@pytest.mark.slow("every-point")
def test_a_long_label_is_looked_up_in_a_long_list() -> None:
    """Entries times resources would be 180 million comparisons."""
    backup = {
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {
            "name": "long",
            "namespace": "openshift-adp",
            "annotations": {APPLY_LABEL: ",".join(f"g/v/r{n}/x" for n in range(2_000))},
        },
        "spec": {"includedClusterScopedResources": [f"r{n}.g" for n in range(1, 90_000)]},
    }
    findings = lint_oadp(OadpContent((Document(backup),)))
    (found,) = [each.message for each in findings if each.rule.id == "P20"]
    assert found == "'g/v/r0/x' isn't backed up: spec.includedClusterScopedResources leaves out r0"


@given(st.lists(BODIES, max_size=4), st.sampled_from([None, *Storage]), st.booleans())
def test_no_content_is_too_wrong(
    bodies: list[dict[str, Any]], storage: Storage | None, secret: bool
) -> None:
    documents = tuple(map(Document, bodies))
    findings = lint_oadp(OadpContent(documents, storage, secret))
    findings += lint_manifests(ManifestContent(documents, "4.17.2"))
    for found in findings:
        assert found.message
        assert "\x1b" not in f"{found.at.object}{found.at.field}{found.message}"
        assert "\n" not in found.message


_LONG = 5_000
"""More digits than Python reads or shows in decimal."""


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"kind": "A", "metadata": {"annotations": {APPLY_WAVE: "0" * _LONG + "3"}}}, ""),
        ({"kind": "A", "metadata": {"annotations": {APPLY_WAVE: "9" * _LONG}}}, "P18"),
        ({"kind": "CatalogSource", "spec": {"image": f"a/b:v{'4' * _LONG}.17"}}, ""),
    ],
)
def test_numbers_of_any_length_are_judged(body: dict[str, Any], rule: str) -> None:
    """Python's own int() would raise ValueError, which is an answer of 500 for the author."""
    found = {each.rule.id for each in lint_manifests(ManifestContent((Document(body),), "4.17.2"))}
    assert ("P18" in found) == bool(rule)
    assert wave(Document(body)) == (3 if "3" in str(body) else LAST)


def test_a_number_of_yaml_that_can_not_be_shown_is_judged() -> None:
    text = "kind: A\nmetadata:\n  annotations:\n    {}: {}\n"
    (document,) = read(text.format(APPLY_WAVE, f"0x{'f' * _LONG}"))
    found = [each for each in lint_manifests(ManifestContent((document,))) if each.rule is P18]
    assert [each.message[:8] for each in found] == ["'0xfffff"]
