"""The answers of a cluster's work agent to an inspection, by the simulator's agent: its JSONPath is
that of Kubernetes."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight.inspection import (
    WORK,
    InspectedFacts,
    inspected,
    inspection_body,
    inspection_patch,
    velero_objects,
)
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT,
    AGENT_OPERATOR,
    BACKUP_STORAGE,
    DPA,
    ETCD,
    IBU,
    INFRASTRUCTURE,
    LVM_STORAGE,
    NETWORK,
    OADP_OPERATOR,
    PARTITION,
    PROXY,
    VELERO,
    InspectedObject,
    node,
)
from ibgu.core.model.kinds import JsonObject, ManifestWork
from ibgu.sim.agent.apply import apply_work
from ibgu.sim.agent.report import with_applied, with_read
from ibgu.sim.spoke import Spoke
from ibgu.sim.wire import FullWork

NODE = node("site-1.example.com")
AT = datetime(2026, 1, 1, 3, tzinfo=UTC)
Objects = dict[InspectedObject, JsonObject]


def condition(type_: str, status: str, **more: str) -> JsonObject:
    return {"type": type_, "status": status, "reason": type_, **more}


def operator(csv: str) -> JsonObject:
    refs = [
        {"kind": "Deployment", "name": "controller-manager"},
        {"kind": "ClusterServiceVersion", "name": csv},
    ]
    return {"status": {"components": {"refs": refs if csv else refs[:1]}}}


def objects() -> Objects:
    """The objects of a cluster where all is well, keyed by what is read."""
    return {
        IBU: {
            "spec": {"stage": "Idle"},
            "status": {
                "observedGeneration": 1,
                "conditions": [condition("Idle", "True", message="Idle")],
                "validNextStages": ["Prep"],
            },
        },
        AGENT: {"status": {"availableReplicas": 1}},
        AGENT_OPERATOR: operator("lifecycle-agent.v4.16.2"),
        OADP_OPERATOR: operator("oadp-operator.v1.4.1"),
        LVM_STORAGE: operator("lvms-operator.v4.16.4"),
        VELERO: {"status": {"availableReplicas": 1}},
        DPA: {
            "spec": {"configuration": {"restic": {"enable": False}}},
            "status": {"conditions": [condition("Reconciled", "True", message="done")]},
        },
        BACKUP_STORAGE: {
            "spec": {
                "config": {"s3Url": "http://s3.example.com"},
                "objectStorage": {"bucket": "backups", "prefix": "site-1"},
            },
            "status": {"phase": "Available"},
        },
        PARTITION: {"spec": {"config": {}}},
        INFRASTRUCTURE: {"status": {"controlPlaneTopology": "SingleReplica"}},
        ETCD: {"status": {"nodeStatuses": [{"nodeName": NODE.name, "currentRevision": 7}]}},
        NETWORK: {"status": {"clusterNetwork": [{"cidr": "fd01::/48", "hostPrefix": 64}]}},
        PROXY: {"spec": {}, "status": {}},
        NODE: {
            "status": {
                "capacity": {"cpu": "64", "ephemeral-storage": "629145600Ki"},
                "conditions": [condition("DiskPressure", "False"), condition("Ready", "True")],
                "nodeInfo": {"architecture": "amd64"},
            }
        },
    }


def spoke(found: Objects, missing_kinds: frozenset[str] = frozenset()) -> Spoke:
    made = Spoke(Random(1))
    made.missing_kinds = set(missing_kinds)
    for each, content in found.items():
        if each.kind not in missing_kinds:
            metadata = {"name": each.name, "namespace": each.namespace}
            made.create({"apiVersion": each.api_version, "kind": each.kind,
                         "metadata": metadata, **content}, 0.0)  # fmt: skip
    return made


def work(
    found: Spoke, node_name: str = NODE.name, *, rights: bool = True, failure: str = ""
) -> ManifestWork:
    """The work as the agent reports it once it has read everything; without rights: before the
    work's own role counts."""
    body = json.decode(inspection_body("1", velero_objects(failure)))
    body["metadata"] |= {"uid": "u", "namespace": "site-1", "generation": 1}
    if node_name:
        body["spec"] = json.decode(inspection_patch("u", node_name, velero_objects(failure)))[
            "spec"
        ]
        body["metadata"]["generation"] = 2
    full = msgspec.convert(body, FullWork)
    status = with_applied(full, apply_work(found, full, True, 1.0), 1.0)
    read = with_read(replace(full, status=status), found, 9.0 if rights else 1.0)
    return msgspec.convert({**body, "status": read}, ManifestWork)


def facts(
    changes: dict[InspectedObject, JsonObject | None] | None = None,
    missing_kinds: frozenset[str] = frozenset(),
    **more: Any,
) -> InspectedFacts:
    """Returns what is read of such a cluster; `changes`: objects instead of the usual ones, None
    for absent."""
    made = {**objects(), **(changes or {})}
    there = {each: content for each, content in made.items() if content is not None}
    found = inspected(work(spoke(there, missing_kinds), **more), AT)
    assert found is not None
    return found


__all__ = ["AT", "NODE", "WORK", "facts", "objects", "operator", "spoke", "work"]
