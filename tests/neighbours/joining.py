"""Lets the real work agents of clusters work for a hub."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from ibgu.hub.port import Hub
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import write_kubeconfig
from tests.neighbours import klusterlet
from tests.neighbours.cluster import RealCluster

_TOKENS = "/api/v1/namespaces/{}/serviceaccounts/{}/token"


async def join(
    hub: SandboxHub, admin: Hub, clusters: Sequence[RealCluster], folder: Path, poll: str
) -> None:
    """Gives each agent an account on the hub; it runs once its cluster is advanced. `poll`: how
    often agents read feedback by themselves."""
    accounts = klusterlet.on_the_hub([each.name for each in clusters])
    kubectl = Kubectl(hub)
    await asyncio.to_thread(kubectl, "apply", "-f", "-", stdin=yaml.safe_dump_all(accounts))
    for each in clusters:
        each.server.join(each.name, await _credentials(hub, admin, each.name, folder), poll)


async def _credentials(hub: SandboxHub, admin: Hub, cluster: str, folder: Path) -> Path:
    path = _TOKENS.format(cluster, klusterlet.ACCOUNT)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = json.loads(await admin.request("POST", path, body=body))
    file = folder / f"{cluster}.kubeconfig"
    return write_kubeconfig(file, hub.url, hub.ca_file, answer["status"]["token"])
