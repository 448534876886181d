"""P15, P18, P20, P24 and P25: what the API server, Velero or the Lifecycle Agent rejects, or
ignores without a word."""

from collections.abc import Collection
from difflib import get_close_matches

import pytest

from ibgu.core.drivers.ibu.preflight import (
    ManifestContent,
    OadpContent,
    Storage,
    lint_manifests,
    lint_oadp,
    oadp_specs,
)
from ibgu.core.model.document import Document
from ibgu.documents import read
from tests.core.drivers.ibu.preflight.content import (
    LSO,
    LVMS,
    manifests,
    oadp,
    only,
    told,
)

AGENT, LVM, CLUSTER, APP = LVMS
SPEC = "  includedNamespaces:\n    - voting\n"
"""The first lines of spec in the application's Backup."""
RESTORE = "  backupName: voting\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("  includedNamespaces:\n    - voting", "  includedNamespace:\n    - voting"),
            f"{APP}:9 warning P15 Backup openshift-adp/voting spec.includedNamespace: Backup of "
            "velero.io/v1 has no such field, so it is ignored: did you mean includedNamespaces?",
        ),
        (
            ("  restorePVs: true\n", "  restorePVs: true\n  x: 1\n"),
            f"{APP}:39 warning P15 Restore openshift-adp/voting spec.x: Restore of velero.io/v1 "
            "has "
            "no such field, so it is ignored",
        ),
        (
            (SPEC, f"{SPEC}  snapshotVolume: false\n"),
            f"{APP}:11 warning P15 Backup openshift-adp/voting spec.snapshotVolume: Backup of "
            "velero.io/v1 has no such field, so it is ignored: did you mean snapshotVolumes?",
        ),
        (
            ("kind: Backup\nmetadata:\n  name: voting\n",
             "kind: Backup\nspecs: {}\nmetadata:\n  name: voting\n"),
            f"{APP}:3 warning P15 Backup openshift-adp/voting specs: Backup of velero.io/v1 has no "
            "such field, so it is ignored: did you mean spec?",
        ),
        (
            ("    - job\n", "    - '*'\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting "
            "spec.includedNamespaceScopedResources: "
            "* must be the only item: Velero rejects the Backup",
        ),
        (
            ("  excludedClusterScopedResources:\n    - Namespace\n",
             "  excludedClusterScopedResources: ['*']\n"),
            f"{CLUSTER}:16 error P15 Backup openshift-adp/voting-cluster-scoped "
            "spec.excludedClusterScopedResources: can't be *: Velero rejects the Backup",
        ),
        (
            (SPEC, f"{SPEC}  excludedNamespaces: ['*']\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting spec.excludedNamespaces: can't be *: "
            "Velero rejects the Backup",
        ),
        (
            (SPEC, f"{SPEC}  excludedNamespaces: [other, voting]\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting spec.excludedNamespaces: lists "
            "voting, "
            "as includedNamespaces does: Velero rejects the Backup",
        ),
        (
            (SPEC, f"{SPEC}  excludedNamespaces: [-a]\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting spec.excludedNamespaces[0]: '-a' "
            "isn't a valid name",
        ),
        (
            (SPEC, f"{SPEC}  includeClusterResources: false\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting spec.includeClusterResources: "
            "can't be "
            "combined with includedClusterScopedResources: Velero rejects the Backup",
        ),
        (
            (SPEC, f"{SPEC}  labelSelector: {{}}\n  orLabelSelectors: []\n"),
            f"{APP}:11 error P15 Backup openshift-adp/voting spec.labelSelector: can't be combined "
            "with orLabelSelectors: Velero rejects the Backup",
        ),
        (
            ("  restorePVs: true\n", "  restorePVs: true\n  scheduleName: nightly\n"),
            f"{APP}:39 error P15 Restore openshift-adp/voting spec.scheduleName: can't be combined "
            "with backupName: Velero rejects the Restore",
        ),
        (
            ("  backupName: voting-cluster-scoped\n",
             "  backupName: voting-cluster-scoped\n  includedResources: [nodes]\n"),
            f"{CLUSTER}:30 error P15 Restore openshift-adp/voting-cluster-scoped "
            "spec.includedResources[0]: nodes can't be restored: Velero rejects the Restore",
        ),
        (
            ("  restorePVs: true\n", "  restorePVs: true\n  existingResourcePolicy: Update\n"),
            f"{APP}:39 error P15 Restore openshift-adp/voting spec.existingResourcePolicy: "
            "'Update' "
            "must be none or update: Velero rejects the Restore",
        ),
        (
            ("  name: voting\n", "  name: My_App\n"),
            f"{APP}:4 error P15 Backup openshift-adp/My_App metadata.name: 'My_App' isn't a valid "
            "name",
        ),
        (
            ("    velero.io/storage-location: default\n",
             "    velero.io/storage-location: default\n    site: north side\n"),
            f"{APP}:8 error P15 Backup openshift-adp/voting metadata.labels.site: 'north side' "
            "isn't a valid value of a label",
        ),
        (
            ("    velero.io/storage-location: default\n",
             "    velero.io/storage-location: default\n    a/b/c: x\n"),
            f"{APP}:8 error P15 Backup openshift-adp/voting metadata.labels[a/b/c]: isn't a valid "
            "key",
        ),
        (
            ("  namespace: openshift-adp\n", "  namespace: velero\n"),
            f"{APP}:5 error P15 Backup velero/voting metadata.namespace: velero isn't "
            "openshift-adp: Velero reads no other namespace",
        ),
        (
            ('  annotations:\n    lca.openshift.io/apply-wave: "4"\n',
             '    lca.openshift.io/apply-wave: "4"\n'),
            f"{APP}:34 warning P18 Restore openshift-adp/voting "
            "metadata.labels[lca.openshift.io/apply-wave]: is a label: the Lifecycle Agent reads "
            "the annotation of that name",
        ),
        (
            ("  name: voting-cluster-scoped\n", f"  name: {'v' * 64}\n"),
            f"{CLUSTER}:4 error P20 Backup openshift-adp/{'v' * 64} metadata.name: must have at "
            "most 63 characters: it is the value of a label",
        ),
        (
            ("  includedClusterScopedResources:\n    - customresource",
             "  orLabelSelectors: []\n  includedClusterScopedResources:\n    - customresource"),
            f"{CLUSTER}:11 error P20 Backup openshift-adp/voting-cluster-scoped "
            "spec.orLabelSelectors: can't be combined with apply-label, for which the Lifecycle "
            "Agent selects by label",
        ),
        (
            ("  includedClusterScopedResources:\n    - customresource",
             "  labelSelector: {matchLabels: {a: b}}\n"
             "  includedClusterScopedResources:\n    - customresource"),
            f"{CLUSTER}:11 warning P20 Backup openshift-adp/voting-cluster-scoped "
            "spec.labelSelector: must match, too: objects of apply-label without these labels "
            "aren't backed up",
        ),
        (
            (RESTORE, f"{RESTORE}  includedResources: [pvc, deployments]\n"),
            f"{APP}:38 error P24 Restore openshift-adp/voting spec.includedResources: leaves out "
            "persistentvolumes: volumes come back empty",
        ),
        (
            (RESTORE, f"{RESTORE}  excludedResources: [logicalvolumes.topolvm.io]\n"),
            f"{APP}:38 error P24 Restore openshift-adp/voting spec.excludedResources: excludes "
            "logicalvolumes: volumes come back empty",
        ),
        (
            (RESTORE, f"{RESTORE}  includeClusterResources: false\n"),
            f"{APP}:38 error P24 Restore openshift-adp/voting spec.includeClusterResources: leaves "
            "out persistentvolumes: volumes come back empty",
        ),
        (
            ("      - logicalvolumes\n", "      - '*'\n    excludedResources: [logicalvolumes]\n"),
            f"{APP}:40 error P24 Restore openshift-adp/voting "
            "spec.restoreStatus.includedResources: "
            "must include logicalvolumes: otherwise volumes come back empty",
        ),
    ],
)  # fmt: skip
def test_one_mistake_is_found(change: tuple[str, str], message: str) -> None:
    assert any(line.startswith(message) for line in told(oadp(change))), told(oadp(change))


@pytest.mark.parametrize(
    "change",
    [
        (SPEC, f"{SPEC}  ttl: 240h\n  csiSnapshotTimeout: 10m\n  hooks: {{}}\n"),
        (SPEC, "  includedNamespaces: ['voting-*', vot?ng]\n"),
        (SPEC, "  includedNamespaces: ['*']\n  excludedNamespaces: ['kube-*']\n"),
        (RESTORE, f"{RESTORE}  existingResourcePolicy: update\n"),
        (RESTORE, f"{RESTORE}  excludedResources: [jobs]\n"),
        (RESTORE, f"{RESTORE}  includedResources: ['*']\n"),
        (RESTORE, f"{RESTORE}  includedResources: [pv, pvc, logicalvolumes, deployments]\n"),
        ("      - logicalvolumes\n", "      - '*'\n"),
        (
            "    velero.io/storage-location: default\n",
            "    velero.io/storage-location: default\n    site: ''\n    example.com/Site: A.b\n",
        ),
    ],
)
def test_specs_that_velero_accepts_have_no_finding(change: tuple[str, str]) -> None:
    assert told(oadp(change)) == []


def test_namespaces_of_a_pattern_are_backed_up() -> None:
    named = "    - open-cluster-management-agent\n"
    taken = told(oadp((named, "    - open-cluster-*\n")))
    assert [line for line in taken if "P20" in line] == []
    left_out = told(oadp((named, "    - '*'\n  excludedNamespaces: ['open-*']\n")))
    assert "spec leaves out namespace open-cluster-management-agent" in " ".join(left_out)


def test_the_whole_namespace_of_lvm_storage_is_a_platform_backup() -> None:
    listed = ("  includedNamespaceScopedResources:\n    - lvmclusters\n    - lvmvolumegroups\n"
              "    - lvmvolumegroupnodestatuses\n")  # fmt: skip
    excluded = "pods, endpoints, controllerrevisions, podmetrics, packagemanifests, replicasets"
    whole = (listed, f"  excludedNamespaceScopedResources: [{excluded}]\n")
    assert told(oadp(whole)) == []
    without = (listed, f"  excludedNamespaceScopedResources: [{excluded}, lvmclusters]\n")
    assert "no Backup includes lvmclusters" in " ".join(told(oadp(without)))


def test_a_restore_on_local_volumes_may_leave_out_what_it_likes() -> None:
    change = (RESTORE, f"{RESTORE}  includedResources: [pvc, deployments]\n")
    assert told(oadp(change, names=LSO, storage=Storage.LSO)) == []


def test_many_waves_of_restores_are_reported_and_of_backups_are_not() -> None:
    pair = """
apiVersion: velero.io/v1
kind: {kind}
metadata:
  name: n{n}
  namespace: openshift-adp
  annotations: {{lca.openshift.io/apply-wave: "{n}"}}
spec: {{backupName: n{n}}}
"""
    for kind, expected in (("Restore", 1), ("Backup", 0)):
        more = read("---".join(pair.format(kind=kind, n=n) for n in range(10, 20)))
        findings = lint_oadp(OadpContent(tuple(more)))
        found = [each.message for each in findings if each.rule.id == "P18"]
        assert len(found) == expected
        assert all(each.startswith("has 10 waves: Lifecycle Agents") for each in found)


def test_the_nearest_backup_is_suggested() -> None:
    misspelt = ("  backupName: lvmcluster\n", "  backupName: lvmclusters\n")
    assert "Backup lvmclusters doesn't exist: did you mean lvmcluster?" in " ".join(
        told(oadp(misspelt))
    )
    unlike = ("  backupName: lvmcluster\n", "  backupName: db\n")
    assert any(line.endswith("Backup db doesn't exist") for line in told(oadp(unlike)))
    strange = ("  backupName: lvmcluster\n", "  backupName: lvmcluster_\n")
    assert any(line.endswith("lvmcluster_ doesn't exist") for line in told(oadp(strange)))


def test_an_apply_type_is_replace_or_merge() -> None:
    wave = '    lca.openshift.io/apply-wave: "1"\n'
    for how in ("replace", "merge"):
        assert told(manifests((wave, f"{wave}    lca.openshift.io/apply-type: {how}\n"))) == []
    found = only(manifests((wave, f"{wave}    lca.openshift.io/apply-type: Merge\n")))
    assert found.endswith(
        "metadata.annotations[lca.openshift.io/apply-type]: 'Merge' must be replace or merge: an "
        "object that exists isn't changed"
    )


def test_a_list_is_not_read_as_its_items() -> None:
    listed = tuple(read("apiVersion: v1\nkind: List\nitems: []\n"))
    found = lint_manifests(ManifestContent(listed))
    assert only(found).endswith(
        "items: must be the objects themselves: the Lifecycle Agent doesn't read the items of "
        "a List"
    )


def test_a_wave_as_a_label_of_a_manifest_is_reported() -> None:
    found = manifests(("  annotations:\n    lca.openshift.io/apply-wave: \"1\"",
                       "  labels:\n    lca.openshift.io/apply-wave: \"1\""))  # fmt: skip
    assert "warning P18 Namespace sriov-attachments metadata.labels[" in " ".join(told(found))


@pytest.mark.slow("every-point")
def test_few_of_many_unknown_fields_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def noted(field: str, known: Collection[str], count: int) -> list[str]:
        compared.append(field)
        return get_close_matches(field, known, count)

    monkeypatch.setattr(oadp_specs, "get_close_matches", noted)
    spec = {f"includedNamespace{n}{'x' * 1_000}": 1 for n in range(200)}
    metadata = {"name": "a", "namespace": "openshift-adp"}
    backup = {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": spec}
    found = lint_oadp(OadpContent((Document(backup),) * 1_000))
    assert len([each for each in found if "no such field" in each.message]) == 1_000
    assert 0 < len(compared) <= 5_000
    assert max(map(len, compared)) <= 60
