"""A simulated cluster that is asked for another release, in virtual time."""

from typing import Any

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.ssa import server_side_apply
from ibgu.sim.cluster_version import Updates, VersionOperator
from ibgu.sim.cluster_version.objects import ADMIN_ACKS, CLUSTER_VERSION, pool_key
from ibgu.sim.spoke.objects import Key
from tests.sim.cluster_simulation import ClusterSimulation

DIGEST = "b" * 64
IMAGE = f"quay.io/openshift-release-dev/ocp-release@sha256:{DIGEST}"
OTHER = f"quay.io/openshift-release-dev/ocp-release@sha256:{'c' * 64}"
VERSION = "4.16.12"


class Updating:
    """Updating is a cluster that runs 4.16.3; its signature ConfigMap is there unless
    `signed=False`."""

    def __init__(
        self, *faults: str, signed: bool = True, version: str = "4.16.3", **updates: Any
    ) -> None:
        self.updates = Updates(**updates)
        self.world = ClusterSimulation(*faults, updates=self.updates, version=version)
        self.spoke = self.world.cluster.spoke
        if signed:
            self.sign()

    @property
    def operator(self) -> VersionOperator:
        assert self.world.cluster.operator is not None
        return self.world.cluster.operator

    def ask(
        self, image: str = IMAGE, version: str = VERSION, manager: str = "update", **fields: Any
    ) -> None:
        wanted = {"image": image, "version": version, "force": False, **fields}
        self.apply({"spec": {"desiredUpdate": wanted}}, manager)

    def apply(self, manifest: JsonObject, manager: str) -> None:
        head = {"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion"}
        named: JsonObject = {**head, "metadata": {"name": "version"}, **manifest}
        server_side_apply(self.spoke, CLUSTER_VERSION, named, manager, True, self.world.now)

    def mark(self, **annotations: str) -> None:
        self.apply({"metadata": {"name": "version", "annotations": annotations}}, "mark")

    def sign(self, digest: str = DIGEST) -> None:
        name, namespace = f"sha256-{digest}", "openshift-config-managed"
        meta = {"name": name, "namespace": namespace}
        signature = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        self.spoke.create({**signature, "binaryData": {f"{name}-1": "c2ln"}}, self.world.now)

    def give_ack(self, ack: str) -> None:
        acks = self.spoke.get(ADMIN_ACKS) or {}
        self.spoke.update(ADMIN_ACKS, {**acks, "data": {ack: "true"}}, self.world.now)

    def run(self, seconds: float) -> None:
        self.world.run(seconds)

    def until_state(self, state: str, image: str = IMAGE, seconds: float = 14400) -> bool:
        def reached() -> bool:
            newest = self.history[0]
            return bool((newest["state"], newest["image"]) == (state, image))

        return self.world.until(reached, seconds)

    def until(self, type_: str, status: str, seconds: float = 14400) -> bool:
        return self.world.until(lambda: self.condition(type_)[0] == status, seconds)

    # -- what the cluster shows ------------------------------------------------------------------

    @property
    def object(self) -> JsonObject:
        found = self.spoke.get(CLUSTER_VERSION)
        assert found is not None
        return found

    @property
    def history(self) -> list[JsonObject]:
        return list(self.object["status"]["history"])

    def condition(self, type_: str, key: Key = CLUSTER_VERSION) -> tuple[str, str, str]:
        found: Any = self.spoke.get(key) or {}
        for each in found["status"]["conditions"]:
            if each["type"] == type_:
                return each["status"], each["reason"], each["message"]
        return "", "", ""

    def pool(self, name: str) -> JsonObject:
        found = self.spoke.get(pool_key(name))
        assert found is not None
        return found
