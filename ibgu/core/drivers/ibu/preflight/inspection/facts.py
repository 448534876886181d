"""The answer of a cluster to an inspection: the input of the rules about clusters."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers.ibu.observe.feedback import view_ibu
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.drivers.ibu.preflight.inspection import objects
from ibgu.core.drivers.ibu.preflight.inspection.objects import OBJECTS, InspectedObject
from ibgu.core.drivers.ibu.preflight.inspection.velero import velero_objects
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import (
    FeedbackValue,
    FieldValue,
    ManifestCondition,
    ManifestWork,
    ResourceMeta,
)
from ibgu.core.text.harmless import one_line

MAX_LENGTH = 500
"""Characters that are kept of a text."""
_MAX_NUMBER = 2**53
"""JSON carries larger numbers inexactly."""
_NODE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NODE_KEY = "Node"
_Identity = tuple[str, str, str, str]


def _identity(each: InspectedObject) -> _Identity:
    return each.group, each.kind, each.namespace, each.name


_BY_IDENTITY = {_identity(each): each for each in OBJECTS}

Value = str | int | bool


class ReadResult(StrEnum):
    """ReadResult is what became of reading one object."""

    FOUND = "found"
    ABSENT = "absent"
    """The kind is served, and there is no such object."""
    NO_KIND = "no kind"
    """The cluster does not serve the kind: what brings it is not installed."""
    FORBIDDEN = "forbidden"
    """The work agent has no right to read it."""
    FAILED = "failed"
    """The agent says something else, or has said nothing yet."""


class Reading(Struct, frozen=True):
    """Reading is one object as the work agent read it."""

    result: ReadResult = ReadResult.FAILED
    message: str = ""
    """Why it could not be read."""
    values: Mapping[str, Value] = {}

    @property
    def found(self) -> bool:
        return self.result is ReadResult.FOUND

    def string(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        value = self.values.get(name)
        return value if isinstance(value, int) else 0

    def true(self, name: str) -> bool:
        return self.values.get(name) is True


NOT_READ = Reading()


class InspectedFacts(Struct, frozen=True, gc=False):
    """InspectedFacts is what one inspection has read. Journalled as JSON."""

    read_at: datetime
    readings: Mapping[str, Reading] = {}
    """The readings by kind, namespace and name; that of the node by its kind alone."""
    failure: str = ""
    """The message of the failure whose Backups and Restores were read; empty: of none."""

    def of(self, each: InspectedObject) -> Reading:
        return self.readings.get(str(each), NOT_READ)

    @property
    def node(self) -> Reading:
        return self.readings.get(_NODE_KEY, NOT_READ)

    @property
    def has_node(self) -> bool:
        """Whether the work that was answered names the node."""
        return _NODE_KEY in self.readings

    @property
    def ibu(self) -> IbuView:
        """The ImageBasedUpgrade; empty if it was not read."""
        values = self.of(objects.IBU).values
        return view_ibu(FeedbackValue(name, _field(value)) for name, value in values.items())

    @property
    def forbidden(self) -> bool:
        """Whether the agent lacked a right that the work itself may have brought since."""
        return any(each.result is ReadResult.FORBIDDEN for each in self.readings.values())


def inspected(work: ManifestWork, now: datetime, failure: str = "") -> InspectedFacts | None:
    """Returns what the cluster has answered to this version of the work; None: not all yet.
    `failure`: the message because of which the work reads more than the usual objects."""
    applied = find(work.status.conditions, "Applied")
    if applied.observed_generation != work.metadata.generation:
        return None
    more = {_identity(each): each for each in velero_objects(failure)}
    readings: dict[str, Reading] = {}
    for entry in work.status.resource_status.manifests:
        object_, key = _object(entry.resource_meta, more)
        if object_ is None:
            continue
        reading = read_entry(entry, object_)
        if reading is None:
            return None
        readings[key] = reading
    complete = len(readings) == len(OBJECTS) + len(more) + (_NODE_KEY in readings)
    return InspectedFacts(now, readings, failure) if complete else None


def _object(
    meta: ResourceMeta, more: Mapping[_Identity, InspectedObject]
) -> tuple[InspectedObject | None, str]:
    """Returns the object of an entry and its key; None for the role, and for others.
    The agent reports group, kind and name even of a kind that is not served."""
    if (meta.group, meta.kind) == ("", _NODE_KEY):
        return objects.node(meta.name), _NODE_KEY
    identity = (meta.group, meta.kind, meta.namespace, meta.name)
    named = _BY_IDENTITY.get(identity) or more.get(identity)
    return named, str(named)


def node_named(facts: InspectedFacts) -> str:
    """Returns the name of the cluster's node; empty if it is not known, or none that an object can
    have."""
    name = facts.of(objects.ETCD).string(objects.NODE_NAME)
    return name if _NODE.fullmatch(name) else ""


def read_entry(entry: ManifestCondition, object_: InspectedObject) -> Reading | None:
    """Returns the reading; None: the agent has not read the object yet."""
    available, applied = find(entry.conditions, "Available"), find(entry.conditions, "Applied")
    if not available.status:
        return None
    if available.status == "True":
        synced = find(entry.conditions, "StatusFeedbackSynced")
        values = {
            each.name: value
            for each in entry.status_feedback.values
            if each.name in object_.paths and (value := _value(each.field_value)) is not None
        }
        return Reading(ReadResult.FOUND, _short(synced.message), values) if synced.status else None
    if available.status == "False":
        return Reading(ReadResult.ABSENT)
    messages = f"{applied.message} {available.message}"
    if not entry.resource_meta.resource or "doesn't have a resource type" in messages:
        return Reading(ReadResult.NO_KIND)
    forbidden = "forbidden" in messages
    result = ReadResult.FORBIDDEN if forbidden else ReadResult.FAILED
    return Reading(result, _short(available.message))


def _value(found: FieldValue) -> Value | None:
    """Returns the value, bounded: a cluster may answer anything, and the journal keeps it."""
    if found.string is not None:
        return _short(found.string)
    if found.boolean is not None:
        return found.boolean
    if found.integer is not None and abs(found.integer) <= _MAX_NUMBER:
        return found.integer
    return None


def _short(text: str) -> str:
    return one_line(text[: 4 * MAX_LENGTH])[:MAX_LENGTH]


def _field(value: Value) -> FieldValue:
    if isinstance(value, int):
        return FieldValue("Integer", integer=value)
    return FieldValue("String", string=value)
