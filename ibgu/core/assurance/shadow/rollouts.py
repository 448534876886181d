"""Converts an IBGU and its ClusterGroupUpgrades to the records of shadow mode."""

from datetime import datetime

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from ibgu.core.assurance.shadow.records import ShadowRollout, ShadowStep, TalmBatch
from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import Condition, RolloutObject
from ibgu.core.talm import TalmGroup


class _ActionMessage(Struct, frozen=True):
    action: str = ""
    message: str = ""


class _ClusterStatus(Struct, frozen=True, rename="camel"):
    name: str = ""
    completed_actions: list[_ActionMessage] = []
    failed_actions: list[_ActionMessage] = []


class TalmStatus(Struct, frozen=True):
    """The IBGU's status as TALM writes it."""

    conditions: list[Condition] = []
    clusters: list[_ClusterStatus] = []

    def failed(self) -> dict[tuple[str, str], str]:
        """Returns (cluster, action) -> TALM's message."""
        return {
            (cluster.name, failure.action): failure.message
            for cluster in self.clusters
            for failure in cluster.failed_actions
        }

    def ended(self) -> set[tuple[str, str]]:
        """Returns (cluster, action) that TALM shows as completed or failed."""
        return {
            (cluster.name, each.action)
            for cluster in self.clusters
            for each in (*cluster.completed_actions, *cluster.failed_actions)
        }


def status_of(found: RolloutObject) -> TalmStatus:
    """Returns the status; empty if it is not as TALM writes it."""
    try:
        return json.decode(found.status, type=TalmStatus)
    except (DecodeError, ValidationError):
        return TalmStatus()


def rollout_of(found: RolloutObject, known: ShadowRollout | None, now: datetime) -> ShadowRollout:
    meta, seed = found.metadata, found.spec.ibu_spec.seed_image_ref
    progressing = find(status_of(found).conditions, "Progressing")
    return ShadowRollout(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        created_at=moment(meta.creation_timestamp) or now,
        seed_image=seed.image,
        seed_version=seed.version,
        plan=tuple(tuple(item.actions) for item in found.spec.plan),
        watched_since=known.watched_since if known else now,
        progress=progressing.message,
        complete=progressing.status == "False",
    )


def step_of(rollout: str, group: TalmGroup, known: ShadowStep | None, now: datetime) -> ShadowStep:
    """Returns the step; `known`: its earlier record, the only source of when batches ended."""
    return ShadowStep(
        rollout=rollout,
        index=group.index,
        group=group.full_name,
        actions=group.actions,
        max_concurrency=group.max_concurrency,
        timeout_minutes=group.timeout_minutes,
        batches=_batches(group, known, now),
        batch=group.batch,
        started_at=group.started_at,
        finished_at=_finished_at(group, known, now),
    )


def _finished_at(group: TalmGroup, known: ShadowStep | None, now: datetime) -> datetime | None:
    if not group.finished:
        return None
    return group.finished_at or (known.finished_at if known else None) or now


def _batches(group: TalmGroup, known: ShadowStep | None, now: datetime) -> tuple[TalmBatch, ...]:
    before = dict(enumerate(known.batches)) if known else {}
    found = []
    for index, clusters in enumerate(group.batches):
        batch = TalmBatch(clusters, before[index].ended_at if index in before else None)
        over = group.finished or index + 1 < group.batch
        found.append(replace(batch, ended_at=now) if over and batch.ended_at is None else batch)
    return tuple(found)
