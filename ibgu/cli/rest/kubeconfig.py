"""Reads a kubeconfig for the commands: the current hub, namespace and user's token."""

import asyncio
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.client import RestError

DEFAULT_FILE = "~/.kube/config"


class Current(Struct, frozen=True):
    """Current describes the current context; all fields are empty if there is no kubeconfig."""

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
    """Returns the current context from the files that KUBECONFIG names; the first that has an entry
    counts. Raises RestError for a file that can't be read."""
    from ibgu.hub.connection.kubeconfig import Unusable, current_context, entry, read

    named = _named()
    if not any(Path(path).expanduser().exists() for path in named.split(os.pathsep)):
        return Current()
    try:
        files = read(named)
    except Unusable as error:
        raise RestError(f"can't read the kubeconfig {named}: {error}") from error
    name = current_context(files)
    _, context = entry(files, "contexts", name)
    _, cluster = entry(files, "clusters", str(context.get("cluster")))
    folder, user = entry(files, "users", str(context.get("user")))
    hub = str(cluster.get("server") or "")
    return Current(name, hub, str(context.get("namespace") or ""), user, folder)


def _named() -> str:
    return os.environ.get("KUBECONFIG") or DEFAULT_FILE


def token_of(found: Current) -> str:
    """Returns the token. Raises RestError if the current user has none."""
    if token := found.user.get("token"):
        return str(token)
    if file := found.user.get("tokenFile"):
        return _token_in(found.folder / str(file))
    if found.user.get("exec") or found.user.get("auth-provider"):
        return asyncio.run(_asked_for())
    from ibgu.hub.connection.kubeconfig import problem

    why = problem(_named()) or "its current user has none"
    raise RestError(
        f"no token in the kubeconfig {_named()}: {why}; give --token or IBGU_TOKEN "
        "(oc whoami -t, or kubectl create token NAME, prints one)"
    )


async def _asked_for() -> str:
    """Returns a token from the plugin that the kubeconfig names; importing what runs it takes a
    second."""
    from ibgu.cli.rest.hub import hub_words
    from ibgu.hub.connection import config
    from ibgu.hub.errors import HubError

    try:
        _, credentials = await config.load(None, None)
        header = await credentials.header()
    except HubError as error:
        raise RestError(f"no token: {hub_words(error)}") from error
    if header is None:
        raise RestError("no token: the kubeconfig's plugin gave none; give --token or IBGU_TOKEN")
    return header.removeprefix("Bearer ")


def _token_in(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise RestError(f"no token: can't read {path}: {error.strerror}") from error
