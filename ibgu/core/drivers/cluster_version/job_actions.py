"""Backup and PreCache, the actions that a work of their own does, mostly by a Job: when one may
start, what the work brings, how it goes."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from ibgu.core.drivers.cluster_version import precache
from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.checks import passing
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.hops import at_intermediate, next_hop
from ibgu.core.drivers.cluster_version.pin_action import Way, no_way, verdict_by_pins, way_of
from ibgu.core.drivers.cluster_version.spec import update_of
from ibgu.core.drivers.node_jobs import backup
from ibgu.core.drivers.node_jobs.backup import BackupForm
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.drivers.node_jobs.jobs import JobState
from ibgu.core.drivers.node_jobs.verdicts import BACKUP_FAILURES, JobFailures, verdict_by_job
from ibgu.core.engine.driver import (
    Judgement,
    JudgementKind,
    Prerequisite,
    Verdict,
)
from ibgu.core.model import ActionName, Cause, Rollout, Run, WorkView
from ibgu.core.model.kinds import ClusterUpdate, JsonObject, RolloutSpec


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
    if _in_first_hop(seen, update):
        words = f"{next_hop(seen, update).name}, is under way"
        return Judgement(kind=JudgementKind.BUSY, message=words)
    if waits := passing(seen, update) or (_at_work(seen) if backs_up else ""):
        return Judgement(kind=JudgementKind.BUSY, message=waits)
    if why := _not_for_these_nodes(seen, update, backs_up=backs_up):
        return Judgement(kind=JudgementKind.FAILED, message=why, cause=Cause.WRONG_STATE)
    return Judgement(kind=JudgementKind.STARTABLE)


def _not_for_these_nodes(seen: VersionView, update: ClusterUpdate, *, backs_up: bool) -> str:
    """Returns why the action is not for so many nodes, and what to do; empty: it is."""
    if not backs_up:
        return no_way(seen, update.pre_cache) if update.pre_cache is not None else ""
    if update.backup is None or update.backup.form != BackupForm.FULL or seen.nodes <= 1:
        return ""
    return (
        f"a full backup is for clusters of one node, and this one has {seen.nodes}: use the form "
        "Etcd in a new FleetUpdate"
    )


def _has_begun(seen: VersionView, update: ClusterUpdate) -> bool:
    """Whether the cluster applies the release, or has it, from whichever registry it took it."""
    wanted = digest_of(update.release.image)
    return wanted in (digest_of(seen.history_image), digest_of(seen.desired_image))


def _in_first_hop(seen: VersionView, update: ClusterUpdate) -> bool:
    """Whether the cluster takes the intermediate release."""
    return at_intermediate(seen, update) and not next_hop(seen, update).last


def _at_work(seen: VersionView) -> str:
    """Returns which operator keeps cluster-backup.sh from running; empty: none."""
    for name, progressing in seen.progressing.items():
        if progressing.true:
            return f"the cluster operator {name} is progressing, and etcd can't be backed up"
    return ""


def needed_backup(
    seen: VersionView, action: UpdateAction, update: ClusterUpdate
) -> Prerequisite | None:
    """Returns that an Update needs a recent backup; not one that is under way already. The backup
    before the first hop is the one of the second, too, however long the first has taken. A run that
    only pauses is no hop: the cluster had the intermediate release before."""
    if action is not UpdateAction.UPDATE or update.backup is None:
        return None
    if _has_begun(seen, update) or _in_first_hop(seen, update):
        return None
    within = timedelta(minutes=update.backup.max_age_minutes)
    between = at_intermediate(seen, update) and not seen.pausing
    return Prerequisite(UpdateAction.BACKUP.value, within, from_first_run=between)


def missing_backup(action: ActionName, spec: RolloutSpec) -> str:
    """Returns why no Backup comes before the action; empty: one does, or it is no Update. A spec
    with a backup has Backup in its plan, or no cluster is updated (R47.6)."""
    update = spec.update or ClusterUpdate()
    if action != UpdateAction.UPDATE or update.backup is not None:
        return ""
    return (
        "the rollout makes none, and its update can't be changed; apply another one with "
        "spec.update.backup, and Backup in its plan"
    )


def job_of(rollout: Rollout, run: Run, seen: VersionView) -> list[JsonObject]:
    """Returns the run's Job with what it needs, or the images to pin; none where the spec does not
    say how."""
    update = update_of(rollout)
    release = update.release.image
    if run.action == UpdateAction.BACKUP:
        return backup.job_manifests(update.backup, release, run.id) if update.backup else []
    if update.pre_cache is None:
        return []
    if way_of(seen, update.pre_cache) is Way.PINS:
        return precache.pins(update.pre_cache, rollout.uid)
    return precache.job_manifests(update.pre_cache, release, run.id)


def verdict_on_job(
    work: WorkView, seen: VersionView, action: UpdateAction, rollout: Rollout
) -> Verdict:
    """Returns how the action goes by the work that brings its Job, or the images to pin."""
    ahead = (
        update_of(rollout).pre_cache
        if action is UpdateAction.PRECACHE and work.job is None
        else None
    )
    if ahead is not None and way_of(seen, ahead) is Way.PINS:
        return verdict_by_pins(work, seen, ahead, rollout.uid)
    return verdict_by_job(work, _ACTIONS[action].failures)
