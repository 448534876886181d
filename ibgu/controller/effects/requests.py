"""Builds the requests that change clusters' works and labels: which object, how, for which
rollout."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, json

from ibgu.controller.mirror.mirror import WorkKey
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.works import (
    DesiredWork,
    Payload,
    by_generation,
    cluster_patch,
    disarming,
    job_body,
    payload_body,
    refresh_patch,
    stage_body,
    stage_patch,
)
from ibgu.core.engine.works.envelope import labels as labels_of_work
from ibgu.core.model import (
    FeedbackView,
    PendingPatch,
    Rollout,
    Run,
    WorkView,
)
from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub import paths
from ibgu.hub.writing.writer import Write

REFRESH = "refresh"
"""The kind of writes that only refresh a work; they never block another write."""


def stage_creation(
    driver: Driver, key: WorkKey, wanted: DesiredWork, rollout: Rollout, *, watch: bool
) -> Write:
    """Returns the creation of the stage work; `watch`: the served schema has feedbackScrapeType."""
    return _creation(key, rollout.uid, stage_body(driver, wanted, rollout, key[0], watch=watch))


def stage_change(
    driver: Driver,
    key: WorkKey,
    wanted: DesiredWork,
    rollout: Rollout,
    view: WorkView,
    *,
    watch: bool,
) -> Write:
    """Returns the patch of the stage work; an arming has its run as token. Raises ValueError if the
    work shows `wanted` already."""
    free = by_generation(wanted, view)
    change = disarming if free else stage_patch
    return Write(
        key=("work", *key),
        method="PATCH",
        path=paths.work(*key),
        body=change(driver, wanted, rollout, view, watch=watch),
        content_type=paths.JSON_PATCH if free else paths.MERGE_PATCH,
        owner=rollout.uid,
        base=view.resource_version,
        token=wanted.run.id if wanted.armed and wanted.run else None,
    )


def payload_creation(
    key: WorkKey, content: Payload, rollout: Rollout, *, remove_secrets: bool
) -> Write:
    body = payload_body(content, rollout, key[0], remove_secrets=remove_secrets)
    return _creation(key, rollout.uid, body)


def job_creation(
    driver: Driver, key: WorkKey, rollout: Rollout, run: Run, seen: FeedbackView, *, watch: bool
) -> Write:
    body = job_body(driver.job(rollout, run, seen), rollout, run, key[0], watch=watch)
    return _creation(key, rollout.uid, body)


class WorkQuestion(Struct, frozen=True):
    """The question whether the hub has the stage or job work of a run that has ended."""

    run: str
    labels: Mapping[str, str]
    """Those that the work had when it was made."""


def work_question(key: WorkKey, rollout: Rollout, run: Run, part: str) -> Write:
    """Returns a list of the one work by its name, as our watch sees only those with our label.
    `part`: that of the work, as its label says."""
    return Write(
        key=("work", *key),
        method="GET",
        path=paths.works(key[0]),
        query={"fieldSelector": f"metadata.name={key[1]}"},
        owner=rollout.uid,
        token=WorkQuestion(run.id, labels_of_work(rollout, part)),
    )


def _creation(key: WorkKey, owner: str, body: bytes) -> Write:
    return Write(
        key=("work", *key), method="POST", path=paths.works(key[0]), body=body, owner=owner
    )


def deletion(key: WorkKey, owner: str, view: WorkView) -> Write:
    """Returns the deletion of this object only; with Orphan (in the work) nothing changes on the
    cluster. A Job goes with its work."""
    body = json.encode({"preconditions": {"uid": view.uid}})
    return Write(key=("work", *key), method="DELETE", path=paths.work(*key), body=body, owner=owner)


def refresh(key: WorkKey, rollout: Rollout, view: WorkView, now: datetime) -> Write:
    return Write(
        key=(REFRESH, *key),
        method="PATCH",
        path=paths.work(*key),
        body=refresh_patch(view, now),
        content_type=paths.MERGE_PATCH,
        owner=rollout.uid,
    )


def metadata_patch(pending: PendingPatch, version: str) -> Write:
    """Returns the patch of a ManagedCluster; `version`: the resourceVersion that it was decided
    on."""
    return Write(
        key=("cluster", pending.cluster),
        method="PATCH",
        path=paths.managed_cluster(pending.cluster),
        body=cluster_patch(pending, version),
        content_type=paths.MERGE_PATCH,
        owner=pending.rollout,
        base=version,
    )


class _LabelledMetadata(Struct, frozen=True):
    metadata: ObjectMeta


def found_out(write: Write) -> Write:
    """Returns the request whose response shows the work's current version, after a conflict.

    A work that can't be created because it exists may have lost the label that our watch selects
    by: the patch restores the label, and with it the watch sees the work again.
    """
    path = paths.work(*write.key[1:])
    if write.method != "POST" or write.body is None:
        return Write(key=write.key, method="GET", path=path, owner=write.owner)
    return labelled(write, json.decode(write.body, type=_LabelledMetadata).metadata.labels)


def labelled(write: Write, labels: Mapping[str, str]) -> Write:
    """Returns the request that gives the write's work these labels, whose response shows it."""
    return Write(
        key=write.key,
        method="PATCH",
        path=paths.work(*write.key[1:]),
        body=json.encode({"metadata": {"labels": labels}}),
        content_type=paths.MERGE_PATCH,
        owner=write.owner,
    )


def reading(write: Write) -> Write:
    """Returns a read of the write's object."""
    return Write(key=write.key, method="GET", path=write.path, owner=write.owner)
