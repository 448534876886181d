"""P15 to P24: each rule finds its mistake in content that is right otherwise."""

import pytest

from ibgu.core.drivers.ibu.preflight import OadpContent, Severity, Storage, lint_oadp
from ibgu.core.model.document import Document
from ibgu.documents import read
from tests.core.drivers.ibu.preflight.content import LSO, LVMS, documents, oadp, only, told

AGENT, LVM, CLUSTER, APP = LVMS
LOCAL = LSO[-1]


@pytest.mark.parametrize(
    ("names", "storage"),
    [(LVMS, None), (LVMS, Storage.LVMS), (LSO, None), (LSO, Storage.LSO), ([AGENT], None)],
)
def test_the_manuals_shape_has_no_finding(names: list[str], storage: Storage | None) -> None:
    assert told(oadp(names=names, storage=storage)) == []


def test_a_hub_with_a_pull_secret_wants_it_listed() -> None:
    assert told(oadp(pull_secret=True)) == []
    left_out = (",v1/secrets/open-cluster-management-agent/open-cluster-management-image", "#")
    assert " P22 " in only(
        oadp((left_out[0], ",v1/secrets/x/y"), names=[AGENT], pull_secret=True)[1:]
    )
    assert "Prep fails on a cluster without v1/secrets" in only(oadp(pull_secret=False))


