"""Finds the hub and its trust: kubeconfig or the pod's service account."""

import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from msgspec.structs import replace

from ibgu.hub.connection import service_account
from ibgu.hub.connection.context import endpoint_of, prove
from ibgu.hub.connection.credentials import (
    Credentials,
    LoadedCredentials,
    NoCredentials,
    StaticToken,
)
from ibgu.hub.connection.endpoint import Endpoint
from ibgu.hub.connection.kubeconfig import DEFAULT_KUBECONFIG, used
from ibgu.hub.errors import TRANSPORT, HubError


async def load(
    kubeconfig: str | None, context: str | None, *, account: Path = service_account.FOLDER
) -> tuple[Endpoint, Credentials]:
    """Returns the hub and the credentials from the first source that exists.

    Order: `kubeconfig`, the files that KUBECONFIG names, the service account of the pod, the user's
    default kubeconfig. `account`: the folder of the service account.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG", "")
    if not path and service_account.in_pod():
        return _in_pod(account)
    try:
        return await _from_file(path or DEFAULT_KUBECONFIG, context)
    except NoCredentials as error:
        where = path or f"{DEFAULT_KUBECONFIG} (KUBECONFIG is not set)"
        words = f"no usable kubeconfig in {where}: {error}"
        raise HubError(TRANSPORT, "NoConfiguration", words) from error


def for_token(url: str, token: str, ca_file: str | None) -> tuple[Endpoint, Credentials]:
    """Returns the hub and one token, for as long as it lives."""
    ca = Path(ca_file).read_text() if ca_file else ""
    return _completed(Endpoint(url.rstrip("/"), ca=ca)), StaticToken(token)


def for_caller(endpoint: Endpoint, token: str) -> tuple[Endpoint, Credentials]:
    """Returns the hub for a caller: without our client certificate, which would speak for us."""
    return replace(endpoint, certificate=None), StaticToken(token)


async def _from_file(path: str, context: str | None) -> tuple[Endpoint, Credentials]:
    found = used(path, context)
    endpoint = endpoint_of(found)
    proof = await prove(found)

    async def reload() -> str | None:
        nonlocal proof
        proof = await prove(used(path, context))
        return proof.header

    async def refresh() -> str | None:
        return await reload() if proof.is_due(datetime.now(UTC)) else proof.header

    hub = _completed(replace(endpoint, certificate=proof.certificate))
    return hub, LoadedCredentials(proof.header, refresh=refresh, reload=reload)


def _in_pod(account: Path) -> tuple[Endpoint, Credentials]:
    async def reload() -> str:
        return service_account.header(account)

    try:
        endpoint, header = service_account.endpoint(account), service_account.header(account)
    except NoCredentials as error:
        words = f"no usable service account: {error}"
        raise HubError(TRANSPORT, "NoConfiguration", words) from error
    return _completed(endpoint), LoadedCredentials(header, refresh=reload, reload=reload)


def _completed(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, proxy=endpoint.proxy or proxy_for(endpoint.url) or "")


def proxy_for(url: str) -> str | None:
    """Returns the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for `url`.

    Read once at start: aiohttp's `trust_env` would read it again for every request.
    """
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)
