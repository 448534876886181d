"""A cluster whose operators and nodes are well, and what its work agent reports of them, by the
simulator's agent: its JSONPath is that of Kubernetes."""

from collections.abc import Collection, Iterable
from random import Random

import msgspec
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.canary_health import health_body
from ibgu.core.drivers.canary_health.objects import CORE, MASTER, OPERATORS, VERSION, WORKER
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.engine.state.health_observations import ObservedCheck
from ibgu.core.model.kinds import JsonObject, ManifestWork
from ibgu.sim.agent.apply import apply_work
from ibgu.sim.agent.report import with_applied, with_read
from ibgu.sim.spoke import Spoke
from ibgu.sim.wire import FullWork

LONG_AGO, LATELY = "2025-06-01T00:00:00Z", "2026-01-01T02:00:00Z"
Objects = dict[InspectedObject, JsonObject]


def conditions(since: str = LONG_AGO, **statuses: str) -> JsonObject:
    found = [
        {"type": type_, "status": status, "lastTransitionTime": since}
        for type_, status in statuses.items()
    ]
    return {"spec": {}, "status": {"conditions": found}}


def pool(machines: int, ready: int, since: str = LONG_AGO, updated: str = "True") -> JsonObject:
    found = conditions(since, Updated=updated, Degraded="False")
    counts = {"machineCount": machines, "readyMachineCount": ready}
    return {**found, "status": {**found["status"], **counts}}


def objects() -> Objects:
    """The objects of a single-node cluster without any operator that may be left out."""
    sound = conditions(Available="True", Degraded="False")
    return {
        VERSION: conditions(Available="True", Failing="False"),
        **{each: sound for each in OPERATORS if each.name in CORE},
        MASTER: pool(1, 1),
        WORKER: pool(0, 0),
    }


def manifests(found: Objects) -> Iterable[JsonObject]:
    for each, content in found.items():
        metadata = {"name": each.name}
        yield {
            "apiVersion": each.api_version, "kind": each.kind, "metadata": metadata, **content
        }  # fmt: skip


def reported(
    found: Objects, checks: Collection[ObservedCheck], *, question: str = "q", rights: bool = True
) -> ManifestWork:
    """The work as the agent reports it; without rights: before the work's own role counts."""
    spoke = Spoke(Random(1))
    for each in manifests(found):
        spoke.create(each, 0.0)
    body = json.decode(health_body(question, checks))
    body["metadata"] |= {"uid": "u", "namespace": "site-1", "generation": 1}
    full = msgspec.convert(body, FullWork)
    status = with_applied(full, apply_work(spoke, full, True, 1.0), 1.0)
    read = with_read(replace(full, status=status), spoke, 9.0 if rights else 1.0)
    return msgspec.convert({**body, "status": read}, ManifestWork)
