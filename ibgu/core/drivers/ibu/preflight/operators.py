"""P6 to P8: the operators that the clusters must have installed, which only they know."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, PreflightFacts
from ibgu.core.drivers.ibu.preflight.inspecting import (
    Remark,
    by_cluster,
    csv_release,
    error,
    unread,
    warning,
)
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT,
    AGENT_OPERATOR,
    AVAILABLE_REPLICAS,
    CSV,
    DPA,
    LOCAL_STORAGE,
    LVM_STORAGE,
    OADP_OPERATOR,
    InspectedObject,
)
from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.releases import Release, parsed
from ibgu.core.model.document import shown

_AGENT = "4.16.0"
_OADP = "1.4.1"
_LOCAL_STORAGE = "4.14.0"
_LVM_STORAGE = "4.14.2"

P6 = PreflightRule(
    "P6",
    "The Lifecycle Agent 4.16 or later runs on the clusters",
    "15.2.2",
    "Install or update the operator on the cluster.",
    FactSource.CLUSTER,
    str(AGENT),
)
P7 = PreflightRule(
    "P7",
    f"OADP {_OADP} or later is installed on the clusters",
    "15.1",
    "Install or update the operator on the cluster.",
    FactSource.CLUSTER,
    str(OADP_OPERATOR),
)
P8 = PreflightRule(
    "P8",
    "Clusters have the Local Storage Operator 4.14 or LVM Storage 4.14.2, not both",
    "15.1",
    "Update the operator, or remove the one without volumes.",
    FactSource.CLUSTER,
    f"{LOCAL_STORAGE} and {LVM_STORAGE.name}",
)


def agent_runs(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from by_cluster(P6, facts, _agent)


def _agent(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
    reading = found.of(AGENT)
    if reading.result is ReadResult.ABSENT:
        yield error(AGENT, "have no Lifecycle Agent")
        return
    if not reading.found:
        yield unread(AGENT, reading)
    elif reading.number(AVAILABLE_REPLICAS) < 1:
        yield error(AGENT, "have a Lifecycle Agent that does not run", "status.availableReplicas")
    csv = found.of(AGENT_OPERATOR).string(CSV)
    if not csv:
        yield unread(AGENT_OPERATOR, found.of(AGENT_OPERATOR))
    elif _older(csv, _AGENT):
        yield error(AGENT_OPERATOR, f"have {shown(csv)}, which is before {_AGENT}")


def oadp_installed(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from by_cluster(P7, facts, _oadp)


def _oadp(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
    reading = found.of(OADP_OPERATOR)
    csv = reading.string(CSV)
    if csv:
        if _older(csv, _OADP):
            yield error(OADP_OPERATOR, f"have {shown(csv)}, which is before {_OADP}")
    elif found.of(DPA).result is ReadResult.NO_KIND:
        yield error(OADP_OPERATOR, "have no OADP, which the plan's OADP content needs")
    else:
        yield unread(OADP_OPERATOR, reading)


def storage_operators(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from by_cluster(P8, facts, _storage)


def _storage(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
    for each, oldest in ((LOCAL_STORAGE, _LOCAL_STORAGE), (LVM_STORAGE, _LVM_STORAGE)):
        reading = found.of(each)
        csv = reading.string(CSV)
        if csv and _older(csv, oldest):
            yield warning(each, f"have {shown(csv)}, which is before {oldest}")
        elif not reading.found and reading.result is not ReadResult.ABSENT:
            yield unread(each, reading)
    if _installed(found, LOCAL_STORAGE) and _installed(found, LVM_STORAGE):
        yield warning(LVM_STORAGE, "have the Local Storage Operator and LVM Storage")


def _installed(found: InspectedFacts, each: InspectedObject) -> bool:
    """Returns whether the operator is there: OLM keeps the Operator of a removed one."""
    return bool(found.of(each).string(CSV))


def _older(csv: str, oldest: str) -> bool:
    """Returns whether the release is before; one that can't be read is not."""
    release = csv_release(csv)
    return release is not None and release[:3] < _numbers(oldest)


def _numbers(release: str) -> tuple[int, int, int]:
    found: Release | None = parsed(release)
    assert found is not None, release
    return found[:3]
