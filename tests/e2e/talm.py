"""A TALM for tests: it makes on the real hub what TALM makes, and the fleet obeys its works.

Only what TALM does is played here, as it does it: templates, ClusterGroupUpgrades, one
ManifestWork a cluster and action, labels, status. A test says when.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ibgu.controller.lookups import talm as watching
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.talm import names
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sandbox.kubectl import Kubectl
from tests.e2e.harness import Scene
from tests.e2e.manifests import SEED, Object, ibgu

NAMESPACE = "openshift-cluster-group-upgrades"
CGU_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clustergroupupgrades.ran.openshift.io}
spec:
  group: ran.openshift.io
  scope: Namespaced
  names: {kind: ClusterGroupUpgrade, plural: clustergroupupgrades, shortNames: [cgu]}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
CRDS = f"""{CGU_CRD}---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: manifestworkreplicasets.work.open-cluster-management.io}}
spec:
  group: work.open-cluster-management.io
  scope: Namespaced
  names: {{kind: ManifestWorkReplicaSet, plural: manifestworkreplicasets}}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      subresources: {{status: {{}}}}
      schema:
        openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
_CGUS, _TEMPLATES = "clustergroupupgrades", "manifestworkreplicasets"


def install(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=CRDS)
    kubectl("wait", "--for=condition=Established", "crd", "--all")


def published(kubectl: Kubectl) -> bool:
    """ibgu reads the schemas when it starts; they follow the CRD after a moment."""
    found = kubectl.run("get", "--raw", "/openapi/v3/apis/ran.openshift.io/v1alpha1").out
    return "ClusterGroupUpgrade" in found


