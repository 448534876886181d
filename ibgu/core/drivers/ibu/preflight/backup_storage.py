"""P30 and P31: where a cluster keeps its backups and its container images."""

from collections import Counter
from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, PreflightFacts
from ibgu.core.drivers.ibu.preflight.inspecting import Remark, by_cluster, error, unread, warning
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    BACKUP_STORAGE,
    BUCKET,
    DISK_PRESSURE,
    DPA,
    PARTITION,
    PHASE,
    PREFIX,
    RECONCILED,
    RECONCILED_MESSAGE,
    RESTIC,
    S3_URL,
    VELERO,
    node,
)
from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightFinding, PreflightRule
from ibgu.core.model.document import shown

_NODE = node("of the cluster")

P30 = PreflightRule(
    "P30",
    "OADP has a DataProtectionApplication, without restic, whose storage is available",
    "15.2.2.4",
    "Set spec.configuration.restic.enable to false, and give each cluster a bucket or prefix of "
    "its own.",
    FactSource.CLUSTER,
    f"{DPA} and {BACKUP_STORAGE}",
)
P31 = PreflightRule(
    "P31",
    "Container storage is a partition of its own, and the disk has space left",
    "15.2.1",
    "Free space on the disk. Reinstall a cluster without the partition: it can't be created on a "
    "running cluster.",
    FactSource.CLUSTER,
    f"{PARTITION} and {_NODE}",
)

_Place = tuple[str, str, str]


def backups_possible(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    places = Counter(filter(None, (_place(each.inspected) for each in facts.clusters)))

    def look(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
        yield from _application(found)
        yield from _location(found)
        place = _place(found)
        if place is not None and places[place] > 1:
            url, bucket, prefix = map(shown, place)
            where = "/".join(filter(None, (url, bucket, prefix)))
            words = f"keep their backups in the same place, {where}"
            yield warning(BACKUP_STORAGE, words, "spec.objectStorage.prefix")

    yield from by_cluster(P30, facts, look)


def _application(found: InspectedFacts) -> Iterator[Remark]:
    reading = found.of(DPA)
    if reading.result is ReadResult.NO_KIND:
        yield error(DPA, "have no OADP, and so no DataProtectionApplication")
    elif reading.result is ReadResult.ABSENT and found.of(VELERO).result is ReadResult.ABSENT:
        yield error(DPA, "have no DataProtectionApplication: Prep fails with OADP content")
    elif not reading.found:
        # Velero runs, so there is one by another name.
        yield unread(DPA, reading)
    else:
        if reading.string(RECONCILED) != "True":
            reason = shown(reading.string(RECONCILED_MESSAGE) or "it does not say why")
            words = f"have a DataProtectionApplication that is not reconciled: {reason}"
            yield error(DPA, words, "status.conditions[Reconciled]")
        if reading.true(RESTIC):
            words = "have restic on, which turns the Container Storage Interface integration off"
            yield warning(DPA, words, "spec.configuration.restic.enable")


def _location(found: InspectedFacts) -> Iterator[Remark]:
    if not found.of(DPA).found:
        return
    reading = found.of(BACKUP_STORAGE)
    phase = reading.string(PHASE)
    if not reading.found:
        yield unread(BACKUP_STORAGE, reading)
    elif phase != "Available":
        words = f"have a backup storage that is {shown(phase or 'not checked yet')}, not Available"
        yield error(BACKUP_STORAGE, words, "status.phase")


def _place(found: InspectedFacts | None) -> _Place | None:
    """Returns where the cluster's backups go; None if that is not known."""
    reading = found.of(BACKUP_STORAGE) if found is not None else None
    if reading is None or not reading.string(BUCKET):
        return None
    return reading.string(S3_URL), reading.string(BUCKET), reading.string(PREFIX)


def container_storage(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    yield from by_cluster(P31, facts, _containers)


def _containers(_: ClusterFacts, found: InspectedFacts) -> Iterator[Remark]:
    partition = found.of(PARTITION)
    if partition.result is ReadResult.ABSENT:
        words = "were not installed with the manual's partition: Prep fails without any"
        yield warning(PARTITION, words)
    elif not partition.found:
        yield unread(PARTITION, partition)
    pressure = found.node.string(DISK_PRESSURE)
    if pressure == "True":
        yield error(_NODE, "have a full disk", "status.conditions[DiskPressure]")
    elif not pressure:
        yield unread(_NODE, found.node)
