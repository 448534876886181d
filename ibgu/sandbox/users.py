"""Users of the sandbox hub: one for each role, each with a token of its own."""

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SYSTEM_NAMESPACE = "ibgu-system"
SERVICE_ACCOUNT = "ibgu"

Manifest = dict[str, Any]


class SandboxUser(NamedTuple):
    """A user by its short name, as the API server knows it."""

    username: str
    groups: tuple[str, ...] = ()


USERS: Mapping[str, SandboxUser] = {
    "admin": SandboxUser("admin", ("system:masters",)),
    "ibgu": SandboxUser(
        f"system:serviceaccount:{SYSTEM_NAMESPACE}:{SERVICE_ACCOUNT}",
        ("system:serviceaccounts", f"system:serviceaccounts:{SYSTEM_NAMESPACE}"),
    ),
    "fleet": SandboxUser("fleet"),
    "alice": SandboxUser("alice"),
    "bob": SandboxUser("bob"),
    "carol": SandboxUser("carol"),
    "olga": SandboxUser("olga"),
    "nora": SandboxUser("nora"),
}
"""`ibgu` stands for the chart's ServiceAccount; `fleet` plays every cluster's agents. `alice` may
read IBGUs, ManagedClusters, ManifestWorks, SeedImages and RolloutPolicies everywhere, `bob` IBGUs
in `default`, `carol` nothing; `olga` may what `alice` may, and change and create IBGUs and
SeedImages. `nora`, who owns the network, may what `alice` may, change and create RolloutPolicies,
approve what they ask for, and break glass."""


def new_tokens() -> dict[str, str]:
    return {name: secrets.token_urlsafe(24) for name in USERS}


def write_token_file(path: Path, tokens: Mapping[str, str]) -> Path:
    """The API server's CSV: token, user, uid, "group,group"."""
    path.touch(mode=0o600)
    path.write_text(
        "".join(
            f'{tokens[name]},{user.username},{name},"{",".join(user.groups)}"\n'
            for name, user in USERS.items()
        )
    )
    return path


def write_kubeconfig(path: Path, url: str, ca: Path, token: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sandbox",
        "clusters": [
            {"name": "sandbox", "cluster": {"server": url, "certificate-authority": str(ca)}}
        ],
        "users": [{"name": "sandbox", "user": {"token": token}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))  # JSON is YAML, and needs no quoting rules
    return path


def sandbox_rbac(payload_namespaces: Iterable[str]) -> list[Manifest]:
    """Bindings of the chart's roles to `ibgu`, and the roles of everybody else."""
    readers = [
        _rule("lcm.openshift.io", "imagebasedgroupupgrades", verbs=_READ),
        _rule("ibgu.dev", "fleetupdates", *_GRANTS, verbs=_READ),
    ]
    return [
        _cluster_role("sandbox-fleet", _FLEET),
        _binding("sandbox-fleet", "ClusterRole", _user("fleet")),
        _cluster_role("sandbox-ibgu-reader", readers),
        _cluster_role(
            "sandbox-cluster-reader",
            [
                _rule("cluster.open-cluster-management.io", "managedclusters", verbs=_READ),
                _rule("work.open-cluster-management.io", "manifestworks", verbs=_READ),
                _rule("ibgu.dev", "seedimages", "rolloutpolicies", verbs=_READ),
            ],
        ),
        _binding("sandbox-ibgu-reader", "ClusterRole", _user("alice")),
        _binding("sandbox-cluster-reader", "ClusterRole", _user("alice")),
        _binding("sandbox-ibgu-reader", "ClusterRole", _user("bob"), namespace="default"),
        _cluster_role(
            "sandbox-ibgu-operator",
            [
                _rule("lcm.openshift.io", "imagebasedgroupupgrades", verbs=(*_READ, *_WRITE)),
                _rule("ibgu.dev", "fleetupdates", verbs=(*_READ, *_WRITE)),
                _rule("ibgu.dev", "seedimages", verbs=_WRITE),
            ],
        ),
        _binding("sandbox-ibgu-operator", "ClusterRole", _user("olga")),
        _binding("sandbox-cluster-reader", "ClusterRole", _user("olga")),
        _cluster_role("sandbox-policy-owner", [_rule("ibgu.dev", *_OF_OWNER, verbs=_WRITE)]),
        _binding("sandbox-ibgu-reader", "ClusterRole", _user("nora")),
        _binding("sandbox-cluster-reader", "ClusterRole", _user("nora")),
        _binding("sandbox-policy-owner", "ClusterRole", _user("nora")),
        _binding("ibgu-controller", "ClusterRole", _IBGU),
        _binding("ibgu-adopter", "ClusterRole", _IBGU),
        _binding("ibgu-tenancy", "ClusterRole", _IBGU),
        _binding("ibgu-preflight-hub", "ClusterRole", _IBGU),
        _binding("ibgu-canary-policies", "ClusterRole", _IBGU),
        _binding("ibgu-policy-follow-ups", "ClusterRole", _IBGU),
        _binding("ibgu-api", "ClusterRole", _IBGU),
        _binding("ibgu-leader", "Role", _IBGU, namespace=SYSTEM_NAMESPACE),
        *(
            _binding("ibgu-payload-reader", "ClusterRole", _IBGU, namespace=namespace)
            for namespace in payload_namespaces
        ),
    ]


_GRANTS = ("rolloutapprovals", "breakglasses")
_OF_OWNER = ("rolloutpolicies", *_GRANTS)
_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch", "delete")
_IBGU = {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": SYSTEM_NAMESPACE}


def _user(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def _rule(group: str, *resources: str, verbs: Iterable[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_FLEET = [
    _rule(
        "cluster.open-cluster-management.io",
        *("managedclusters", "managedclusters/status"),
        verbs=(*_READ, *_WRITE),
    ),
    _rule(
        "work.open-cluster-management.io",
        *("manifestworks", "manifestworks/status"),
        verbs=(*_READ, *_WRITE),
    ),
    _rule("coordination.k8s.io", "leases", verbs=(*_READ, *_WRITE)),
    _rule("", "namespaces", verbs=(*_READ, *_WRITE)),
]


def _cluster_role(name: str, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def _binding(
    role: str, kind: str, subject: Mapping[str, str], *, namespace: str | None = None
) -> Manifest:
    """Named after role and subject, so that one role can be bound to several."""
    metadata = {"name": f"{role}-{subject['name']}"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [dict(subject)],
    }
