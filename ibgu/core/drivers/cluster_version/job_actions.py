"""Backup and PreCache, the actions that a Job does: when one may start, its Job, how it goes."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from ibgu.core.drivers.cluster_version import precache
from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.checks import passing
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.node_jobs import backup
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.drivers.node_jobs.jobs import JobState
from ibgu.core.drivers.node_jobs.verdicts import BACKUP_FAILURES, JobFailures, verdict_by_job
from ibgu.core.engine.driver import (
    Judgement,
    JudgementKind,
    Prerequisite,
    Verdict,
)
from ibgu.core.model import Cause, Run, WorkView
from ibgu.core.model.kinds import ClusterUpdate, JsonObject


class _JobAction(Struct, frozen=True, kw_only=True):
    missing: str
    """Why the action can't start without its part of the spec."""
    skipped: str
    """What a cluster whose update has begun goes without."""
    failures: JobFailures


_ACTIONS: Mapping[UpdateAction, _JobAction] = {
    UpdateAction.BACKUP: _JobAction(
        missing="spec.update.backup is missing, which says what to back up and how",
        # It would be of neither release.
        skipped="made no backup",
        failures=BACKUP_FAILURES,
    ),
    UpdateAction.PRECACHE: _JobAction(
        missing="spec.update.preCache is missing, which says how images are pulled ahead",
        skipped="pulled nothing ahead",
        failures=JobFailures(
            timeout=JobState.PRECACHE_TIMEOUT, exits=precache.EXITS, cause=Cause.PRECACHE_FAILED
        ),
    ),
}


def judge_job(seen: VersionView, action: UpdateAction, update: ClusterUpdate) -> Judgement:
    """Returns whether the action may start: what hinders an update does not hinder it."""
    backs_up = action is UpdateAction.BACKUP
    if (update.backup if backs_up else update.pre_cache) is None:
        words = _ACTIONS[action].missing
        return Judgement(kind=JudgementKind.FAILED, message=words, cause=Cause.WRONG_STATE)
    if _has_begun(seen, update):
        words = f"the update to {update.release.version} has begun before"
        return Judgement(kind=JudgementKind.REACHED, note=f"{_ACTIONS[action].skipped}: {words}")
    if waits := passing(seen, update) or (_at_work(seen) if backs_up else ""):
        return Judgement(kind=JudgementKind.BUSY, message=waits)
    return Judgement(kind=JudgementKind.STARTABLE)


def _has_begun(seen: VersionView, update: ClusterUpdate) -> bool:
    """Whether the cluster applies the release, or has it, from whichever registry it took it."""
    wanted = digest_of(update.release.image)
    return wanted in (digest_of(seen.history_image), digest_of(seen.desired_image))


def _at_work(seen: VersionView) -> str:
    """Returns which operator keeps cluster-backup.sh from running; empty: none."""
    for name, progressing in seen.progressing.items():
        if progressing.true:
            return f"the cluster operator {name} is progressing, and etcd can't be backed up"
    return ""


def needed_backup(
    seen: VersionView, action: UpdateAction, update: ClusterUpdate
) -> Prerequisite | None:
    """Returns that an Update needs a recent backup; not one that is under way already."""
    if action is not UpdateAction.UPDATE or update.backup is None or _has_begun(seen, update):
        return None
    within = timedelta(minutes=update.backup.max_age_minutes)
    return Prerequisite(UpdateAction.BACKUP.value, within)


def job_of(update: ClusterUpdate, run: Run) -> list[JsonObject]:
    """Returns the run's Job with what it needs; none where the spec does not say how."""
    release = update.release.image
    if run.action == UpdateAction.BACKUP:
        return backup.job_manifests(update.backup, release, run.id) if update.backup else []
    if update.pre_cache is None:
        return []
    return precache.job_manifests(update.pre_cache, release, run.id)


def verdict_on_job(work: WorkView, action: UpdateAction) -> Verdict:
    """Returns how the action goes by the work that brings its Job."""
    return verdict_by_job(work, _ACTIONS[action].failures)
