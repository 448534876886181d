"""The answers of a cluster's work agent to a preparation, by the simulator's agent."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.drivers.ibu.preparation.model import Preparation, Readings
from ibgu.core.drivers.ibu.preparation.work import reading_body, readings_of
from ibgu.core.model.kinds import JsonObject, ManifestWork
from ibgu.core.model.names import MANAGED_BY
from ibgu.sim.agent.apply import apply_work
from ibgu.sim.agent.report import with_applied, with_read
from ibgu.sim.spoke import Spoke
from ibgu.sim.wire import FullWork
from tests.core.drivers.ibu.preflight.answers import condition, spoke

OURS = {MANAGED_BY: "ibgu-prepare"}
IDLE: JsonObject = {
    "spec": {"stage": "Idle"},
    "status": {"conditions": [condition("Idle", "True", message="Idle")]},
}
PREPARED: JsonObject = {
    "spec": {"stage": "Prep"},
    "status": {"conditions": [condition("Idle", "False", message="In progress")]},
}
Objects = Mapping[InspectedObject, JsonObject]


def cluster(objects: Objects, missing_kinds: frozenset[str] = frozenset()) -> Spoke:
    """Returns a cluster with these objects; a key `metadata` adds labels or annotations."""
    made = spoke({}, missing_kinds)
    for each, content in objects.items():
        metadata = {"name": each.name, "namespace": each.namespace, **content.get("metadata", {})}
        body = {"apiVersion": each.api_version, "kind": each.kind, **content, "metadata": metadata}
        made.create(body, 0.0)
    return made


def answer(
    body: JsonObject, there: Spoke, generation: int = 1, *, read: bool = True, rights: bool = True
) -> ManifestWork:
    """Returns the work as the agent reports it once it was applied, and read unless `read` is
    False. Without `rights` the work's own role does not count yet."""
    metadata = {**body["metadata"], "uid": "u", "namespace": "site-1", "generation": generation}
    full = msgspec.convert({**body, "metadata": metadata}, FullWork)
    status = with_applied(full, apply_work(there, full, True, 1.0), 1.0)
    if read:
        status = with_read(replace(full, status=status), there, 9.0 if rights else 1.0)
    return msgspec.convert({**body, "metadata": metadata, "status": status}, ManifestWork)


def readings(
    preparation: Preparation, objects: Objects, missing_kinds: frozenset[str] = frozenset()
) -> Readings:
    work = answer(reading_body(preparation, "1"), cluster(objects, missing_kinds))
    found = readings_of(work, preparation.reads, "1")
    assert found is not None
    return found
