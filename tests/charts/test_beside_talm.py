"""The chart's policy that keeps a running TALM from IBGUs, on a real API server."""

import json
import time
from collections.abc import Iterator
from functools import partial

import pytest
import yaml

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl, KubectlResult
from tests.charts.ibgus import ibgu
from tests.charts.rendering import CHART, Object, RenderError, render
from tests.e2e import talm

NAME = "ibgu-beside-talm"
KINDS = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
TALM = "system:serviceaccount:openshift-operators:cluster-group-upgrades-controller-manager"
OTHER = "system:serviceaccount:openshift-operators:argocd"
PREP = {"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 9}}
WHY = (
    f": ibgu carries out the ImageBasedGroupUpgrades of this hub (ValidatingAdmissionPolicy {NAME})"
)


def policy(values: Object | None = None, *options: str) -> list[Object]:
    rendered = render({"besideTalm": True} | (values or {}), (), *options)
    return [o for o in rendered if o["metadata"]["name"] == NAME]


class User:
    """May do anything that the policy lets through."""

    def __init__(self, kubectl: Kubectl, name: str) -> None:
        self.name = name
        self._run = partial(kubectl.run, "--as", name)

    def __call__(self, *arguments: str, stdin: str = "") -> KubectlResult:
        return self._run(*arguments, stdin=stdin)

    def creates(self, kind: str, name: str, *options: str, **labels: str) -> KubectlResult:
        group = {"ClusterGroupUpgrade": "ran.openshift.io"}.get(
            kind, "work.open-cluster-management.io"
        )
        meta = {"name": name, "namespace": "default", "labels": labels}
        body = {"apiVersion": f"{group}/v1alpha1", "kind": kind, "metadata": meta}
        return self("create", *options, "-f", "-", stdin=json.dumps(body))

    def patches(self, kind: str, name: str, body: Object, *options: str) -> KubectlResult:
        return self("patch", kind, name, *options, "--type=merge", "-p", json.dumps(body))

    def labels(self, **labels: str | None) -> KubectlResult:
        named = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
        return self.patches("managedcluster", "site-1", {"metadata": {"labels": named}})


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    """A hub of its own: on that of all tests others play a TALM."""
    with SandboxHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def kubectl(hub: SandboxHub) -> Kubectl:
    kubectl = Kubectl(hub)
    talm.install(kubectl)
    for user in (TALM, OTHER):
        kubectl(
            "create", "clusterrolebinding", user, "--clusterrole=cluster-admin", f"--user={user}"
        )
    cluster = {"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster"}
    labels = {"lcm.openshift.io/ibgu-prep-completed": "", "ztp-running": ""}
    kubectl.apply({**cluster, "metadata": {"name": "site-1", "labels": labels}})
    kubectl.apply({**cluster, "metadata": {"name": "plain"}})
    kubectl.apply(ibgu("ran", PREP))
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(policy()))
    end = time.monotonic() + 180
    while not User(kubectl, TALM).creates("ManifestWorkReplicaSet", "x", "--dry-run=server").code:
        assert time.monotonic() < end, "the policy is not enforced"
        time.sleep(0.1)
    return kubectl


@pytest.fixture
def account(kubectl: Kubectl) -> User:
    return User(kubectl, TALM)


@pytest.fixture
def other(kubectl: Kubectl) -> User:
    return User(kubectl, OTHER)


def denied(answer: KubectlResult, change: str) -> None:
    assert answer.code, f"it may {change}"
    assert f"denied request: {TALM} may not {change}{WHY}" in answer.err, answer.err


def passes(answer: KubectlResult) -> None:
    assert not answer.code, answer.err


def test_a_template_of_an_action(account: User, other: User) -> None:
    made = account.creates("ManifestWorkReplicaSet", "ran-prep")
    denied(made, "create ManifestWorkReplicaSet default/ran-prep")
    passes(other.creates("ManifestWorkReplicaSet", "ran-prep"))
    passes(account("delete", "manifestworkreplicaset", "ran-prep"))


