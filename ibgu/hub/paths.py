"""Builds the paths of the objects that ibgu reads and writes: groups, collections and objects."""

from collections.abc import Mapping
from urllib.parse import quote

from ibgu.core.model import names

OWN_GROUP = "ibgu.dev"
"""The group of the kinds that are ibgu's own."""
IBGU_GROUP, IBGU_VERSION = "lcm.openshift.io", "v1alpha1"
CLUSTER_GROUP, WORK_GROUP = "cluster.open-cluster-management.io", "work.open-cluster-management.io"
CGU_GROUP, CGU_VERSION = "ran.openshift.io", "v1alpha1"

_WORK_API = f"/apis/{WORK_GROUP}/v1"
_MWRS_API = f"/apis/{WORK_GROUP}/v1alpha1"
_CGU_API = f"/apis/{CGU_GROUP}/{CGU_VERSION}"
_LEASE_API = "/apis/coordination.k8s.io/v1"
_EVENT_API = "/apis/events.k8s.io/v1"
ADMISSION_GROUP = "admissionregistration.k8s.io"
POLICIES = f"/apis/{ADMISSION_GROUP}/v1/validatingadmissionpolicies"
POLICY_BINDINGS = f"/apis/{ADMISSION_GROUP}/v1/validatingadmissionpolicybindings"

MANAGED_CLUSTERS = f"/apis/{CLUSTER_GROUP}/v1/managedclusters"
CLUSTER_SETS = f"/apis/{CLUSTER_GROUP}/v1beta2/managedclustersets"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SUBJECT_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
SELF_SUBJECT_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SELF_SUBJECT_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
VERSION = "/version"
OPENAPI = "/openapi/v3"

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class InvalidName(ValueError):
    """InvalidName: no Kubernetes object can have the name; the message says so."""


def segment(name: str) -> str:
    """Returns `name` as one part of a path. Raises InvalidName.

    Names come from users' manifests too: one with a slash must not reach another object, and an
    empty one not the whole collection.
    """
    if name in ("", ".", ".."):
        raise InvalidName(f"{name!r} is not a name of a Kubernetes object")
    return quote(name, safe="")


def resource(path: str) -> str:
    """Returns the plural that a path leads to, with its subresource: "manifestworks/status"; empty
    if the path is no API object's, such as `VERSION`."""
    _, root, *parts = path.split("/")
    parts = parts[{"api": 1, "apis": 2}.get(root, len(parts)) :]
    if len(parts) > 2 and parts[0] == "namespaces":
        parts = parts[2:]
    return "/".join((*parts[:1], *parts[2:]))


def _collection(api: str, plural: str, namespace: str | None) -> str:
    if namespace is None:
        return f"{api}/{plural}"
    return f"{api}/namespaces/{segment(namespace)}/{plural}"


IBGU_RESOURCES = f"/apis/{IBGU_GROUP}/{IBGU_VERSION}"
"""Path of the resources that the group serves; a hub without the CRD has no such path."""


ROLLOUT_KINDS: Mapping[str, tuple[str, str]] = {
    names.IBGU: (f"{IBGU_GROUP}/{IBGU_VERSION}", "imagebasedgroupupgrades"),
    names.FLEET_UPDATE: (f"{OWN_GROUP}/v1alpha1", "fleetupdates"),
}
"""apiVersion and plural of the kinds that ask for rollouts."""


def rollout_objects(kind: str, namespace: str | None = None) -> str:
    """Returns the path of the objects of one of ROLLOUT_KINDS; None means all namespaces, here and
    below."""
    version, plural = ROLLOUT_KINDS[kind]
    return _collection(f"/apis/{version}", plural, namespace)


def rollout_object(kind: str, namespace: str, name: str) -> str:
    return f"{rollout_objects(kind, namespace)}/{segment(name)}"


def rollout_status(kind: str, namespace: str, name: str) -> str:
    return f"{rollout_object(kind, namespace, name)}/status"


def ibgus(namespace: str | None = None) -> str:
    return rollout_objects(names.IBGU, namespace)


