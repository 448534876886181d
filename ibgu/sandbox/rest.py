"""The few requests that set a hub up: blocking, standard library only."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ibgu.sandbox.errors import SandboxError

_TIMEOUT = 10.0  # seconds a request
_PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Namespace": "namespaces",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}


class SandboxRest:
    def __init__(self, url: str, ca: Path, token: str) -> None:
        self._url = url
        self._token = token
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # loopback, whatever the environment says
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
        )

    def get(self, path: str) -> bytes:
        return self._send("GET", path, None, {})

    def answers(self, path: str) -> bool:
        """Whether a GET succeeds; a refused connection and an error status are both a no."""
        try:
            self.get(path)
        except (OSError, SandboxError):
            return False
        return True

    def apply(self, manifest: dict[str, Any]) -> None:
        """Create the object or make it so (server-side apply)."""
        self._send(
            "PATCH",
            f"{object_path(manifest)}?fieldManager=ibgu-sandbox&force=true",
            json.dumps(manifest).encode(),
            {"Content-Type": "application/apply-patch+yaml"},
        )

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(
            self._url + path,
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self._token}", **headers},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise SandboxError(f"{method} {path}: {error.code} {text}") from None


def object_path(manifest: dict[str, Any]) -> str:
    """The URL path of a namespace, a CRD, an RBAC object or an admission policy."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{scope}/{_PLURALS[manifest['kind']]}/{quote(metadata['name'])}"
