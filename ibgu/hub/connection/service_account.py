"""The service account of the pod that this process runs in."""

import os
from pathlib import Path

from ibgu.hub.connection.credentials import NoCredentials
from ibgu.hub.connection.endpoint import Endpoint

HOST = "KUBERNETES_SERVICE_HOST"
PORT = "KUBERNETES_SERVICE_PORT"
FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoServiceAccount(NoCredentials):
    """NoServiceAccount says in its text what the pod lacks."""


def in_pod() -> bool:
    return HOST in os.environ


def endpoint(folder: Path) -> Endpoint:
    """Returns the API server that the environment of the pod names. Raises NoServiceAccount."""
    host, port = os.environ.get(HOST), os.environ.get(PORT)
    if not host or not port:
        raise NoServiceAccount(f"{HOST} and {PORT} must both be set in the pod")
    # An IPv6 address stands in brackets before a port.
    named = f"[{host}]" if ":" in host else host
    return Endpoint(f"https://{named}:{port}", ca=_read(folder / "ca.crt"))


def header(folder: Path) -> str:
    """Returns the Authorization header, of the token as the kubelet has renewed it. Raises
    NoServiceAccount."""
    return f"Bearer {_read(folder / 'token')}"


def _read(path: Path) -> str:
    try:
        content = path.read_text().strip()
    except OSError as error:
        raise NoServiceAccount(f"can't read {path}: {error.strerror}") from error
    if not content:
        raise NoServiceAccount(f"{path} is empty")
    return content
