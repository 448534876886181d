"""Request bodies of stage works: one per member, created at the first probe, updated in place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec import json

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.works.config import DISARMED, companion_config, manifest_config
from ibgu.core.engine.works.envelope import ORPHAN, labels, new_work
from ibgu.core.engine.works.wanted import DesiredWork
from ibgu.core.model import FeedbackView, Rollout, Run, WorkView, names
from ibgu.core.model.kinds import JsonObject

UNTRACKED: list[dict[str, str]] = [{}]
"""Managed fields with which the hub no longer tracks who owns which field of the work: with each of
the agent's reports it would compare them all, and send them to every watch (decision 30)."""


def stage_body(
    driver: Driver, wanted: DesiredWork, rollout: Rollout, cluster: str, *, watch: bool
) -> bytes:
    """Returns the body that creates the work. `watch`: the served schema has feedbackScrapeType."""
    marks = {key: mark for key, mark in _marks(wanted, 1).items() if mark is not None}
    work = new_work(
        names.stage_name(rollout.uid, rollout.name), cluster, rollout, names.STAGE, marks
    )
    return json.encode({**work, "spec": _spec(driver, wanted, rollout, 1, None, watch)})


def stage_patch(
    driver: Driver, wanted: DesiredWork, rollout: Rollout, current: WorkView, *, watch: bool
) -> bytes:
    """Returns the JSON merge patch that changes the work; after a 409, decide again.

    Raises ValueError if the work shows `wanted` already: such a write would not change the
    generation, and would look like someone else's edit for ever.
    """
    spec, annotations = _change(driver, wanted, rollout, current, watch)
    metadata = {
        "uid": current.uid,
        "resourceVersion": current.resource_version,
        "managedFields": UNTRACKED,
        "labels": labels(rollout, names.STAGE),
        "annotations": annotations,
    }
    # A merge patch keeps what it does not name; this removes an executor that someone set.
    return json.encode({"metadata": metadata, "spec": {**spec, "executor": None}})


def disarming(
    driver: Driver, wanted: DesiredWork, rollout: Rollout, current: WorkView, *, watch: bool
) -> bytes:
    """Returns the same change as a JSON patch (RFC 6902) that applies whatever the agent reports
    meanwhile; only where `by_generation` allows it. After a 422 for a failed test, decide again.

    Raises ValueError like `stage_patch`.
    """
    spec, annotations = _change(driver, wanted, rollout, current, watch)
    steps: list[JsonObject] = [
        {"op": "test", "path": "/metadata/uid", "value": current.uid},
        {"op": "test", "path": "/metadata/generation", "value": current.generation},
        {"op": "replace", "path": "/spec", "value": spec},
        {"op": "add", "path": "/metadata/managedFields", "value": UNTRACKED},
        *_set("/metadata/labels", labels(rollout, names.STAGE)),
        *_set("/metadata/annotations", annotations),
    ]
    return json.encode(steps)


def by_generation(wanted: DesiredWork, current: WorkView) -> bool:
    """Whether uid and generation suffice to guard the write (R26.1): not for an arming or a
    resuming, which rest on feedback, and not for an edited work, whose labels or annotations may be
    gone."""
    return not (wanted.armed or wanted.resuming or current.edited)


def _change(
    driver: Driver, wanted: DesiredWork, rollout: Rollout, current: WorkView, watch: bool
) -> tuple[JsonObject, dict[str, str | None]]:
    """Returns the spec and the annotations."""
    if wanted.shown_by(current):
        raise ValueError(f"stage work {current.name} shows what is wanted already")
    generation = current.generation + 1
    marks = {names.ROLLOUT: rollout.full_name, **_marks(wanted, generation)}
    return _spec(driver, wanted, rollout, generation, current.feedback, watch), marks


def _set(place: str, values: Mapping[str, str | None]) -> Iterator[JsonObject]:
    """Yields the operations that set the values; None removes the key, whether it is there or
    not."""
    for key, value in values.items():
        path = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
        yield {"op": "add", "path": path, "value": value or ""}
        if value is None:
            yield {"op": "remove", "path": path}


def refresh_patch(current: WorkView, now: datetime) -> bytes:
    """Returns a JSON merge patch that touches the work, so that its agent reads the cluster now
    (R21.3).

    The patch has one annotation and no resourceVersion: it can neither undo nor hinder another
    write. The uid keeps it from a work of the same name that was created since.
    """
    metadata = {"uid": current.uid, "annotations": {names.REFRESH: _stamp(now)}}
    return json.encode({"metadata": metadata})


def _spec(
    driver: Driver,
    wanted: DesiredWork,
    rollout: Rollout,
    generation: int,
    seen: FeedbackView | None,
    watch: bool,
) -> JsonObject:
    run = wanted.run if wanted.armed else None
    target = driver.target
    strategy = DISARMED if run is None else driver.strategy(rollout, run, seen)
    config = manifest_config(target, strategy, probe=wanted.probe, watch=watch)
    beside = driver.companions(rollout, run, seen, resuming=wanted.resumes)
    manifests = driver.manifests(rollout, run, generation, seen)
    return {
        "workload": {"manifests": [*manifests, *(each.manifest for each in beside)]},
        "manifestConfigs": [
            config,
            *(driver.configs(rollout, run, seen) if run else ()),
            *(companion_config(each, watch=watch) for each in beside),
        ],
        "deleteOption": ORPHAN,
    }


def _marks(wanted: DesiredWork, generation: int) -> dict[str, str | None]:
    """Returns annotations that suffice to rebuild the journal; None deletes one."""
    return {
        names.GENERATION: str(generation),
        names.ARMING: _arming(wanted),
        names.PROBE: wanted.probe.id if wanted.probe else None,
        **({names.RESTORE: wanted.restore} if wanted.restore else {}),
        **(_run_marks(wanted.run, wanted.limit) if wanted.run else {}),
    }


def _arming(wanted: DesiredWork) -> str:
    if wanted.armed:
        return names.ARMED
    return names.RESUMING if wanted.resuming else names.DISARMED


def _run_marks(run: Run, limit: datetime | None) -> dict[str, str | None]:
    return {
        names.RUN: run.id,
        names.ACTION: run.action,
        names.ATTEMPT: str(run.attempt),
        names.STARTED: _stamp(run.arming_at or run.intended_at),
        names.LIMIT: _stamp(limit) if limit else None,
        names.OUTCOME: run.result,
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