FOLLOW = {
    ('"2"', '"zwei"'): {"P19"},
    ('"2"', "2"): {"P19"},
    ('"2"', '"99999999999999999999"'): {"P19"},
    ("v1/serviceaccounts/", "v1/pods/"): {"P20"},
}
"""Findings of other rules that a mistake brings with it."""
APPLY = "metadata.annotations[lca.openshift.io/apply-label]"
WAVE = "metadata.annotations[lca.openshift.io/apply-wave]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("    - poddisruptionbudgets\n", "    - <application_custom_resources>\n"),
            f"{APP}:20 error P15 Backup openshift-adp/voting "
            "spec.includedNamespaceScopedResources[8]: "
            "'<application_custom_resources>' is not a name",
        ),
        (
            ("    - cronjobs\n", "    - 7\n"),
            f"{APP}:17 error P15 Backup openshift-adp/voting "
            "spec.includedNamespaceScopedResources[5]: is not a string",
        ),
        (
            ("  includedNamespaces:\n    - voting\n", "  includedNamespaces: voting\n"),
            f"{APP}:9 error P15 Backup openshift-adp/voting spec.includedNamespaces: is not a list",
        ),
        (
            ("  includedNamespaces:\n    - voting\n", "  excludedResources: [nodes]\n"),
            f"{APP}:9 error P15 Backup openshift-adp/voting spec.excludedResources: Velero "
            "refuses excludedResources together with includedClusterScopedResources",
        ),
        (
            ("  backupName: lvmcluster", "  backupName: lvm"),
            f"{LVM}:26 error P16 Restore openshift-adp/lvmcluster spec.backupName: "
            "Backup lvm is not there",
        ),
        (
            ('"2"', '"zwei"'),
            f"{LVM}:24 error P18 Restore openshift-adp/lvmcluster {WAVE}: "
            "'zwei' is not a whole number",
        ),
        (
            ('"2"', "2"),
            f"{LVM}:24 error P18 Restore openshift-adp/lvmcluster {WAVE}: "
            "2 is not a string: put the value in quotes",
        ),
        (
            ('"2"', '"99999999999999999999"'),
            f"{LVM}:24 error P18 Restore openshift-adp/lvmcluster {WAVE}: "
            "'99999999999999999999' is not a whole number",
        ),
        (
            ('"2"', '"4"'),
            f"{LVM}:24 error P19 Restore openshift-adp/lvmcluster {WAVE}: is applied in wave 4, "
            "not before voting-cluster-scoped (in wave 3) and 1 more",
        ),
        (
            ('"2"', '"0"'),
            f"{AGENT}:33 warning P19 Restore openshift-adp/acm-klusterlet {WAVE}: is applied in "
            "wave 1, after lvmcluster (in wave 0)",
        ),
        (
            ('"3"', '"4"'),
            f"{CLUSTER}:27 warning P19 Restore openshift-adp/voting-cluster-scoped {WAVE}: is "
            "applied in wave 4, not before voting (in wave 4)",
        ),
        (
            ("rbac.authorization.k8s.io/v1/clusterroles/voting,", "clusterroles/voting,"),
            f"{CLUSTER}:9 error P20 Backup openshift-adp/voting-cluster-scoped {APPLY}: "
            "'clusterroles/voting' names no object",
        ),
        (
            (",rbac.authorization.k8s.io/v1/clusterroles/voting,", ", a/v1/clusterroles/voting,"),
            f"{CLUSTER}:9 error P20 Backup openshift-adp/voting-cluster-scoped {APPLY}: "
            "'a/v1/clusterroles/voting' names no object",
        ),
        (
            ("v1/clusterroles/voting,", "v1/clusterroles/voting/a/b/c,"),
            f"{CLUSTER}:9 error P20 Backup openshift-adp/voting-cluster-scoped {APPLY}: "
            "'rbac.authorization.k8s.io/v1/clusterroles/voting/a/b/c' names no object",
        ),
        (
            ("    - securitycontextconstraints\n", ""),
            f"{CLUSTER}:9 error P20 Backup openshift-adp/voting-cluster-scoped {APPLY}: "
            "'security.openshift.io/v1/securitycontextconstraints/voting' is not taken: "
            "spec.includedClusterScopedResources lacks securitycontextconstraints",
        ),
        (
            ("    - customresourcedefinitions\n", ""),
            f"{CLUSTER}:9 error P20 Backup openshift-adp/voting-cluster-scoped {APPLY}: "
            "'apiextensions.k8s.io/v1/customresourcedefinitions/votes.example.com' is not taken: "
            "spec.includedClusterScopedResources lacks customresourcedefinitions",
        ),
        (
            (
                "apps/v1/deployments/open-cluster-management-agent/klusterlet",
                "apps/v1/deployments/k",
            ),
            f"{AGENT}:10 error P20 Backup openshift-adp/acm-klusterlet {APPLY}: "
            "'apps/v1/deployments/k' lacks a namespace: spec takes that resource by namespace",
        ),
        (
            (
                "v1/secrets/open-cluster-management-agent/bootstrap",
                "v1/secrets/elsewhere/bootstrap",
            ),
            f"{AGENT}:10 error P20 Backup openshift-adp/acm-klusterlet {APPLY}: "
            "'v1/secrets/elsewhere/bootstrap-hub-kubeconfig' is not taken: "
            "spec.includedNamespaces lacks elsewhere",
        ),
        (
            ("    - serviceaccounts\n", ""),
            f"{AGENT}:10 error P20 Backup openshift-adp/acm-klusterlet {APPLY}: "
            "'v1/serviceaccounts/open-cluster-management-agent/klusterlet' is not taken: "
            "the filters of spec leave out serviceaccounts",
        ),
        (
            ("clusterroles/open-cluster-management:klusterlet-work:ibu-role", "clusterroles/other"),
            f"{AGENT}:10 warning P21 Backup openshift-adp/acm-klusterlet {APPLY}: "
            "rbac.authorization.k8s.io/v1/clusterroles/open-cluster-management:klusterlet-work:"
            "ibu-role is not listed: it is missing after the upgrade",
        ),
        (
            ("    - services\n", "    - po\n    - ReplicaSets.apps\n"),
            f"{APP}:11 error P23 Backup openshift-adp/voting "
            "spec.includedNamespaceScopedResources: takes pods, replicasets",
        ),
        (
            ("v1/serviceaccounts/", "v1/pods/"),
            f"{AGENT}:10 error P23 Backup openshift-adp/acm-klusterlet {APPLY}: takes pods",
        ),
        (
            ("    - persistentVolumes\n", ""),
            f"{APP}:22 error P24 Backup openshift-adp/voting spec.includedClusterScopedResources: "
            "takes persistentvolumeclaims without persistentVolumes",
        ),
        (
            ("    - logicalvolumes.topolvm.io\n", ""),
            f"{APP}:22 error P24 Backup openshift-adp/voting spec.includedClusterScopedResources: "
            "takes persistentvolumeclaims without logicalvolumes.topolvm.io",
        ),
        (
            ("  restorePVs: true\n", ""),
            f"{APP}:36 error P24 Restore openshift-adp/voting spec.restorePVs: is not true: "
            "volumes come back empty",
        ),
        (
            ("      - logicalvolumes\n", "      - services\n"),
            f"{APP}:40 error P24 Restore openshift-adp/voting "
            "spec.restoreStatus.includedResources: lacks logicalvolumes: volumes come back empty",
        ),
    ],
)
def test_one_mistake_is_one_finding(change: tuple[str, str], message: str) -> None:
    found = told(oadp(change))
    assert message in found
    rules = {line.split()[2] for line in found}
    assert rules - {message.split()[2]} <= FOLLOW.get(change, set())


