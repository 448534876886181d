"""Judges clusters by what an inspection has read on them."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, PreflightFacts
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, Reading, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule, Severity
from ibgu.core.drivers.ibu.preflight.releases import Release, parsed
from ibgu.core.model.document import ObjectField, shown

_CSV_VERSION = ".v"


class Remark(Struct, frozen=True):
    """Remark is what a rule says of one cluster. Equal ones become one finding."""

    severity: Severity
    at: ObjectField
    message: str


Look = Callable[[ClusterFacts, InspectedFacts], Iterable[Remark]]


def by_cluster(
    rule: PreflightRule, facts: PreflightFacts, look: Look
) -> Iterator[PreflightFinding]:
    """Yields the findings of the clusters that were inspected, and of those that were not."""
    found: dict[Remark, list[str]] = {}
    for each in facts.clusters:
        if each.inspected is not None:
            for remark in look(each, each.inspected):
                found.setdefault(remark, []).append(each.name)
    for remark, names in found.items():
        yield PreflightFinding(
            rule, remark.severity, remark.at, remark.message, rule.remedy, tuple(names)
        )
    yield from uninspected(rule, facts)


def uninspected(rule: PreflightRule, facts: PreflightFacts) -> Iterator[PreflightFinding]:
    """Yields why clusters were not inspected."""
    reasons: dict[str, list[str]] = {}
    for each in facts.clusters:
        if each.inspected is None:
            reasons.setdefault(each.uninspected or facts.uninspected, []).append(each.name)
    at = ObjectField(rule.fact)
    for reason, names in reasons.items():
        if len(names) == len(facts.clusters):
            yield rule.unknown(at, f"was not read: {reason}")
        else:
            yield rule.unknown(at, f"were not read: {reason}", tuple(names))


def error(object_: InspectedObject, message: str, field: str = "") -> Remark:
    return Remark(Severity.ERROR, ObjectField(str(object_), field), message)


def warning(object_: InspectedObject, message: str, field: str = "") -> Remark:
    return Remark(Severity.WARNING, ObjectField(str(object_), field), message)


def unknown(object_: InspectedObject, message: str) -> Remark:
    return Remark(Severity.UNKNOWN, ObjectField(str(object_)), message)


def unread(object_: InspectedObject, reading: Reading) -> Remark:
    """Returns why an object could not be read, as far as the work agent says."""
    match reading.result:
        case ReadResult.FORBIDDEN:
            words = "did not let their work agent read it"
        case ReadResult.NO_KIND:
            words = f"do not serve the kind {object_.kind}"
        case ReadResult.ABSENT:
            words = "do not have it"
        case ReadResult.FOUND:
            words = "have it without what is asked for"
        case _:
            words = f"could not read it: {shown(reading.message or 'no reason is given')}"
    return unknown(object_, words)


def csv_release(csv: str) -> Release | None:
    """Returns the release in the name of a ClusterServiceVersion, such as
    `lifecycle-agent.v4.16.2`."""
    return parsed(csv.partition(_CSV_VERSION)[2])
