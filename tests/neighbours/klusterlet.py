"""Objects that a klusterlet brings onto its cluster and onto the hub: its account and its rights.

The rules are those of Open Cluster Management's own roles: a work agent may do less than an
administrator, and what a work needs beyond that it has to bring in a labelled ClusterRole.
"""

from collections.abc import Sequence

from ibgu.core.model.kinds import JsonObject

NAMESPACE = "open-cluster-management-agent"
ACCOUNT = "klusterlet-work-sa"
TO_WORK = "open-cluster-management.io/aggregate-to-work"
AGGREGATE = "open-cluster-management:klusterlet-work:aggregate"
EXECUTION = "open-cluster-management:klusterlet-work:execution"
HUB_ROLE = "open-cluster-management:managedcluster:work"
_AGENT = "open-cluster-management:klusterlet-work:agent"
_RBAC = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")
_CHANGE = ("create", "update", "patch", "delete")
_WORKS = "work.open-cluster-management.io"


def on_the_cluster() -> list[JsonObject]:
    """Returns what the klusterlet's operator creates, without what other kinds of works need."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": NAMESPACE},
        },
        _role(
            "ClusterRole",
            _AGENT,
            _rule(_WORKS, ["appliedmanifestworks"], *_READ, *_CHANGE),
            _rule(_WORKS, ["appliedmanifestworks/status"], "patch", "update"),
            _rule(_WORKS, ["appliedmanifestworks/finalizers"], "update"),
            _rule("authorization.k8s.io", ["subjectaccessreviews"], "create"),
        ),
        _role(
            "ClusterRole",
            EXECUTION,
            _rule("apiextensions.k8s.io", ["customresourcedefinitions"], *_READ, "create"),
            _rule("", ["namespaces"], *_CHANGE),
            _rule(_RBAC, ["clusterrolebindings", "rolebindings"], *_READ, *_CHANGE),
            _rule(_RBAC, ["clusterroles", "roles"], *_READ, *_CHANGE, "escalate", "bind"),
            labels={TO_WORK: "true"},
        ),
        _aggregated(AGGREGATE, {TO_WORK: "true"}),
        *(_bound("ClusterRoleBinding", role) for role in (_AGENT, AGGREGATE, "admin")),
        _role(
            "Role",
            _AGENT,
            _rule("", ["configmaps"], *_READ, *_CHANGE),
            _rule("coordination.k8s.io", ["leases"], *_READ, "create", "update", "patch"),
            _rule("", ["events"], "create", "patch", "update"),
        )
        | {"metadata": {"name": _AGENT, "namespace": NAMESPACE}},
        _bound("RoleBinding", _AGENT, role_kind="Role", namespace=NAMESPACE),
    ]


def on_the_hub(clusters: Sequence[str]) -> list[JsonObject]:
    """Returns an account for each cluster's agent, which may use the works of its own namespace."""
    role = _role(
        "ClusterRole",
        HUB_ROLE,
        _rule("", ["events"], "create", "patch", "update"),
        _rule(_WORKS, ["manifestworks"], *_READ, "update", "patch"),
        _rule(_WORKS, ["manifestworks/status"], "patch", "update"),
    )
    accounts = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": cluster},
        }
        for cluster in clusters
    ]
    bindings = [_bound("RoleBinding", HUB_ROLE, namespace=cluster) for cluster in clusters]
    return [role, *accounts, *bindings]


def _rule(group: str, resources: list[str], *verbs: str) -> JsonObject:
    return {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}


def _role(
    kind: str, name: str, *rules: JsonObject, labels: dict[str, str] | None = None
) -> JsonObject:
    meta = {"name": name, "labels": labels or {}}
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": meta, "rules": list(rules)}


def _aggregated(name: str, labels: dict[str, str]) -> JsonObject:
    rule = {"clusterRoleSelectors": [{"matchLabels": labels}]}
    return _role("ClusterRole", name) | {"aggregationRule": rule}


def _bound(
    kind: str, role: str, *, role_kind: str = "ClusterRole", namespace: str = ""
) -> JsonObject:
    """Returns the binding of the work agent's account; `namespace`: a RoleBinding's."""
    meta = {"name": role} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": meta,
        "roleRef": {"apiGroup": _RBAC, "kind": role_kind, "name": role},
        "subjects": [
            {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace or NAMESPACE}
        ],
    }
