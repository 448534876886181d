"""Takes from the kubeconfig what the commands send: its current namespace, and its user's token."""

import asyncio
from pathlib import Path

from ibgu.client import RestError
from ibgu.hub.connection import kubeconfig
from ibgu.hub.connection.kubeconfig import CurrentContext


def current() -> CurrentContext:
    """Returns the current context. Raises RestError for a file that can't be read."""
    named = kubeconfig.named()
    try:
        return kubeconfig.current(named)
    except kubeconfig.InvalidKubeconfig as error:
        raise RestError(f"can't read the kubeconfig {named}: {error}") from error


def token_of(found: CurrentContext) -> str:
    """Returns the token. Raises RestError if the current user has none."""
    if token := found.user.get("token"):
        return str(token)
    if file := found.user.get("tokenFile"):
        return _token_in(found.folder / str(file))
    if found.user.get("exec") or found.user.get("auth-provider"):
        return asyncio.run(_asked_for())
    named = kubeconfig.named()
    why = kubeconfig.problem(named) or "its current user has none"
    raise RestError(
        f"no token in the kubeconfig {named}: {why}; give --token or IBGU_TOKEN "
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