def variant(text: str) -> list[str]:
    """Returns what is found in a document more, in content that is right otherwise."""
    more = read(text, "more.yaml")
    findings = lint_oadp(OadpContent((*documents(LVMS), *more)))
    return [line.partition(" ")[2] for line in told(findings) if line.startswith("more.yaml")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [", "error P15 object : is no YAML: "),
        ("a: b", "error P15 object kind: has no kind: the Lifecycle Agent can't read"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}",
            "warning P15 Secret x kind: Secret of v1 is ignored: only Backup and Restore of",
        ),
        ("kind: Backup", "warning P15 Backup kind: Backup of no apiVersion is ignored"),
    ],
)
def test_documents_other_than_backup_and_restore_are_reported(text: str, message: str) -> None:
    (found,) = variant(text)
    assert found.startswith(message)


def test_a_comment_between_two_separators_is_nothing() -> None:
    assert variant("# written by hand\n---\n") == []


def test_a_backup_without_anything() -> None:
    assert variant(
        "apiVersion: velero.io/v1\nkind: Backup\nmetadata: {labels: {a: 1}}\nspec: x"
    ) == [
        "error P15 Backup metadata.name: has no name",
        "error P15 Backup metadata.labels.a: is not a string: put the value in quotes",
        "error P15 Backup metadata.namespace: namespace is missing: Velero reads openshift-adp",
        "error P16 Backup metadata.name: no Restore names it",
        "warning P17 Backup metadata.labels[velero.io/storage-location]: has no label "
        "velero.io/storage-location",
        "error P15 Backup spec: is not an object",
        "error P23 Backup spec.includedNamespaceScopedResources: takes pods, endpoints, "
        "controllerrevisions, podmetrics, packagemanifests, replicasets",
        "error P24 Backup spec.includedClusterScopedResources: takes persistentvolumeclaims "
        "without logicalvolumes.topolvm.io",
        "error P24 Backup spec.includedClusterScopedResources: takes persistentvolumeclaims "
        "without persistentVolumes",
    ]


def test_values_of_the_wrong_type() -> None:
    text = """
apiVersion: velero.io/v1
kind: Restore
metadata: {name: 417, namespace: openshift-adp, labels: [], annotations: x}
spec: {backupName: 417, restorePVs: "true"}
"""
    found = [line.replace("openshift-adp", "") for line in variant(text) if "P15" in line]
    assert found == [
        "error P15 Restore  metadata.name: is not a string: put the value in quotes",
        "error P15 Restore  metadata.labels: is not an object",
        "error P15 Restore  metadata.annotations: is not an object",
        "error P15 Restore  spec.backupName: is not a string: put the value in quotes",
        "error P15 Restore  spec.restorePVs: must be true or false",
    ]


def test_content_is_bounded() -> None:
    many = tuple(read("kind: A\n---\n" * 1000, "a.yaml"))
    (found,) = told(lint_oadp(OadpContent((*many, *many))))
    assert found.endswith("has 2000 documents: at most 1000 are checked together")
    wrong = "      - a b\n" * 3000
    listed = oadp(("    - votes.example.com\n", wrong.replace("      ", "    ")))
    assert len(listed) == 1000


def test_a_restore_of_nothing() -> None:
    text = """
apiVersion: velero.io/v1
kind: Restore
metadata: {name: x, namespace: openshift-adp, labels: {velero.io/storage-location: default}}
"""
    assert variant(text) == ["error P16 Restore openshift-adp/x spec.backupName: names no Backup"]


def test_everything_but_what_the_cluster_makes_itself_may_be_taken() -> None:
    excluded = "pods, endpoints, controllerrevisions, podmetrics, packagemanifests, replicasets"
    change = ("  includedNamespaceScopedResources:\n    - lvmclusters\n    - lvmvolumegroups\n"
              "    - lvmvolumegroupnodestatuses\n",
              f"  includedNamespaceScopedResources: ['*', lvmclusters]\n"
              f"  excludedNamespaceScopedResources: [{excluded}]\n")  # fmt: skip
    assert told(oadp(change)) == []


def test_content_without_anything() -> None:
    assert told(lint_oadp(OadpContent(()))) == [
        ":0 error P16 OADP content : has neither a Backup nor a Restore",
        ":0 error P21 OADP content : no Backup is of namespace open-cluster-management-agent: "
        "the hub loses the cluster",
    ]


def test_an_agent_that_is_not_backed_up() -> None:
    assert only(oadp(names=[CLUSTER])).startswith(f"{CLUSTER}:0 error P21 OADP content : no Backup")


def test_one_name_twice() -> None:
    again = documents([APP])
    found = told(lint_oadp(OadpContent((*documents(LVMS), *again))))
    assert [line for line in found if "P17" in line] == [
        f"{APP}:4 error P17 Backup openshift-adp/voting metadata.name: Backup voting is in "
        f"{APP}:1, too: only one of them is carried out",
        f"{APP}:30 error P17 Restore openshift-adp/voting metadata.name: Restore voting is in "
        f"{APP}:27, too: only one of them is carried out",
    ]
    unnamed = tuple(each for text in (APP, APP) for each in _without_file(text))
    assert "is in another document" in " ".join(told(lint_oadp(OadpContent(unnamed))))


