"""Finds the Route or the Ingress of ibgu's chart on the hub, with the kubeconfig's rights."""

from collections.abc import Iterator
from typing import Any

from ibgu.cli.rest.hub import hub_words
from ibgu.client import RestError
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError

LABEL = "app.kubernetes.io/name=ibgu"
DEFAULT_NAMESPACE = "ibgu-system"
"""The namespace that the documentation installs it in."""
_FORBIDDEN = 403
_NAMED = "ibgu login --server https://…"


async def find(namespace: str) -> list[str]:
    """Returns the addresses in one namespace. Raises RestError.

    Other namespaces are never searched: a tenant can give a Route of its own the same label, and
    the token of the user goes to what is found.
    """
    try:
        async with await HubClient.connect() as hub:
            routes, no_routes = await _items(hub, paths.routes(namespace))
            ingresses, no_ingresses = await _items(hub, paths.ingresses(namespace))
    except HubError as error:
        mine = error.unauthorized or error.reason == "NoConfiguration"
        way = "" if mine else f"; or name its address: {_NAMED}"
        raise RestError(f"can't look for ibgu on the hub: {hub_words(error)}{way}") from error
    found = [
        *(url for each in routes for url in of_route(each)),
        *(url for each in ingresses for url in of_ingress(each)),
    ]
    if not found and (forbidden := no_routes or no_ingresses):
        raise RestError(
            f"you may not look for ibgu on the hub ({forbidden}); name its address: {_NAMED}"
        )
    return list(dict.fromkeys(found))


async def _items(hub: HubClient, path: str) -> tuple[list[JsonObject], str]:
    """Returns the objects, and the hub's message if the user may not list them. A hub without
    Routes has none; a missing right is reported before that."""
    try:
        found: JsonObject = await hub.get(path, dict[str, Any], query={"labelSelector": LABEL})
    except HubError as error:
        if error.not_found or error.status == _FORBIDDEN:
            return [], "" if error.not_found else error.message
        raise
    return list(found.get("items") or ()), ""


def of_route(route: JsonObject) -> Iterator[str]:
    """Yields the address, once the router has given the Route a host."""
    spec = route["spec"]
    if host := spec.get("host"):
        scheme = "https" if spec.get("tls") else "http"
        yield f"{scheme}://{host}{(spec.get('path') or '').rstrip('/')}"


def of_ingress(ingress: JsonObject) -> Iterator[str]:
    spec = ingress["spec"]
    secure = {host for each in spec.get("tls") or () for host in each.get("hosts") or ()}
    for rule in spec.get("rules") or ():
        if host := rule.get("host"):
            yield f"{'https' if host in secure else 'http'}://{host}"