class Talm:
    def __init__(self, scene: Scene, ibgu: Object) -> None:
        """`ibgu`: as it is on the hub."""
        self.scene = scene
        self.uid = ibgu["metadata"]["uid"]
        self.name = ibgu["metadata"]["name"]
        self.plan = [item["actions"] for item in ibgu["spec"]["plan"]]
        self._status: dict[int, Object] = {}

    # -- life ----------------------------------------------------------------------------------

    async def lives(self) -> None:
        await self.scene.tried("create", "namespace", NAMESPACE)
        await self.scene.apply(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": watching.LEASE, "namespace": NAMESPACE},
                "spec": {"holderIdentity": "talm", "renewTime": _now(micro=True)},
            }
        )

    async def dies(self) -> None:
        await self.scene.kubectl("delete", "lease", watching.LEASE, "-n", NAMESPACE)

    # -- what it makes -------------------------------------------------------------------------

    async def opens(self, step: int, *batches: Sequence[str]) -> str:
        """The ClusterGroupUpgrade of a step, with its templates; its first batch runs."""
        for action in self.plan[step]:
            await self._make(_TEMPLATES, names.template_name(self.name, action))
        name = self.group(step)
        await self._make(
            _CGUS,
            name,
            labels={names.IBGU: self.name},
            finalizers=[names.FINALIZER],
        )
        self._status[step] = {
            "remediationPlan": [list(batch) for batch in batches],
            "status": {
                "startedAt": _now(),
                "currentBatch": 1,
                "currentBatchRemediationProgress": {},
            },
            "clusters": [],
        }
        await self._tell(step)
        return name

    def group(self, step: int) -> str:
        return names.group_name(self.name, self.plan[step], step)

    async def begins(self, step: int, action: Action, *clusters: str, orphan: bool = True) -> None:
        """Begins an action by TALM's ManifestWork, on each of the clusters."""
        for cluster in clusters:
            body = self._work(step, action, cluster, orphan=orphan)
            await self.scene.admin.request("POST", paths.works(cluster), body=body)
            progress = self._status[step]["status"]["currentBatchRemediationProgress"]
            index = self.plan[step].index(action)
            progress[cluster] = {"state": "InProgress", "manifestWorkIndex": index}
        await self._tell(step)

    async def value(self, cluster: str, action: Action) -> str:
        """Returns what the cluster feeds back into TALM's work."""
        path = paths.work(cluster, self.work(action))
        status = (await self.scene.get(path)).get("status", {})
        found = {
            value["name"]: value["fieldValue"].get("string", "")
            for manifest in status.get("resourceStatus", {}).get("manifests", [])
            for value in manifest.get("statusFeedback", {}).get("values", [])
        }
        return str(found.get(_VALUES[action.stage], ""))

    async def sees(self, cluster: str, action: Action, value: str) -> None:
        async def seen() -> bool:
            return await self.value(cluster, action) == value

        await self.scene.until(seen, f"{cluster} to feed back {value} for {action}")

    def work(self, action: Action) -> str:
        return f"default.{self.name}-{action.lower()}-x7k2p"

    async def ends(self, step: int, cluster: str) -> None:
        """A cluster is through with the step, in TALM's eyes."""
        self._status[step]["clusters"].append({"name": cluster, "state": names.COMPLETE})
        await self._tell(step)
        for action in self.plan[step]:
            label = Action(action).completed_label
            await self.scene.kubectl("label", "managedcluster", cluster, f"{label}=")

    async def finishes(self, step: int, *done: str) -> None:
        for cluster in done:
            await self.removes(cluster, Action(self.plan[step][-1]))
        self._status[step]["status"]["completedAt"] = _now()
        self._status[step]["conditions"] = [{"type": "Succeeded", "status": "True"}]
        await self._tell(step)

    async def removes(self, cluster: str, action: Action) -> None:
        path = paths.work(cluster, self.work(action))
        await self.scene.admin.request("DELETE", path)

        async def gone() -> bool:
            return path not in [
                paths.work(cluster, found["metadata"]["name"])
                for found in await self.scene.works(cluster)
            ]

        await self.scene.until(gone, f"TALM's work of {cluster} to go")

    async def left(self) -> list[str]:
        """Returns what of TALM's is on the hub."""
        found = []
        for kind in (_CGUS, _TEMPLATES):
            found += [f"{kind}/{obj['metadata']['name']}" for obj in await self._items(kind)]
        works = await self.scene.items(paths.works(), names.CGU)
        return found + [f"{w['metadata']['namespace']}/{w['metadata']['name']}" for w in works]

    async def cleans_up(self) -> None:
        """Removes whatever a test has left."""
        for cgu in await self._items(_CGUS):
            name = cgu["metadata"]["name"]
            await self.scene.tried(
                *("patch", "cgu", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
            )
            await self.scene.tried("delete", "cgu", name, "--ignore-not-found")
        for template in await self._items(_TEMPLATES):
            await self.scene.tried("delete", _TEMPLATES, template["metadata"]["name"])
        await self.scene.tried("delete", "lease", watching.LEASE, "-n", NAMESPACE)

    # -- inside --------------------------------------------------------------------------------

    async def _items(self, kind: str) -> list[Object]:
        try:
            return await self.scene.items(_collection(kind))
        except HubError:
            return []

    async def _make(self, kind: str, name: str, **meta: Any) -> None:
        group = "ran.openshift.io" if kind == _CGUS else "work.open-cluster-management.io"
        owner = {
            "apiVersion": "lcm.openshift.io/v1alpha1",
            "kind": "ImageBasedGroupUpgrade",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
        }
        body = {
            "apiVersion": f"{group}/v1alpha1",
            "kind": "ClusterGroupUpgrade" if kind == _CGUS else "ManifestWorkReplicaSet",
            "metadata": {
                "name": name,
                "namespace": "default",
                "ownerReferences": [owner],
                **meta,
            },
        }
        await self.scene.admin.request("POST", _collection(kind), body=body)

    async def _tell(self, step: int) -> None:
        path = f"{_collection(_CGUS)}/{self.group(step)}/status"
        await self.scene.admin.request(
            "PATCH",
            path,
            body={"status": self._status[step]},
            content_type=paths.MERGE_PATCH,
        )

    def _work(self, step: int, action: Action, cluster: str, *, orphan: bool) -> Object:
        stage = action.stage
        expected = {"manifestIndex": 1, "name": _VALUES[stage], "value": "True"}
        spec = {
            "workload": {"manifests": [_ROLE, _ibu(stage)]},
            "manifestConfigs": [
                {
                    "resourceIdentifier": {
                        "group": "lca.openshift.io",
                        "resource": "imagebasedupgrades",
                        "name": "upgrade",
                        "namespace": "",
                    },
                    "feedbackRules": [{"type": "JSONPaths", "jsonPaths": list(_paths(stage))}],
                }
            ],
        }
        if orphan:
            spec["deleteOption"] = {"propagationPolicy": "Orphan"}
        return {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {
                "name": self.work(action),
                "namespace": cluster,
                "labels": {names.CGU: self.group(step), names.CGU_NAMESPACE: "default"},
                "annotations": {names.EXPECTED: json.dumps([expected])},
            },
            "spec": spec,
        }


async def a_rollout(scene: Scene, name: str, *plan: Object) -> Talm:
    """An IBGU on the hub, and the TALM that carries it out."""
    await scene.apply(ibgu(name, *plan, fleet=scene.label))
    return Talm(scene, await scene.get(paths.ibgu("default", name)))


_VALUES = {stage: value for value, stage in names.COMPLETED.items()}
_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {
        "name": "open-cluster-management:klusterlet-work:ibu-role",
        "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
    },
    "rules": [
        {
            "apiGroups": ["lca.openshift.io"],
            "resources": ["imagebasedupgrades"],
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        }
    ],
}


def _ibu(stage: Stage) -> Object:
    return {
        "apiVersion": "lca.openshift.io/v1",
        "kind": "ImageBasedUpgrade",
        "metadata": {"name": "upgrade"},
        "spec": {"stage": stage, "seedImageRef": SEED},
    }


def _paths(stage: Stage) -> Iterable[Object]:
    """Returns paths with TALM's stray quote, because of which the running stage's words never
    arrive."""
    condition = "Idle" if stage is Stage.IDLE else f"{stage}Completed"
    running = "Idle" if stage is Stage.IDLE else f"{stage}InProgress"
    yield {"name": _VALUES[stage], "path": _condition(condition, "status")}
    yield {
        "name": f"{condition[:1].lower()}{condition[1:]}ConditionMessages",
        "path": _condition(condition, "message"),
    }
    yield {"name": f"{stage.lower()}Words", "path": _condition(running, "message'")}


def _condition(type_: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


def _collection(kind: str) -> str:
    if kind == _CGUS:
        return paths.cgus("default")
    return "/apis/work.open-cluster-management.io/v1alpha1/namespaces/default/" + kind


def _now(*, micro: bool = False) -> str:
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.now(UTC).strftime(form)
