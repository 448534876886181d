"""Converts a ManifestWork to a WorkView. Runs for every event of the watch, so it reads things
once."""

from collections.abc import Callable, Iterable, Sequence
from sys import intern

from ibgu.core.engine.driver import Driver, Drivers, Target
from ibgu.core.engine.works.config import UNREAD
from ibgu.core.engine.works.job import job_of
from ibgu.core.model import WorkView, names
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import (
    FeedbackValue,
    FieldValue,
    ManifestCondition,
    ManifestWork,
    ResourceMeta,
)
from ibgu.core.model.shown import HubObject, shown
from ibgu.core.text.cut import cut

_LABELS = (names.ROLLOUT, names.PART)
_MARKS = (names.ACTION, names.ATTEMPT, names.STARTED, names.LIMIT, names.OUTCOME)
_NO_ENTRY = ManifestCondition()
_UNREAD = FeedbackValue(UNREAD, FieldValue("Boolean", boolean=True))


def work_reader(drivers: Drivers) -> Callable[[ManifestWork], HubObject[WorkView]]:
    """Returns a function that reads a work with the driver of the object that it brings. A work of
    which the agent has reported no such object has no feedback, and any driver reads it alike."""
    of_target = {_identity(driver.target): driver for driver in drivers.values()}
    any_driver = next(iter(drivers.values()))

    def read(work: ManifestWork) -> HubObject[WorkView]:
        metas = (entry.resource_meta for entry in work.status.resource_status.manifests)
        found = (of_target.get(_identity(meta)) for meta in metas)
        return shown_work(next(filter(None, found), any_driver), work)

    return read


def _identity(found: Target | ResourceMeta) -> tuple[str, str, str]:
    """Returns group, kind and name; `resource` and `version` stay empty while the cluster lacks the
    CRD."""
    return found.group, found.kind, found.name


def shown_work(driver: Driver, work: ManifestWork) -> HubObject[WorkView]:
    return shown(work.metadata, view_work(driver, work), _LABELS, _MARKS)


def view_work(driver: Driver, work: ManifestWork) -> WorkView:
    """Returns what the engine reads of a work: the marks that ibgu left on it, whether the agent
    has applied this version, and the feedback, which only the driver understands."""
    target = _identity(driver.target)
    metadata, manifests = work.metadata, work.status.resource_status.manifests
    written = _written(driver.target, manifests)
    marks, generation = metadata.annotations, metadata.generation
    entry = next((m for m in manifests if _identity(m.resource_meta) == target), _NO_ENTRY)
    applied = find(work.status.conditions, "Applied")
    available = find(entry.conditions, "Available")
    values = _values(driver.target, entry, manifests)
    return WorkView(
        name=intern(metadata.name),
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=generation,
        terminating=metadata.deletion_timestamp is not None,
        edited=marks.get(names.GENERATION) != str(generation),
        armed=_armed(work),
        resuming=marks.get(names.ARMING) == names.RESUMING,
        run=intern(cut(marks.get(names.RUN, ""))),
        probe=cut(marks.get(names.PROBE, "")),
        restore=cut(marks.get(names.RESTORE, "")),
        digest=cut(marks.get(names.DIGEST, "")),
        applied=applied.observed_generation == generation
        and (applied.status == "True" or _all_applied(written, manifests, generation)),
        apply_error=_apply_error(written, entry, generation),
        target_applied=_applied(entry, generation) == "True",
        target_available=intern(available.status),
        target_message=intern(available.message),
        feedback=driver.read(values) if values else None,
        job=job_of(manifests) if metadata.labels.get(names.PART) == names.JOB else None,
    )


def _armed(work: ManifestWork) -> bool:
    """Whether the work asks for a stage. A stage work whose mark somebody has removed may: its spec
    is not decoded."""
    metadata = work.metadata
    mark = metadata.annotations.get(names.ARMING)
    if metadata.labels.get(names.PART) == names.STAGE and names.GENERATION in metadata.annotations:
        return mark not in (names.DISARMED, names.RESUMING)
    return mark == names.ARMED


def _values(
    target: Target, entry: ManifestCondition, manifests: Iterable[ManifestCondition]
) -> Sequence[FeedbackValue]:
    """Returns what was fed back of the target, and of what is read beside it."""
    found = entry.status_feedback.values
    if not target.beside or not found:
        return found
    values = list(found)
    for each in manifests:
        if _is_beside(target, each):
            available = find(each.conditions, "Available").status
            # Of an object that is gone the agent repeats the last values.
            values += () if available == "False" else each.status_feedback.values
            if available == "Unknown":
                values.append(_UNREAD)
    return values


def _written(target: Target, manifests: Sequence[ManifestCondition]) -> Sequence[ManifestCondition]:
    """Returns the entries without those beside the target that the cluster lacks: it refuses them
    for ever, and takes the rest all the same."""
    if not target.beside:
        return manifests
    return [m for m in manifests if not _is_beside(target, m) or _is_there(m)]


def _is_there(entry: ManifestCondition) -> bool:
    return find(entry.conditions, "Available").status == "True"


def _is_beside(target: Target, entry: ManifestCondition) -> bool:
    return (entry.resource_meta.group, entry.resource_meta.kind) in target.beside


def _all_applied(
    written: Sequence[ManifestCondition], manifests: Sequence[ManifestCondition], generation: int
) -> bool:
    """Whether the work is not applied for the sake of what is only read."""
    if not written or len(written) == len(manifests):
        return False
    return all(_applied(entry, generation) == "True" for entry in written)


def _applied(entry: ManifestCondition, generation: int) -> str:
    """Returns the status of Applied if it is of this generation, else empty."""
    applied = find(entry.conditions, "Applied")
    return applied.status if applied.observed_generation == generation else ""


def _apply_error(
    written: Iterable[ManifestCondition], target: ManifestCondition, generation: int
) -> str:
    refused = [m for m in written if _applied(m, generation) == "False"]
    if not refused:
        return ""
    manifest = target if target in refused else refused[0]
    return find(manifest.conditions, "Applied").message
