"""Looks on the hub for the Route or the Ingress of ibgu's chart, with the kubeconfig's rights."""

from collections.abc import Iterator
from typing import Any

from ibgu.client import RestError
from ibgu.core.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError

LABEL = "app.kubernetes.io/name=ibgu"
HOME = "ibgu-system"
"""The namespace that the documentation installs it in."""


async def find(namespace: str) -> list[str]:
    """Return the addresses in one namespace. Raises RestError.

    Never in others: a tenant can give a Route of its own the same label, and the token of who
    logs in goes to what is found.
    """
    try:
        async with await HubClient.connect() as hub:
            found = await _listed(hub, namespace)
    except HubError as error:
        raise RestError(f"can't look on the hub: {error.message}") from error
    return list(dict.fromkeys(found))


async def _listed(hub: HubClient, namespace: str) -> list[str]:
    routes = await _items(hub, paths.routes(namespace))
    ingresses = await _items(hub, paths.ingresses(namespace))
    return [*map(of_route, routes), *(url for each in ingresses for url in of_ingress(each))]


async def _items(hub: HubClient, path: str) -> list[JsonObject]:
    """A hub that serves no Routes has none."""
    try:
        found: JsonObject = await hub.get(path, dict[str, Any], query={"labelSelector": LABEL})
    except HubError as error:
        if error.not_found:
            return []
        raise
    return list(found.get("items") or ())


def of_route(route: JsonObject) -> str:
    spec = route["spec"]
    scheme = "https" if spec.get("tls") else "http"
    return f"{scheme}://{spec['host']}{(spec.get('path') or '').rstrip('/')}"


def of_ingress(ingress: JsonObject) -> Iterator[str]:
    spec = ingress["spec"]
    secure = {host for each in spec.get("tls") or () for host in each.get("hosts") or ()}
    for rule in spec.get("rules") or ():
        if host := rule.get("host"):
            yield f"{'https' if host in secure else 'http'}://{host}"
