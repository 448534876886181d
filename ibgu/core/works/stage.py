"""Request bodies of stage works: one per member, created at the first look, updated in place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec import json

from ibgu.core.kinds import JsonObject
from ibgu.core.model import Rollout, Run, WorkView
from ibgu.core.works import names
from ibgu.core.works.envelope import ORPHAN, labels, new_work
from ibgu.core.works.manifests import IBU_ROLE, armed_ibu, disarmed_ibu, ibu_config
from ibgu.core.works.wanted import Wanted

UNTRACKED: list[dict[str, str]] = [{}]
"""Managed fields that make the hub forget, and no longer keep, who owns which field of the work:
with each of the agent's reports it would compare them all, and send them to every watch
(decision 30)."""


def stage_body(wanted: Wanted, rollout: Rollout, cluster: str, *, watch: bool) -> bytes:
    """To create the work. `watch`: the served schema has feedbackScrapeType."""
    marks = {key: mark for key, mark in _marks(wanted, 1).items() if mark is not None}
    work = new_work(
        names.stage_name(rollout.uid, rollout.name), cluster, rollout, names.STAGE, marks
    )
    return json.encode({**work, "spec": _spec(wanted, rollout, 1, watch)})


def stage_patch(wanted: Wanted, rollout: Rollout, current: WorkView, *, watch: bool) -> bytes:
    """To change the work, as a JSON merge patch; a 409 means: decide again.

    Raises ValueError if the work shows `wanted` already: such a write would not change the
    generation, and so would look like somebody else's edit for ever.
    """
    spec, annotations = _change(wanted, rollout, current, watch)
    metadata = {
        "uid": current.uid,
        "resourceVersion": current.resource_version,
        "managedFields": UNTRACKED,
        "labels": labels(rollout, names.STAGE),
        "annotations": annotations,
    }
    # A merge patch keeps what it does not name: an executor that somebody put there goes.
    return json.encode({"metadata": metadata, "spec": {**spec, "executor": None}})


def disarming(wanted: Wanted, rollout: Rollout, current: WorkView, *, watch: bool) -> bytes:
    """The same change whatever the agent reports meanwhile, where `by_generation` allows it, as a
    JSON patch (RFC 6902); a 422 that says that it does not fit means: decide again.

    Raises ValueError as `stage_patch`.
    """
    spec, annotations = _change(wanted, rollout, current, watch)
    steps: list[JsonObject] = [
        {"op": "test", "path": "/metadata/uid", "value": current.uid},
        {"op": "test", "path": "/metadata/generation", "value": current.generation},
        {"op": "replace", "path": "/spec", "value": spec},
        {"op": "add", "path": "/metadata/managedFields", "value": UNTRACKED},
        *_set("/metadata/labels", labels(rollout, names.STAGE)),
        *_set("/metadata/annotations", annotations),
    ]
    return json.encode(steps)


def by_generation(wanted: Wanted, current: WorkView) -> bool:
    """Whether the write may go by uid and generation alone (R26.1): not an arming, which
    rests on what was reported, and not to an edited work, whose labels or annotations may be gone.
    """
    return not (wanted.armed or current.edited)


def _change(
    wanted: Wanted, rollout: Rollout, current: WorkView, watch: bool
) -> tuple[JsonObject, dict[str, str | None]]:
    """The spec, and the annotations."""
    if wanted.shown_by(current):
        raise ValueError(f"stage work {current.name} shows what is wanted already")
    generation = current.generation + 1
    marks = {names.ROLLOUT: rollout.full_name, **_marks(wanted, generation)}
    return _spec(wanted, rollout, generation, watch), marks


def _set(place: str, values: Mapping[str, str | None]) -> Iterator[JsonObject]:
    """None: without it, whether it is there or not."""
    for key, value in values.items():
        path = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
        yield {"op": "add", "path": path, "value": value or ""}
        if value is None:
            yield {"op": "remove", "path": path}


def refresh_patch(current: WorkView, now: datetime) -> bytes:
    """To touch the work, so that its agent reads the cluster now (R21.3), as a JSON merge patch.

    It names one annotation and no resourceVersion: so it can neither take back nor hinder what
    another write says. The uid keeps it from a work of the same name that somebody made since.
    """
    metadata = {"uid": current.uid, "annotations": {names.REFRESH: _stamp(now)}}
    return json.encode({"metadata": metadata})


def _spec(wanted: Wanted, rollout: Rollout, generation: int, watch: bool) -> JsonObject:
    run = wanted.run if wanted.armed else None
    ibu = disarmed_ibu(generation) if run is None else armed_ibu(rollout, run)
    return {
        # Older agents apply in this order, and need the role first.
        "workload": {"manifests": [IBU_ROLE, ibu]},
        "manifestConfigs": [ibu_config(armed=wanted.armed, probe=wanted.probe, watch=watch)],
        "deleteOption": ORPHAN,
    }


def _marks(wanted: Wanted, generation: int) -> dict[str, str | None]:
    """Annotations: enough to find the way back without the journal; None deletes."""
    return {
        names.GENERATION: str(generation),
        names.ARMING: names.ARMED if wanted.armed else names.DISARMED,
        names.PROBE: wanted.probe.id if wanted.probe else None,
        **({names.RESTORE: wanted.restore} if wanted.restore else {}),
        **(_run_marks(wanted.run, wanted.limit) if wanted.run else {}),
    }


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
