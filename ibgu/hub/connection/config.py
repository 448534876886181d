"""Finds the hub and its trust: kubeconfig or the pod's service account.

kubernetes_asyncio is imported inside the functions, because the import alone takes 0.7 s.
"""

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ibgu.hub.connection.credentials import Credentials, LoadedCredentials, StaticToken
from ibgu.hub.connection.kubeconfig import (
    DEFAULT_KUBECONFIG,
    current_context,
    error_text,
    problem,
    read,
)
from ibgu.hub.errors import TRANSPORT, HubError


async def load(kubeconfig: str | None, context: str | None) -> tuple[Any, Credentials]:
    """Returns the Configuration and the credentials from the first source that exists.

    Order: `kubeconfig`, the files that KUBECONFIG names, the service account of the pod, the user's
    default kubeconfig.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG", "")
    try:
        if not path and "KUBERNETES_SERVICE_HOST" in os.environ:
            return await _in_cluster()
        return await _from_file(path or DEFAULT_KUBECONFIG, context)
    except Exception as error:  # the library lets any type out, depending on what is malformed
        where = path or f"{DEFAULT_KUBECONFIG} (KUBECONFIG is not set)"
        why = problem(path or DEFAULT_KUBECONFIG, context) or error_text(error)
        raise HubError(
            TRANSPORT, "NoConfiguration", f"no usable kubeconfig in {where}: {why}"
        ) from error


def for_token(url: str, token: str, ca_file: str | None) -> tuple[Any, Credentials]:
    from kubernetes_asyncio.client import Configuration

    configuration = Configuration(host=url.rstrip("/"), ssl_ca_cert=ca_file)
    return _completed(configuration), StaticToken(token)


def for_caller(configuration: Any, token: str) -> tuple[Any, Credentials]:
    """Returns the configuration for a caller: without our client certificate, which would speak for
    us."""
    theirs, credentials = for_token(configuration.host, token, configuration.ssl_ca_cert)
    theirs.verify_ssl = configuration.verify_ssl
    theirs.tls_server_name = configuration.tls_server_name
    theirs.proxy = configuration.proxy
    return theirs, credentials


async def _from_file(path: str, context: str | None) -> tuple[Any, Credentials]:
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import load_kube_config

    configuration = Configuration()
    loader: Any = None

    async def reload() -> None:
        nonlocal loader
        loader = await load_kube_config(
            path,
            context=context or current_context(read(path)),
            client_configuration=configuration,
        )

    async def refresh() -> None:
        if loader.provider or hasattr(loader, "exec_plugin_expiry"):
            await loader.load_and_set(configuration)

    await reload()
    return _completed(configuration), LoadedCredentials(
        configuration, refresh=refresh, reload=reload
    )


async def _in_cluster() -> tuple[Any, Credentials]:
    from kubernetes_asyncio import config
    from kubernetes_asyncio.client import Configuration

    configuration = Configuration()
    load: Callable[..., None] = config.load_incluster_config

    async def reload() -> None:
        load(configuration, try_refresh_token=False)

    await reload()
    return _completed(configuration), LoadedCredentials(
        configuration, refresh=reload, reload=reload
    )


def _completed(configuration: Any) -> Any:
    # Cluster CAs often lack the key identifiers that Python 3.13 began to insist on; client-go
    # does not, so a kubeconfig that works with kubectl must work here.
    configuration.disable_strict_ssl_verification = True
    configuration.proxy = configuration.proxy or proxy_for(configuration.host)
    return configuration


def proxy_for(url: str) -> str | None:
    """Returns the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for `url`.

    Read once at start: aiohttp's `trust_env` would read it again for every request.
    """
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)
