"""Simulates OCM's registration of one cluster: its ManagedCluster, its availability, its claims."""

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import NEVER, timestamp
from ibgu.sim.wire import Patch

SIMULATED = "ibgu.dev/simulated"
"""The label on everything that the simulator creates, which permits to delete it again."""

_LEASE = 60.0
_GRACE = 5 * _LEASE
_UNREACHABLE = "cluster.open-cluster-management.io/unreachable"

_ACCEPTED = (
    ("HubAcceptedManagedCluster", "HubClusterAdminAccepted", "Accepted by hub cluster admin"),
    ("ManagedClusterJoined", "ManagedClusterJoined", "Managed cluster joined"),
)
_AVAILABLE = "ManagedClusterConditionAvailable"


def managed_cluster(name: str, version: str, labels: Mapping[str, str]) -> JsonObject:
    """Returns the ManagedCluster as created; its status follows."""
    given = {
        "name": name,
        "vendor": "OpenShift",
        "cloud": "Other",
        "openshiftVersion": version,
        SIMULATED: "true",
    }
    return {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name, "labels": given | dict(labels)},
        "spec": {"hubAcceptsClient": True, "leaseDurationSeconds": int(_LEASE)},
    }


class ReportedCondition(Struct, frozen=True):
    """ReportedCondition is a condition that others set on the ManagedCluster, such as a
    monitoring."""

    type: str
    status: str
    since: float

    def body(self) -> JsonObject:
        return {
            "type": self.type,
            "status": self.status,
            "reason": "Reported",
            "message": "",
            "lastTransitionTime": timestamp(self.since),
        }


_Status = tuple[str, str, str, tuple[ReportedCondition, ...]]


class Registration:
    """Registration keeps the hub's view of the cluster up to date, by patches that must be
    answered.

    A cluster that has not been heard of for five lease times counts as unreachable; the lease
    itself is not written, as only the condition made from it is ever read.
    """

    def __init__(self, cluster: str, scale: float, rng: Random, now: float) -> None:
        self.cluster = cluster
        self.uid = ""
        """The ManagedCluster's uid; empty while there is none."""
        self.flapping = False
        self.topology = "SingleReplica"
        self.reported: tuple[ReportedCondition, ...] = ()
        self._rng = rng
        self._grace = _GRACE * scale
        self._period = max(120.0 * scale, 2.0)
        self._since = now
        self._lost_at = NEVER
        self._status: _Status | None = None
        self._spec: tuple[str, str] | None = None
        self._sent_status: _Status | None = None
        self._sent_spec: tuple[str, str] | None = None
        self._busy = False
        self._version = ""
        self._available = "True"

    # -- what is so ------------------------------------------------------------------------------

    def joined(self, uid: str, version: str = "") -> None:
        """Records a (new) ManagedCluster; `version`: what it was created with, if just now."""
        self.uid, self._status, self._busy = uid, None, False
        self._spec = ("True", version) if version else None

    def left(self, uid: str) -> None:
        """Records that the ManagedCluster of that uid is gone, or replaced."""
        if uid == self.uid:
            self.joined("")

    def link(self, connected: bool, now: float) -> None:
        """Records that the connection came or went; the last renewal was up to a lease time ago."""
        if connected:
            self._lost_at = NEVER
        elif self._lost_at == NEVER:
            self._lost_at = now + self._grace * self._rng.uniform(0.75, 1.0)

    # -- time ------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float:
        if self._busy or not self.uid:
            return NEVER
        if self._wanted_status != self._status or self._wanted_spec != self._spec:
            return 0.0
        if self.flapping:
            return self._since + self._period
        return self._lost_at if self._available == "True" else NEVER

    def advance(self, now: float, version: str) -> list[Patch]:
        if self._busy or not self.uid:
            return []
        self._version = version
        self._judge(now)
        if self._wanted_status != self._status:
            return [self._patch(self._status_body(now), status=True)]
        if self._wanted_spec != self._spec:
            return [self._patch(self._spec_body(now), status=False)]
        return []

    def _judge(self, now: float) -> None:
        available = "Unknown" if now >= self._lost_at else "True"
        if self.flapping and now >= self._since + self._period:
            available = "True" if self._available == "Unknown" else "Unknown"
        elif self.flapping:
            available = self._available
        if available != self._available:
            self._available, self._since = available, now

    @property
    def _wanted_status(self) -> _Status:
        return self._available, self._version, self.topology, self.reported

    @property
    def _wanted_spec(self) -> tuple[str, str]:
        """Returns the wanted availability as a taint, and the version as a label."""
        return self._available, self._version

    def answered(self, patch: Patch, accepted: bool) -> None:
        if patch.body["metadata"]["uid"] != self.uid:
            return
        self._busy = False
        if accepted and patch.subresource:
            self._status = self._sent_status
        elif accepted:
            self._spec = self._sent_spec

    # -- patches ---------------------------------------------------------------------------------

    def _patch(self, body: JsonObject, *, status: bool) -> Patch:
        self._busy = True
        if status:
            self._sent_status = self._wanted_status
        else:
            self._sent_spec = self._wanted_spec
        meta = {"uid": self.uid, **body.pop("metadata", {})}
        return Patch(self.cluster, "", {"metadata": meta, **body}, "status" if status else "")

    def _status_body(self, now: float) -> JsonObject:
        conditions = [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": timestamp(self._since),
            }
            for kind, reason, message in _ACCEPTED
        ]
        reported = [each.body() for each in self.reported]
        return {
            "status": {
                "conditions": [*conditions, self._availability(), *reported],
                "clusterClaims": self._claims(),
                "version": {"kubernetes": _kubernetes(self._version)},
            }
        }

    def _availability(self) -> JsonObject:
        if self._available == "True":
            reason, message = "ManagedClusterAvailable", "Managed cluster is available"
        else:
            reason = "ManagedClusterLeaseUpdateStopped"
            message = "Registration agent stopped updating its lease."
        return {
            "type": _AVAILABLE,
            "status": self._available,
            "reason": reason,
            "message": message,
            "lastTransitionTime": timestamp(self._since),
        }

    def _claims(self) -> list[JsonObject]:
        claims = {
            "controlplanetopology.openshift.io": self.topology,
            "id.k8s.io": self.cluster,
            "kubeversion.open-cluster-management.io": _kubernetes(self._version),
            "platform.open-cluster-management.io": "BareMetal",
            "product.open-cluster-management.io": "OpenShift",
            "version.openshift.io": self._version,
        }
        return [{"name": name, "value": value} for name, value in claims.items()]

    def _spec_body(self, now: float) -> JsonObject:
        taints: list[JsonObject] = []
        if self._available != "True":
            taints.append({"key": _UNREACHABLE, "effect": "NoSelect", "timeAdded": timestamp(now)})
        return {
            "metadata": {"labels": {"openshiftVersion": self._version}},
            "spec": {"taints": taints},
        }


def _kubernetes(version: str) -> str:
    """Returns the Kubernetes version: OpenShift 4.y runs Kubernetes 1.(y+13)."""
    minor = version.split(".")[1] if version.count(".") > 1 else "16"
    return f"v1.{int(minor) + 13 if minor.isdigit() else 29}.0"
