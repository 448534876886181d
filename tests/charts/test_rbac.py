"""The chart's RBAC on the real hub: what ibgu's ServiceAccount may do, and nothing else."""

from typing import NamedTuple

import httpx
import pytest

from ibgu.sandbox.users import USERS


class Resource(NamedTuple):
    """A resource or subresource, of any object or of the one called `name`."""

    group: str
    plural: str
    subresource: str = ""
    name: str = ""


IBGUS = Resource("lcm.openshift.io", "imagebasedgroupupgrades")
IBGU_STATUS = IBGUS._replace(subresource="status")
UPDATES = Resource("ibgu.dev", "fleetupdates")
UPDATE_STATUS = UPDATES._replace(subresource="status")
ROLLOUT_POLICIES = Resource("ibgu.dev", "rolloutpolicies")
CLUSTERS = Resource("cluster.open-cluster-management.io", "managedclusters")
SETS = Resource("cluster.open-cluster-management.io", "managedclustersets")
SET_BINDINGS = Resource("cluster.open-cluster-management.io", "managedclustersetbindings")
WORKS = Resource("work.open-cluster-management.io", "manifestworks")
EVENTS = Resource("events.k8s.io", "events")
LEASES = Resource("coordination.k8s.io", "leases")
TALM_LEASE = LEASES._replace(name="9a2365a3.openshift.io")
OWN_LEASE = LEASES._replace(name="ibgu-controller")
DEPLOYMENTS = Resource("apps", "deployments")
TALM = DEPLOYMENTS._replace(name="cluster-group-upgrades-controller-manager-v2")
CGUS = Resource("ran.openshift.io", "clustergroupupgrades")
TEMPLATES = Resource("work.open-cluster-management.io", "manifestworkreplicasets")
NAMESPACES, CONFIG_MAPS, SECRETS = (
    Resource("", plural) for plural in ("namespaces", "configmaps", "secrets")
)
TOKEN_REVIEWS = Resource("authentication.k8s.io", "tokenreviews")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "subjectaccessreviews")
POLICIES, POLICY_BINDINGS = (
    Resource("admissionregistration.k8s.io", plural, name="ibgu-payload-references")
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
)
TALM_POLICIES, TALM_POLICY_BINDINGS = (
    each._replace(name="ibgu-beside-talm") for each in (POLICIES, POLICY_BINDINGS)
)
CRDS = Resource("apiextensions.k8s.io", "customresourcedefinitions")
HUB_VERSION = Resource("config.openshift.io", "clusterversions", name="version")
ACM_HUBS = Resource("operator.open-cluster-management.io", "multiclusterhubs")
ACM_POLICIES = Resource("policy.open-cluster-management.io", "policies")
BINDINGS = Resource("rbac.authorization.k8s.io", "clusterrolebindings")

