"""The answer of a canary's cluster: what its operators and nodes say."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers.canary_health.objects import (
    CORE,
    MACHINES,
    MASTER,
    OPERATORS,
    READY,
    VERSION,
    WORKER,
    objects_of,
    status_of,
    time_of,
)
from ibgu.core.drivers.canary_health.work import answer_name
from ibgu.core.drivers.ibu.preflight.inspection import Reading, ReadResult, read_entry
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.engine.state.health_observations import HealthFinding, ObservedCheck
from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import ManifestWork
from ibgu.core.text.harmless import one_line

_SHOWN = 100
"""Characters that are shown of what a cluster reports."""
_REPORTED = ("True", "False")
"""The statuses by which an operator says something; of an unknown one nothing follows."""
_Readings = Mapping[str, Reading]
_UNREAD = Reading()


class HealthAnswer(Struct, frozen=True):
    """HealthAnswer is what a cluster has answered to one question."""

    findings: Mapping[ObservedCheck, HealthFinding]
    forbidden: bool = False
    """Whether the agent lacked a right that the work itself may have brought since."""


def health_answer(
    work: ManifestWork, question: str, checks: Collection[ObservedCheck]
) -> HealthAnswer | None:
    """Returns the answer to the question; None: the cluster has not answered it yet."""
    applied = find(work.status.conditions, "Applied")
    if applied.observed_generation != work.metadata.generation:
        return None
    wanted = {(each.kind, each.name): each for each in objects_of(checks)}
    readings: dict[str, Reading] = {}
    answered = False
    for entry in work.status.resource_status.manifests:
        found = wanted.get((entry.resource_meta.kind, entry.resource_meta.name))
        if found is None or (reading := read_entry(entry, found)) is None:
            continue
        readings[str(found)] = reading
        if found is VERSION:
            values = entry.status_feedback.values
            answered = any(each.name == answer_name(question) for each in values)
    version = readings.get(str(VERSION))
    if version is None or (version.found and not answered):
        return None
    return HealthAnswer(
        {check: _CHECKS[check](readings) for check in checks},
        any(each.result is ReadResult.FORBIDDEN for each in readings.values()),
    )


def _operators(readings: _Readings) -> HealthFinding:
    found = [_judged(VERSION, readings, Available="True", Failing="False")]
    for each in OPERATORS:
        if _of(each, readings).result is ReadResult.ABSENT and each.name not in CORE:
            continue
        found.append(_judged(each, readings, Available="True", Degraded="False"))
    return _worst(found)


def _nodes(readings: _Readings) -> HealthFinding:
    return _worst(list(_pools(readings)))


def _pools(readings: _Readings) -> Iterator[HealthFinding]:
    for pool in (MASTER, WORKER):
        reading = _of(pool, readings)
        if pool is WORKER and reading.result is ReadResult.ABSENT:
            continue
        machines, ready = reading.number(MACHINES), reading.number(READY)
        if reading.found and (ready < machines or (pool is MASTER and not machines)):
            words = f"{ready} of {machines} nodes of its {pool} are ready"
            yield HealthFinding(words, reported=machines > 0)
        else:
            yield _judged(pool, readings, Updated="True", Degraded="False")


def _judged(each: InspectedObject, readings: _Readings, **wanted: str) -> HealthFinding:
    """Returns what conditions of one object say."""
    reading = _of(each, readings)
    if not reading.found:
        why = f": {reading.message[:_SHOWN]}" if reading.message else ""
        state = "is missing" if reading.result is ReadResult.ABSENT else f"can't be read{why}"
        return HealthFinding(f"its {each} {state}")
    for type_, status in wanted.items():
        shown = reading.string(status_of(type_))
        if shown != status:
            actual = f'"{one_line(shown)[:_SHOWN]}"' if shown else "missing"
            words = f'condition {type_} of its {each} is {actual}, not "{status}"'
            return HealthFinding(words, reported=shown in _REPORTED)
    times = [moment(reading.string(time_of(type_))) for type_ in wanted]
    return HealthFinding(since=_latest(times))


def _worst(found: Collection[HealthFinding]) -> HealthFinding:
    """Returns the first problem, one that is reported before others, or since when all are well."""
    problems = sorted((each for each in found if each.problem), key=lambda each: not each.reported)
    return next(iter(problems), None) or HealthFinding(
        since=_latest([each.since for each in found])
    )


def _latest(times: Collection[datetime | None]) -> datetime | None:
    """Returns the latest time; None if one is not known."""
    known = [each for each in times if each is not None]
    return max(known) if len(known) == len(times) else None


def _of(each: InspectedObject, readings: _Readings) -> Reading:
    return readings.get(str(each), _UNREAD)


_CHECKS = {ObservedCheck.CLUSTER_OPERATORS: _operators, ObservedCheck.NODES: _nodes}