def _without_file(name: str) -> list[Document]:
    return [Document(each.body) for each in documents([name])]


def test_two_restores_of_one_backup_leave_another_one_out() -> None:
    found = told(oadp(("  backupName: voting-cluster-scoped", "  backupName: voting")))
    assert [line for line in found if "P16" in line] == [
        f"{CLUSTER}:4 warning P16 Backup openshift-adp/voting-cluster-scoped metadata.name: "
        "no Restore names it",
        f"{APP}:37 warning P16 Restore openshift-adp/voting spec.backupName: "
        "another Restore names Backup voting, too",
    ]


def test_a_restore_too_many() -> None:
    more = [each for each in documents([APP]) if each.kind == "Restore"]
    found = told(lint_oadp(OadpContent((*documents(LVMS), *more))))
    assert [line for line in found if "P16" in line] == [
        f"{APP}:37 error P16 Restore openshift-adp/voting spec.backupName: "
        "another Restore names Backup voting, too",
    ]


def test_a_restore_without_a_wave_is_the_last() -> None:
    gone = ('  annotations:\n    lca.openshift.io/apply-wave: "2"\n', "")
    assert "has no wave and is applied last, not before" in only(oadp(gone))
    both = ('lca.openshift.io/apply-wave: "', 'example.com/other: "')
    assert "not before voting-cluster-scoped (without a wave)" in " ".join(told(oadp(both)))


def test_the_local_storage_operator() -> None:
    taken = ("  excludedClusterScopedResources:\n    - persistentVolumes\n", "")
    assert (
        "P24 Backup openshift-adp/voting spec: takes persistentvolumeclaims, and nothing"
        in only(oadp(taken, names=LSO))
    )
    assert "does not exclude persistentVolumes" in only(oadp(taken, names=LSO, storage=Storage.LSO))
    assert "takes localvolumes" in only(
        oadp(("    - statefulsets", "    - localvolumes"), names=LSO, storage=Storage.LSO)
    )


def test_content_for_the_other_storage_operator() -> None:
    found = told(oadp(storage=Storage.LSO))
    assert (
        f"{LVM}:8 error P24 Backup openshift-adp/lvmcluster spec: is of LVM Storage, but"
        in (found[0])
    )
    for storage in (Storage.LVMS, None):
        missing = told(oadp(names=(AGENT, CLUSTER, APP), storage=storage))
        assert missing == [
            ":0 error P24 OADP content : no Backup is of lvmclusters, and the clusters have LVMS"
        ]


def test_labelled_claims_are_volumes() -> None:
    labelled = ("  labels:\n", "  annotations:\n    lca.openshift.io/apply-label: "
                "v1/persistentvolumeclaims/voting/votes\n  labels:\n")  # fmt: skip
    agentless = told(oadp(labelled, names=[LOCAL], storage=Storage.LVMS))
    assert "without logicalvolumes.topolvm.io" in " ".join(agentless)


def test_cluster_scoped_resources_of_the_core() -> None:
    listed = ("apiextensions.k8s.io/v1/customresourcedefinitions/votes.example.com", "v1/nodes/a")
    assert "lacks nodes" in only(oadp(listed))
    everything = (
        "  excludedClusterScopedResources:\n    - Namespace\n",
        "  includeClusterResources: true\n",
    )
    found = told(oadp(listed, everything))
    assert [line for line in found if "P20" in line] == []


@pytest.mark.parametrize("entry", ["/v1/persistentvolumes/a", "/v1/configmaps/voting/a"])
def test_the_group_of_the_core_may_be_written_as_nothing(entry: str) -> None:
    """The Lifecycle Agent counts the parts, and takes the first of four or five as the group."""
    text = f"""
apiVersion: velero.io/v1
kind: Backup
metadata:
  name: x
  namespace: openshift-adp
  annotations: {{lca.openshift.io/apply-label: {entry}}}
spec:
  includedNamespaces: [voting]
  includedNamespaceScopedResources: [configmaps]
  includedClusterScopedResources: [persistentvolumes]
"""
    assert [line for line in variant(text) if "P20" in line] == []
    nothing = [line for line in variant(text.replace(entry, "/configmaps/a")) if "P20" in line]
    assert nothing[0].endswith("'/configmaps/a' names no object")


def test_findings_have_a_remedy_and_a_severity() -> None:
    (found,) = oadp(names=[CLUSTER])
    assert found.severity is Severity.ERROR
    assert found.remedy == found.rule.remedy
