"""The API server of one managed cluster: what a single-node cluster with a klusterlet has."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import yaml

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import MERGE_PATCH
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import write_kubeconfig
from ibgu.sandbox.waiting import wait_until
from tests.neighbours import klusterlet, openshift
from tests.neighbours.agent import WorkAgentProcess
from tests.neighbours.connection import Connection
from tests.neighbours.equipment import EquipmentOnServer
from tests.neighbours.openshift import openshift_crds
from tests.neighbours.programs import crd, program

NAMESPACES = ("openshift-adp", "openshift-lifecycle-agent")
IBUS = "/apis/lca.openshift.io/v1/imagebasedupgrades"
APPLIED = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{_RBAC}/clusterroles"
_TO_ADMIN = tuple(
    f"rbac.authorization.k8s.io/aggregate-to-{to}" for to in ("admin", "edit", "view")
)

Stored = list[tuple[str, JsonObject]]
"""Collections, each with one of its objects."""


class ManagedClusterServer:
    """An API server of its own for each cluster, as an ImageBasedUpgrade is a singleton; tests take
    turns with it. It stands in for the controller-manager where roles are aggregated."""

    def __init__(self, hub: SandboxHub, api: Connection, agent: WorkAgentProcess) -> None:
        self.hub = hub
        self.api = api
        self.agent = agent
        self._labels_count = True
        self._early: list[JsonObject] = []
        self._openshift = False
        self._kubectl = Kubectl(hub)
        self.equipment = EquipmentOnServer(self._kubectl, api)
        self._install()
        token = self._kubectl("create", "token", klusterlet.ACCOUNT, "-n", klusterlet.NAMESPACE)
        file = hub.folder / "klusterlet.kubeconfig"
        self._kubeconfig = write_kubeconfig(file, hub.url, hub.ca_file, token.strip())

    def join(self, cluster: str, hub: Path, poll: str) -> None:
        """`hub`: a kubeconfig of the hub with the rights of that cluster's agent."""
        self.agent.join(cluster, self._kubeconfig, hub, poll)

    def _install(self) -> None:
        names = (klusterlet.NAMESPACE, *NAMESPACES)
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in names]
        everything = [*spaces, *klusterlet.on_the_cluster()]
        self._kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(everything))
        self._kubectl("apply", "-f", str(crd("appliedmanifestworks")))
        self.serve_ibu(True)
        self._aggregate("admin", *_TO_ADMIN)
        self.aggregate()

    # -- the Lifecycle Agent's installation, and the klusterlet's rights --------------------------

    def serve_ibu(self, served: bool) -> None:
        file = str(crd("imagebasedupgrades"))
        if not served:
            self._kubectl("delete", "-f", file)
            return
        self._kubectl("apply", "-f", file)
        for path in (IBUS, APPLIED):
            wait_until(partial(self.api.serves, path), path, lambda: None)

    def serve_openshift(self) -> None:
        """Serves what an update shows, from now on; the objects go with each test."""
        if self._openshift:
            return
        for file in openshift_crds():
            self._kubectl("apply", "--server-side", "-f", str(file))
        for path in (*openshift.COLLECTIONS, openshift.PINS):
            wait_until(partial(self.api.serves, path), path, lambda: None)
        for name in openshift.NAMESPACES:
            self.serve_namespace(name, True)
        self._openshift = True

    def aggregate(self) -> None:
        """Gives the work agent what labelled ClusterRoles permit, as the controller-manager does a
        moment after such a role has come or gone."""
        self._aggregate(klusterlet.AGGREGATE, klusterlet.TO_WORK)

    def _aggregate(self, name: str, *labels: str) -> None:
        early = self._early if name == klusterlet.AGGREGATE else []
        rules = early + [
            rule
            for label in labels
            for role in self._items(f"{ROLES}?labelSelector={quote(label)}=true")
            if self._labels_count or role["metadata"]["name"] == klusterlet.EXECUTION
            for rule in role.get("rules") or []
        ]
        path = f"{ROLES}/{quote(name)}"
        if self.api.request("GET", path).get("rules") != rules:
            self.api.request("PATCH", path, {"rules": rules}, MERGE_PATCH)

    def count_labels(self, counted: bool) -> None:
        """Lets labelled roles of works count, or only what the klusterlet brings itself."""
        self._labels_count = counted
        self.aggregate()

    def count_early(self, role: JsonObject) -> None:
        """Lets the role count before it is there, whatever else is aggregated meanwhile."""
        self._early = list(role["rules"])
        self.aggregate()

    def serve_namespace(self, name: str, served: bool) -> None:
        """Nothing here finalizes namespaces, so one that goes is finalized by hand."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}}
        if served:
            self._kubectl("apply", "-f", "-", stdin=json.dumps(body))
            return
        self.api.remove(f"/api/v1/namespaces/{name}")
        self.api.request("PUT", f"/api/v1/namespaces/{name}/finalize", body)

    def reset(self) -> None:
        """Makes it as it was in the beginning, whatever a test has taken from it."""
        self.agent.leave()
        self._early = []
        self.wipe()
        self._wipe_openshift()
        self.equipment.clear()
        if not self.api.serves(IBUS):
            self.serve_ibu(True)
        for name in NAMESPACES:
            if not self.api.serves(f"/api/v1/namespaces/{name}"):
                self.serve_namespace(name, True)
        self.count_labels(True)

    # -- stateroots ----------------------------------------------------------------------------

    def contents(self) -> Stored:
        """Returns what works and the Lifecycle Agent have brought."""
        return [
            (path, each)
            for path in _collections()
            for each in self._items(path)
            if each["metadata"]["name"] != klusterlet.EXECUTION
        ]

    def _items(self, collection: str) -> list[JsonObject]:
        found = self.api.found(collection)
        return list(found["items"]) if found else []

    def wipe(self) -> None:
        """Removes all of it: a new stateroot has an etcd of its own."""
        for collection, each in self.contents():
            path = f"{collection.partition('?')[0]}/{quote(each['metadata']['name'])}"
            if each["metadata"].get("finalizers"):
                self.api.request("PATCH", path, {"metadata": {"finalizers": None}}, MERGE_PATCH)
            self.api.remove(path)
        self.aggregate()

    def _wipe_openshift(self) -> None:
        maps = (f"/api/v1/namespaces/{name}/configmaps" for name in openshift.NAMESPACES)
        namespaced = (openshift.HEALTH_CHECKS, openshift.BUDGETS, openshift.PINS, *maps)
        wiped = (*openshift.COLLECTIONS[:-2], *namespaced)
        for path in wiped if self._openshift else ():
            self.api.remove(path)


@contextmanager
def managed_clusters(count: int) -> Iterator[list[ManagedClusterServer]]:
    """Starts them all at once; skips the test where the real programs are missing."""
    program("OCM_WORK_AGENT")
    crd("imagebasedupgrades")
    with ExitStack() as stack:
        with ThreadPoolExecutor(count) as threads:
            started = [threads.submit(stack.enter_context, _server()) for _ in range(count)]
        yield [each.result() for each in started]


@contextmanager
def _server() -> Iterator[ManagedClusterServer]:
    with (
        SandboxHub(filled=False) as hub,
        closing(Connection(hub)) as api,
        closing(WorkAgentProcess()) as agent,
    ):
        yield ManagedClusterServer(hub, api, agent)


def _collections() -> Iterator[str]:
    yield from (APPLIED, IBUS, f"{ROLES}?labelSelector={quote(klusterlet.TO_WORK)}=true")
    for namespace in NAMESPACES:
        for kind in ("configmaps", "secrets"):
            yield f"/api/v1/namespaces/{namespace}/{kind}"
