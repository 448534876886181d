"""A ServiceAccount that has ibgu's rights, but for those that a test takes away."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ibgu.hub.authorization.rights import TENANCY, Account, Right, needed
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE, write_kubeconfig

NAME = "lesser"
ACCOUNT = Account(SYSTEM_NAMESPACE, NAME)
RBAC = "/apis/rbac.authorization.k8s.io/v1"
EVERYWHERE = (
    *needed("controller"),
    *needed("api"),
    *needed("payload-reader"),
    *needed(TENANCY),
)
LEADER = tuple(needed("leader", SYSTEM_NAMESPACE))

Object = dict[str, Any]


class LimitedAccount:
    """Bound to a ClusterRole and a Role of its own, so that no one else's rights change."""

    def __init__(self, hub: SandboxHub, admin: HubClient, folder: Path) -> None:
        self._hub = hub
        self._admin = admin
        self._folder = folder

    async def kubeconfig(self) -> str:
        """A kubeconfig with a token of its own, as a pod has one."""
        base = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts"
        await self._put(base, {"apiVersion": "v1", "kind": "ServiceAccount"})
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await self._admin.request("POST", f"{base}/{NAME}/token", body=body)
        token = json.loads(answer)["status"]["token"]
        path = self._folder / "lesser.kubeconfig"
        return str(write_kubeconfig(path, self._hub.url, self._hub.ca_file, token))

    async def grant(self, *without: Right, leader: Iterable[Right] = LEADER) -> None:
        """Everything that the chart's roles grant, without these; as `leader` perhaps less."""
        theirs = f"{RBAC}/namespaces/{SYSTEM_NAMESPACE}"
        kept = [right for right in EVERYWHERE if right not in without]
        await self._put(f"{RBAC}/clusterroles", _role("ClusterRole", kept))
        await self._put(f"{RBAC}/clusterrolebindings", _binding("ClusterRole"))
        kept = [right for right in leader if right not in without]
        await self._put(f"{theirs}/roles", _role("Role", kept))
        await self._put(f"{theirs}/rolebindings", _binding("Role"))

    async def _put(self, collection: str, body: Object) -> None:
        body = body | {"metadata": {"name": NAME}}
        try:
            await self._admin.request("POST", collection, body=body)
        except HubError as error:
            if not error.already_exists:
                raise
            await self._admin.request("PUT", f"{collection}/{NAME}", body=body)


def _role(kind: str, rights: Iterable[Right]) -> Object:
    rules = [_rule(right) for right in rights]
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "rules": rules}


def _rule(right: Right) -> Object:
    if right.path:
        return {"verbs": [right.verb], "nonResourceURLs": [right.path]}
    rule: Object = {
        "verbs": [right.verb],
        "apiGroups": [right.group],
        "resources": [right.resource],
    }
    return rule | ({"resourceNames": [right.name]} if right.name else {})


def _binding(kind: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding" if kind == "ClusterRole" else "RoleBinding",
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SYSTEM_NAMESPACE}],
    }