def test_a_group_upgrade_of_an_ibgu(account: User, other: User) -> None:
    made = account.creates("ClusterGroupUpgrade", "ran-prep-0", ibgu="ran")
    change = "create ClusterGroupUpgrade default/ran-prep-0"
    denied(made, f"{change}, which carries out an ImageBasedGroupUpgrade")
    passes(other.creates("ClusterGroupUpgrade", "ran-prep-0", ibgu="ran"))
    status: Object = {"status": {"conditions": []}}
    passes(account.patches("cgu", "ran-prep-0", status, "--subresource=status"))
    passes(account("delete", "cgu", "ran-prep-0"))


def test_a_group_upgrade_of_talms_own(account: User) -> None:
    passes(account.creates("ClusterGroupUpgrade", "site-1", upgrade="ztp"))
    passes(account.patches("cgu", "site-1", {"spec": {"enable": True}}))


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"status": {"observedGeneration": 1}}, ["--subresource=status"]),
        ({"metadata": {"annotations": {"a": "b"}}}, []),
    ],
    ids=["status", "object"],
)
def test_talm_may_not_update_an_ibgu(
    account: User, other: User, body: Object, options: list[str]
) -> None:
    denied(
        account.patches("ibgu", "ran", body, *options), "update ImageBasedGroupUpgrade default/ran"
    )
    passes(other.patches("ibgu", "ran", body, *options))


@pytest.mark.parametrize(
    "change",
    [
        {"lcm.openshift.io__ibgu_upgrade_completed": ""},
        {"lcm.openshift.io__ibgu_prep_completed": "else"},
        {"lcm.openshift.io__ibgu_prep_completed": None},
        {"lcm.openshift.io__ibgu_prep_completed": None, "ztp_done": ""},
    ],
    ids=["added", "changed", "removed", "removed with another"],
)
def test_a_label_of_an_outcome(account: User, other: User, change: dict[str, str | None]) -> None:
    written = account.labels(**change)
    denied(written, "update ManagedCluster site-1 in its labels lcm.openshift.io/ibgu-*")
    passes(other.labels(**change))
    back = {"lcm.openshift.io__ibgu_upgrade_completed": None}
    passes(other.labels(lcm__x=None, **{"lcm.openshift.io__ibgu_prep_completed": ""}, **back))


def test_other_labels_of_a_cluster(kubectl: Kubectl, account: User) -> None:
    passes(account.labels(ztp_running=None, ztp_done=""))
    annotated = {"metadata": {"annotations": {"a": "b"}}}
    passes(account.patches("managedcluster", "plain", annotated))
    labels = {"metadata": {"labels": {"ztp-running": ""}}}
    passes(account.patches("managedcluster", "plain", labels))
    passes(account.patches("managedcluster", "plain", {"metadata": {"labels": None}}))
    assert "ztp-done" in kubectl.get("managedcluster", "site-1")["metadata"]["labels"]


def test_the_hub_keeps_it_as_it_ships(kubectl: Kubectl) -> None:
    """ibgu compares: a default that the API server adds would look like someone's change."""
    shipped = yaml.safe_load((CHART / "files" / "beside-talm.yaml").read_text())
    for made, kind, part in zip(policy(), KINDS, ("policy", "binding"), strict=True):
        found = kubectl.get(kind, NAME)["spec"]
        assert found == made["spec"]
        for condition in found.get("matchConditions", ()):
            condition["expression"] = "request.userInfo.username in TALM_ACCOUNTS"
        assert found == shipped[part]


def test_the_accounts_are_those_of_the_values() -> None:
    [made, _] = policy({"talmServiceAccounts": ["talm/mine", "talm/my.other"]})
    assert made["spec"]["matchConditions"][0]["expression"] == (
        'request.userInfo.username in ["system:serviceaccount:talm:mine",'
        '"system:serviceaccount:talm:my.other"]'
    )


def test_the_policy_is_rendered_only_where_it_is_enabled() -> None:
    assert [o["kind"] for o in policy()] == KINDS
    assert policy({"besideTalm": False}) == []


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ({}, ("--kube-version=1.29.9",), "besideTalm takes Kubernetes 1.30"),
        ({"talmServiceAccounts": []}, (), "besideTalm needs talmServiceAccounts"),
        ({"talmServiceAccounts": ["talm"]}, (), "talmServiceAccounts"),
    ],
)
def test_values_that_would_drop_the_policy_are_refused(
    values: Object, options: tuple[str, ...], words: str
) -> None:
    with pytest.raises(RenderError, match=words):
        policy(values, *options)
