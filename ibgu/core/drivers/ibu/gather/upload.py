"""The address to which a cluster uploads its must-gather archive.

A presigned address lets anyone who knows it write one object, for a time. So it is a secret: it
goes to the cluster in a Secret, and is in no message.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject

SECRET = "ibgu-gather-upload"
CONFIG = "curl.conf"
PLACEHOLDER = "{cluster}"
REMOVED = "(removed)"
_MAX = 8192
_PLAIN = re.compile(r"[!#-\[\]-~]+")
"""Characters that mean nothing in the configuration of curl: neither quotes nor backslashes."""


class Upload(Struct, frozen=True):
    """Upload is the address for one cluster. Its representation does not show it."""

    url: str

    def __repr__(self) -> str:
        return f"Upload({REMOVED})"

    def fault(self) -> str:
        """Returns why it can't be used, without the address; empty: it can."""
        if len(self.url) > _MAX or not _PLAIN.fullmatch(self.url):
            return "isn't an address: it has spaces, quotes or other characters that don't belong"
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return "isn't an address"
        if not host or parts.username or parts.password:
            return "needs a host, and may have no user"
        if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
            return ""
        return "must begin with https://"

    def manifest_data(self) -> dict[str, str]:
        """Returns the data of the Secret: a configuration of curl, so that the address is in no
        list of processes. curl follows no redirect."""
        scheme = self.url.partition(":")[0].lower()
        text = f'url = "{self.url}"\nproto = "={scheme}"\ngloboff\n'
        return {CONFIG: b64encode(text.encode()).decode()}

    def redacted(self, text: str) -> str:
        """Returns the text without the address, plain or as it is in the Secret."""
        for each in (self.url, *self.manifest_data().values()):
            text = text.replace(each, REMOVED)
        return text


def uploads(given: str, clusters: list[str]) -> Mapping[str, Upload]:
    """Returns the address of each cluster. `given`: an address with a placeholder. Raises
    ValueError."""
    if PLACEHOLDER not in given and len(clusters) > 1:
        raise ValueError(f"needs {PLACEHOLDER}: the archives would overwrite each other")
    return {name: _checked(given.replace(PLACEHOLDER, name), "it") for name in clusters}


def listed_uploads(text: str) -> Mapping[str, Upload]:
    """Returns the addresses of a file with a line for each cluster: its name and the address.
    Raises ValueError, whose message has no address."""
    found: dict[str, Upload] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise ValueError(f"line {number} isn't CLUSTER ADDRESS")
        if words[0] in found:
            raise ValueError(f"line {number} names {words[0]} again")
        upload = _checked(words[1], f"line {number}")
        if upload in found.values():
            raise ValueError(f"line {number} has the address of another cluster again")
        found[words[0]] = upload
    return found


def _checked(url: str, subject: str) -> Upload:
    upload = Upload(url)
    if fault := upload.fault():
        raise ValueError(f"{subject} {fault}")
    return upload


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def rights(name: str) -> list[JsonObject]:
    """Returns cluster-wide rights: OpenShift's own ClusterRole cluster-reader, which has no
    Secrets, and logs of pods. No operator has objects of these names: the work agent takes over
    what is there, and deletes it with the work."""
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": name}]
    role: JsonObject = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"{name}-job"},
        "rules": rules,
    }
    bindings: list[JsonObject] = [
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": bound},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": given},
            "subjects": subjects,
        }
        for bound, given in (
            (f"{name}-job", f"{name}-job"),
            (f"{name}-job-reader", "cluster-reader"),
        )
    ]
    return [role, *bindings]
