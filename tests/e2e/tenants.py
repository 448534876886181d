"""Namespaces as tenants: each with the cluster sets that are bound to it."""

from ibgu.hub import paths
from ibgu.hub.errors import HubError
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu

SET_LABEL = "cluster.open-cluster-management.io/clusterset"
_API = "cluster.open-cluster-management.io/v1beta2"


class Tenants:
    """The tenants; they and their IBGUs are there until `close`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._made: list[str] = []

    async def namespace(self, name: str) -> None:
        body = {"metadata": {"name": name}}
        try:
            await self._scene.admin.request("POST", "/api/v1/namespaces", body=body)
        except HubError as error:
            if not error.already_exists:
                raise

    async def cluster_set(self, name: str, *clusters: str) -> None:
        """Creates a cluster set of the type that every cluster belongs to at most one of."""
        await self._make(paths.CLUSTER_SETS, _object("ManagedClusterSet", name))
        for cluster in clusters:
            await self._scene.kubectl("label", "managedcluster", cluster, f"{SET_LABEL}={name}")

    async def everything(self, name: str) -> None:
        """Creates a set like `global`, which Open Cluster Management makes."""
        selector = {"selectorType": "LabelSelector", "labelSelector": {}}
        body = _object("ManagedClusterSet", name, clusterSelector=selector)
        await self._make(paths.CLUSTER_SETS, body)

    async def bind(self, name: str, namespace: str) -> None:
        body = _object("ManagedClusterSetBinding", name, clusterSet=name)
        await self._make(paths.cluster_set_bindings(namespace), body)

    async def unbind(self, name: str, namespace: str) -> None:
        path = f"{paths.cluster_set_bindings(namespace)}/{name}"
        self._made.remove(path)
        await self._scene.admin.request("DELETE", path)

    async def close(self) -> None:
        for path in reversed(self._made):
            await self._scene.admin.request("DELETE", path)

    async def _make(self, collection: str, body: Object) -> None:
        await self._scene.admin.request("POST", collection, body=body)
        self._made.append(f"{collection}/{body['metadata']['name']}")


def of(namespace: str, name: str, *plan: Object, fleet: str = "") -> Object:
    """An IBGU of that namespace for the fleet, or for all clusters of the hub."""
    found = ibgu(name, *plan, fleet=fleet)
    found["metadata"]["namespace"] = namespace
    if not fleet:
        found["spec"]["clusterLabelSelectors"] = [{}]
    return found


def _object(kind: str, name: str, **spec: object) -> Object:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}
