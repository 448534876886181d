"""What the commands take from a kubeconfig: the current hub, namespace and user's token."""

import asyncio
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.client import RestError

DEFAULT_FILE = "~/.kube/config"


class Current(Struct, frozen=True):
    """Of the current context; all empty where there is no kubeconfig."""

    context: str = ""
    """Its name."""
    hub: str = ""
    """Address of its cluster's API server."""
    namespace: str = ""
    user: dict[str, Any] = {}
    """Of the kubeconfig: token, tokenFile, exec, ..."""
    folder: Path = Path()
    """Of the file that the user is in: relative paths begin there."""


def current() -> Current:
    """From the files that KUBECONFIG names; the first that has an entry counts.

    Raises RestError for a file that can't be read.
    """
    named = os.environ.get("KUBECONFIG") or DEFAULT_FILE
    paths = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    files = [(path.parent, _read(path)) for path in paths if path.exists()]
    names = (content.get("current-context") for _, content in files)
    name = next((name for name in names if name), "")
    _, context = _entry(files, "contexts", "context", name)
    _, cluster = _entry(files, "clusters", "cluster", context.get("cluster", ""))
    folder, user = _entry(files, "users", "user", context.get("user", ""))
    hub = str(cluster.get("server") or "")
    return Current(name, hub, context.get("namespace", ""), user, folder)


def token_of(found: Current) -> str:
    """Raises RestError where the current user has none."""
    if token := found.user.get("token"):
        return str(token)
    if file := found.user.get("tokenFile"):
        return _token_in(found.folder / str(file))
    if found.user.get("exec") or found.user.get("auth-provider"):
        return asyncio.run(_asked_for())
    raise RestError(
        "no token: the kubeconfig's current user has none; give --token or IBGU_TOKEN "
        "(oc whoami -t, or kubectl create token NAME, prints one)"
    )


async def _asked_for() -> str:
    """From the plugin that the kubeconfig names; importing what runs it takes a second."""
    from ibgu.hub import config
    from ibgu.hub.errors import HubError

    try:
        _, credentials = await config.load(None, None)
        header = await credentials.header()
    except HubError as error:
        raise RestError(f"no token: {error.message}") from error
    if header is None:
        raise RestError("no token: the kubeconfig's plugin gave none; give --token or IBGU_TOKEN")
    return header.removeprefix("Bearer ")


def _token_in(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise RestError(f"no token: can't read {path}: {error.strerror}") from error


def _read(path: Path) -> dict[str, Any]:
    import yaml

    from ibgu.hub.config import words

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RestError(f"can't read the kubeconfig {path}: {words(error)}") from error
    return content if isinstance(content, dict) else {}


def _entry(
    files: list[tuple[Path, dict[str, Any]]], many: str, one: str, name: str
) -> tuple[Path, dict[str, Any]]:
    for folder, content in files:
        for entry in content.get(many) or ():
            if entry.get("name") == name:
                return folder, entry.get(one) or {}
    return Path(), {}