MAY = [
    ("list watch create", IBGUS, "site"),
    ("patch", IBGU_STATUS, "site"),
    ("list watch", UPDATES, "site"),
    ("patch", UPDATE_STATUS, "site"),
    ("list watch", ROLLOUT_POLICIES, ""),
    ("get list watch patch", CLUSTERS, ""),
    ("list", SETS, ""),
    ("list", SET_BINDINGS, "site"),
    ("get list watch create patch delete", WORKS, "spoke1"),
    ("create", EVENTS, "site"),
    ("get watch create patch", LEASES, "ibgu-system"),
    ("get", TALM_LEASE, "openshift-operators"),
    ("list", OWN_LEASE, ""),
    ("get", TALM, "openshift-operators"),
    ("list watch patch delete", CGUS, "site"),
    ("get delete", TEMPLATES, "site"),
    ("get", NAMESPACES, ""),
    ("get", CONFIG_MAPS, "openshift-adp"),
    ("get", SECRETS, "default"),
    ("get", POLICIES, ""),
    ("get", POLICY_BINDINGS, ""),
    ("get list watch", TALM_POLICIES, ""),
    ("get list watch", TALM_POLICY_BINDINGS, ""),
    ("get", HUB_VERSION, ""),
    ("list", ACM_HUBS, ""),
    ("list", ACM_POLICIES, "spoke1"),
    ("create", TOKEN_REVIEWS, ""),
    ("create", ACCESS_REVIEWS, ""),
]
MAY_NOT = [
    ("create update patch delete", SETS, ""),
    ("create", SETS._replace(subresource="bind"), ""),
    ("create update patch delete", SET_BINDINGS, "site"),
    ("get update patch delete deletecollection *", IBGUS, "site"),
    ("get update", IBGU_STATUS, "site"),
    ("get create update patch delete deletecollection *", UPDATES, "site"),
    ("get update", UPDATE_STATUS, "site"),
    ("get create update patch delete deletecollection *", ROLLOUT_POLICIES, ""),
    ("create update delete deletecollection", CLUSTERS, ""),
    ("patch update", CLUSTERS._replace(subresource="status"), ""),
    ("patch update", WORKS._replace(subresource="status"), "spoke1"),
    ("update deletecollection", WORKS, "spoke1"),
    ("get list patch", EVENTS, "site"),
    ("get create", LEASES, "spoke1"),
    ("list update delete", LEASES, "ibgu-system"),
    ("update patch", TALM_LEASE, "openshift-operators"),
    ("get list", DEPLOYMENTS, "openshift-operators"),
    ("update patch delete", TALM, "openshift-operators"),
    ("get create update deletecollection", CGUS, "site"),
    ("patch update", CGUS._replace(subresource="status"), "site"),
    ("list watch create update patch deletecollection", TEMPLATES, "site"),
    ("list watch create update patch delete", NAMESPACES, ""),
    ("list watch create update patch delete", SECRETS, "default"),
    ("list watch create update patch delete", CONFIG_MAPS, "default"),
    ("get", SECRETS, "kube-system"),
    ("get", CONFIG_MAPS, "kube-system"),
    ("get list watch", CRDS, ""),
    ("list update patch", HUB_VERSION, ""),
    ("get create update patch delete", ACM_HUBS, "open-cluster-management"),
    ("get watch create update patch delete", ACM_POLICIES, "spoke1"),
    ("create", BINDINGS, ""),
    ("impersonate", Resource("", "users"), ""),
    ("create", Resource("", "serviceaccounts", subresource="token"), "ibgu-system"),
]


def answers(
    admin: httpx.Client, verbs: str, what: Resource, namespace: str, user: str = "ibgu"
) -> dict[str, bool]:
    """The API server's answer for each verb, for the user that stands for the ServiceAccount."""
    return {verb: _allowed(admin, verb, what, namespace, user) for verb in verbs.split()}


def _allowed(admin: httpx.Client, verb: str, what: Resource, namespace: str, name: str) -> bool:
    user = USERS[name]
    attributes = {
        "verb": verb,
        "group": what.group,
        "resource": what.plural,
        "subresource": what.subresource,
        "name": what.name,
        "namespace": namespace,
    }
    spec = {"user": user.username, "groups": user.groups, "resourceAttributes": attributes}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": spec,
    }
    response = admin.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json=review)
    return bool(response.json()["status"]["allowed"])


@pytest.mark.parametrize(("verbs", "what", "namespace"), MAY)
def test_ibgu_may_use_its_rights(
    admin: httpx.Client, verbs: str, what: Resource, namespace: str
) -> None:
    assert set(answers(admin, verbs, what, namespace).values()) == {True}


@pytest.mark.parametrize(("verbs", "what", "namespace"), MAY_NOT)
def test_ibgu_may_use_no_other_rights(
    admin: httpx.Client, verbs: str, what: Resource, namespace: str
) -> None:
    assert set(answers(admin, verbs, what, namespace).values()) == {False}