def ibgu(namespace: str, name: str) -> str:
    return rollout_object(names.IBGU, namespace, name)


def ibgu_status(namespace: str, name: str) -> str:
    return rollout_status(names.IBGU, namespace, name)


def managed_cluster(name: str) -> str:
    return f"{MANAGED_CLUSTERS}/{segment(name)}"


def cluster_set_bindings(namespace: str | None = None) -> str:
    return _collection(f"/apis/{CLUSTER_GROUP}/v1beta2", "managedclustersetbindings", namespace)


def works(namespace: str | None = None) -> str:
    return _collection(_WORK_API, "manifestworks", namespace)


def work(namespace: str, name: str) -> str:
    return f"{works(namespace)}/{segment(name)}"


def policies(namespace: str | None = None) -> str:
    """Returns the path of the policies of Open Cluster Management, such as those in a cluster's
    namespace."""
    return _collection("/apis/policy.open-cluster-management.io/v1", "policies", namespace)


def addons(namespace: str) -> str:
    """Returns the path of a cluster's ManagedClusterAddOns."""
    return _collection(
        "/apis/addon.open-cluster-management.io/v1alpha1", "managedclusteraddons", namespace
    )


def cgus(namespace: str | None = None) -> str:
    return _collection(_CGU_API, "clustergroupupgrades", namespace)


def cgu(namespace: str, name: str) -> str:
    return f"{cgus(namespace)}/{segment(name)}"


def work_replica_set(namespace: str, name: str) -> str:
    return f"{_collection(_MWRS_API, 'manifestworkreplicasets', namespace)}/{segment(name)}"


def leases(namespace: str | None = None) -> str:
    return _collection(_LEASE_API, "leases", namespace)


def lease(namespace: str, name: str) -> str:
    return f"{leases(namespace)}/{segment(name)}"


def events(namespace: str | None = None) -> str:
    return _collection(_EVENT_API, "events", namespace)


def config_map(namespace: str, name: str) -> str:
    return f"{_collection('/api/v1', 'configmaps', namespace)}/{segment(name)}"


def secret(namespace: str, name: str) -> str:
    return f"{_collection('/api/v1', 'secrets', namespace)}/{segment(name)}"


def policy(name: str) -> str:
    """Returns the path of a ValidatingAdmissionPolicy."""
    return f"{POLICIES}/{segment(name)}"


def policy_binding(name: str) -> str:
    return f"{POLICY_BINDINGS}/{segment(name)}"


def routes(namespace: str | None = None) -> str:
    """Returns the path of OpenShift's Routes."""
    return _collection("/apis/route.openshift.io/v1", "routes", namespace)


def ingresses(namespace: str | None = None) -> str:
    return _collection("/apis/networking.k8s.io/v1", "ingresses", namespace)


def pods(namespace: str) -> str:
    return _collection("/api/v1", "pods", namespace)


def pod_log(namespace: str, name: str) -> str:
    return f"{pods(namespace)}/{segment(name)}/log"


SEED_IMAGES = f"/apis/{OWN_GROUP}/v1alpha1/seedimages"


def seed_image(name: str) -> str:
    return f"{SEED_IMAGES}/{segment(name)}"


OWN_RESOURCES = f"/apis/{OWN_GROUP}/v1alpha1"
"""Path of the resources that are served of ibgu's own kinds."""
ROLLOUT_POLICIES = f"{OWN_RESOURCES}/rolloutpolicies"


def rollout_policy(name: str) -> str:
    return f"{ROLLOUT_POLICIES}/{segment(name)}"


def rollout_approvals(namespace: str | None = None) -> str:
    return _collection(OWN_RESOURCES, "rolloutapprovals", namespace)


def break_glasses(namespace: str | None = None) -> str:
    return _collection(OWN_RESOURCES, "breakglasses", namespace)


NAMESPACES = "/api/v1/namespaces"


def namespace(name: str) -> str:
    return f"{NAMESPACES}/{segment(name)}"


def deployment(namespace: str, name: str) -> str:
    return f"{_collection('/apis/apps/v1', 'deployments', namespace)}/{segment(name)}"
