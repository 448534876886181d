"""The state of a cluster's update: whether an action may start, and how it goes."""

from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction, UpdateStage
from ibgu.core.drivers.cluster_version.checks import (
    asked_for_another,
    hindrances,
    passing,
)
from ibgu.core.drivers.cluster_version.completion import (
    degraded,
    done,
    unsettled,
    waits_for_pool,
    with_drains,
)
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.hops import (
    Hop,
    asked_hop,
    at_intermediate,
    images_of,
    next_hop,
)
from ibgu.core.drivers.cluster_version.names import HEALTH_CHECKS
from ibgu.core.drivers.cluster_version.pauses import (
    asked,
    next_to_resume,
    soak_before_next,
    to_pause,
)
from ibgu.core.drivers.cluster_version.spec import update_of
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.engine.driver import Judgement, JudgementKind, Verdict, VerdictKind
from ibgu.core.model import Cause, Rollout
from ibgu.core.model.kinds import ClusterUpdate, Release

GRACE = timedelta(minutes=10)
"""The cluster-version operator tries a refused release again every two to four minutes."""
_POOL_GRACE = timedelta(minutes=15)
_MIRROR_TIME = timedelta(minutes=2)
"""The pools show their former configuration until the machine-config operator has seen mirrors."""


def judge_update(seen: VersionView, action: UpdateAction, rollout: Rollout) -> Judgement:
    update = update_of(rollout)
    if action.stage is UpdateStage.RETRACT:
        return _may_retract(seen, update)
    if waits := passing(seen, update):
        return Judgement(kind=JudgementKind.BUSY, message=waits)
    if action is UpdateAction.UPDATE:
        return _may_update(seen, update, rollout.uid)
    if action is UpdateAction.POOLS:
        return _may_resume(seen, update, rollout.uid)
    return _STARTABLE


def _may_update(seen: VersionView, update: ClusterUpdate, rollout: str) -> Judgement:
    if other := asked_for_another(seen, update):
        return _failed(other)
    if _has(seen, update) and done(seen):
        note = f"was already at {update.release.version}"
        return Judgement(kind=JudgementKind.REACHED, note=note)
    hop = next_hop(seen, update)
    if seen.updating and seen.history_image == hop.release.image:
        return _STARTABLE  # It is under way: the run follows it.
    wrong = hop.says(next(hindrances(seen, update, rollout), ""))
    if wrong and at_intermediate(seen, update):
        # Half of the way is done: what may pass, or be repaired, does not end it.
        return Judgement(kind=JudgementKind.BUSY, message=wrong)
    return _failed(wrong) if wrong else _STARTABLE


def _may_resume(seen: VersionView, update: ClusterUpdate, rollout: str) -> Judgement:
    if seen.updating:
        words = f"the update is under way: {seen.condition('Progressing').message}"
        return Judgement(kind=JudgementKind.BUSY, message=words)
    if next_to_resume(seen, update, rollout):
        # What has failed in one pool does not go on to the others (R48.3).
        if seen.unwell:
            return Judgement(kind=JudgementKind.BUSY, message=seen.unwell)
        if _begins_any_moment(seen):
            # All that is not paused by then takes the release at once.
            words = (
                f"the cluster was asked for {seen.wanted_image} and has not begun to apply it: "
                "nothing is resumed before it has, or it refuses that, or the request is withdrawn "
                "(`oc adm upgrade --clear`)"
            )
            return Judgement(kind=JudgementKind.BUSY, message=words)
        return _STARTABLE
    if waits := unsettled(seen):
        return Judgement(kind=JudgementKind.BUSY, message=waits)
    return Judgement(kind=JudgementKind.REACHED, note="had nothing paused any more")


def _may_retract(seen: VersionView, update: ClusterUpdate) -> Judgement:
    version, reached = update.release.version, ""
    if _begun(seen, update.release):
        state = "is under way" if seen.history_state != "Completed" else "is complete"
        return _failed(f"the update to {version} {state}, and can't be withdrawn any more")
    if update.via is not None and _begun(seen, update.via):
        if not (seen.history_state == "Completed" and seen.history_image == seen.desired_image):
            return _failed(
                f"the update to {update.via.version} is under way, and can't be withdrawn any "
                f"more; {version} was not asked for yet"
            )
        reached = f", and runs the intermediate release {update.via.version}"
    if not seen.pending or seen.wanted_image not in images_of(update):
        note = f"was not asked for {version} any more{reached}"
        return Judgement(kind=JudgementKind.REACHED, note=note)
    if not (seen.desired_image and seen.desired_version):
        words = "the cluster does not report its release, to which the request goes back"
        return Judgement(kind=JudgementKind.BUSY, message=words)
    accepted = seen.condition("ReleaseAccepted")
    if accepted.true and seen.wanted_image in accepted.message:
        # Asked for the former release now, the operator would turn back in the middle.
        words = f"the cluster has accepted the release: the update to {version} begins any moment"
        return Judgement(kind=JudgementKind.BUSY, message=words)
    return _STARTABLE


def _begun(seen: VersionView, release: Release) -> bool:
    """Whether the operator applies the release: history follows the desired one a moment later."""
    return release.image in (seen.history_image, seen.desired_image)


def _has(seen: VersionView, update: ClusterUpdate) -> bool:
    """Whether the cluster has the release, from whichever registry it took it."""
    wanted = (digest_of(update.release.image), update.release.version)
    return (digest_of(seen.history_image), seen.history_version) == wanted


def _failed(words: str) -> Judgement:
    return Judgement(kind=JudgementKind.FAILED, message=words, cause=Cause.WRONG_STATE)


_STARTABLE = Judgement(kind=JudgementKind.STARTABLE)


def verdict_on_update(seen: VersionView, action: UpdateAction, rollout: Rollout) -> Verdict:
    update = update_of(rollout)
    if action is UpdateAction.CHECK:
        return _checked(seen, update, rollout.uid)
    if action is UpdateAction.MIRROR:
        return _mirrored(seen, update)
    if action is UpdateAction.UPDATE:
        if seen.pausing:
            return _paused(seen, update, rollout.uid)
        found = _hopped(seen, update)
        return found if found.again else _with_soak(found, seen, update, rollout.uid)
    if action is UpdateAction.POOLS:
        return _with_soak(_resumed(seen, update, rollout.uid), seen, update, rollout.uid)
    return _retracted(seen, update)


def _with_soak(found: Verdict, seen: VersionView, update: ClusterUpdate, rollout: str) -> Verdict:
    """Returns a success that lasts before the next pool is resumed: all that is resumed by then has
    to be well, too."""
    soak = soak_before_next(seen, update, rollout)
    if found.kind is not VerdictKind.SUCCEEDED or not soak:
        return found
    if waits := unsettled(seen):
        return Verdict(VerdictKind.RUNNING, message=waits)
    words = found.message or f"runs {update.release.version}"
    words += f", soaks for {update.pause.soak_minutes} min before the next pool"
    return replace(found, message=words, soak=soak)


def _paused(seen: VersionView, update: ClusterUpdate, rollout: str) -> Verdict:
    if left := to_pause(seen, update, rollout):
        return Verdict(VerdictKind.RUNNING, message=f"pauses {', '.join(left)}")
    return Verdict(VerdictKind.SUCCEEDED, message=f"paused {', '.join(asked(update))}", again=True)


def _resumed(seen: VersionView, update: ClusterUpdate, rollout: str) -> Verdict:
    """Judges by what this run resumes; the pools after it are still paused."""
    name = seen.resumes
    if name == HEALTH_CHECKS:
        waits = any(c.paused and c.paused_by == rollout for c in seen.health_checks)
    else:
        pool = seen.pool(name)
        if pool.degraded:
            words = degraded(pool)
            return Verdict(VerdictKind.FAILED, Cause.POOLS_FAILED, words, _POOL_GRACE)
        if pool.awaited:
            words = with_drains(seen, waits_for_pool(pool))
            return Verdict(VerdictKind.RUNNING, message=words)
        waits = pool.paused
    if waits:
        return Verdict(VerdictKind.RUNNING, message=f"resumes {name}")
    again = bool(next_to_resume(seen, update, rollout))
    if again and seen.unwell:
        return Verdict(VerdictKind.RUNNING, message=f"stalled: {seen.unwell}")
    return (None if again else _unsettled(seen)) or Verdict(
        VerdictKind.SUCCEEDED, message=f"resumed {name}", again=again
    )


def _unsettled(seen: VersionView) -> Verdict | None:
    """Returns how it goes on where a pool that is not paused does not run the release yet, also one
    that a person has resumed; None: all do."""
    broken = next((pool for pool in seen.pools if pool.degraded and not pool.paused), None)
    if broken is not None:
        return Verdict(VerdictKind.FAILED, Cause.POOLS_FAILED, degraded(broken), _POOL_GRACE)
    waits = unsettled(seen)
    return Verdict(VerdictKind.RUNNING, message=with_drains(seen, waits)) if waits else None


def _checked(seen: VersionView, update: ClusterUpdate, rollout: str) -> Verdict:
    hop = next_hop(seen, update)
    if seen.updating and seen.history_image == hop.release.image:
        return _SUCCEEDED
    if wrong := next(hindrances(seen, update, rollout), ""):
        return Verdict(VerdictKind.FAILED, Cause.CHECK_FAILED, hop.says(wrong))
    waits = passing(seen, update)
    return Verdict(VerdictKind.RUNNING, message=waits) if waits else _SUCCEEDED


def _mirrored(seen: VersionView, update: ClusterUpdate) -> Verdict:
    for pool in seen.pools:
        if pool.degraded:
            return Verdict(VerdictKind.FAILED, Cause.MIRROR_FAILED, degraded(pool), _POOL_GRACE)
    if waiting := unsettled(seen):
        return Verdict(VerdictKind.RUNNING, message=waiting)
    return Verdict(VerdictKind.SUCCEEDED, earliest=_MIRROR_TIME) if update.mirrors else _SUCCEEDED


def _hopped(seen: VersionView, update: ClusterUpdate) -> Verdict:
    """Judges by the release that this run has asked for; the last one alone ends the update."""
    hop = asked_hop(seen, update)
    found = _updated(seen, hop)
    if found.kind is VerdictKind.SUCCEEDED and not hop.last:
        words = f"{hop.name}, is complete"
        return Verdict(VerdictKind.SUCCEEDED, message=words, again=True)
    return replace(found, message=hop.says(found.message))


def _updated(seen: VersionView, hop: Hop) -> Verdict:
    image = hop.release.image
    if seen.history_image == image:
        return _SUCCEEDED if done(seen) else Verdict(VerdictKind.RUNNING, message=_progress(seen))
    accepted, invalid = seen.condition("ReleaseAccepted"), seen.condition("Invalid")
    if invalid.true:
        return Verdict(VerdictKind.FAILED, Cause.UPDATE_REFUSED, invalid.message, GRACE)
    if accepted.false and image in accepted.message:
        return Verdict(VerdictKind.FAILED, Cause.UPDATE_REFUSED, accepted.message, GRACE)
    looked = image in accepted.message
    words = "the cluster-version operator has not checked the release yet"
    return Verdict(
        VerdictKind.RUNNING,
        message=accepted.message if looked else words,
        # Between two refusals the operator says for minutes that it checks the release again.
        undecided=not (looked and accepted.true),
    )


def _retracted(seen: VersionView, update: ClusterUpdate) -> Verdict:
    # What is asked for now is the release that ran before, which may be the intermediate one.
    withdrawn = {*images_of(update)} - {seen.asked_image}
    if withdrawn & {seen.history_image, seen.desired_image}:
        words = (
            "the update began in the moment of its withdrawal, and goes on, though the "
            "ClusterVersion asks for the former release now"
        )
        return Verdict(VerdictKind.FAILED, Cause.RETRACT_FAILED, words)
    accepted = seen.condition("ReleaseAccepted")
    if (
        accepted.true
        and seen.desired_image in accepted.message
        and not (seen.pending or seen.updating)
    ):
        return _SUCCEEDED
    words = accepted.message or "the cluster-version operator has not checked it yet"
    return Verdict(VerdictKind.RUNNING, message=words)


_SUCCEEDED = Verdict(VerdictKind.SUCCEEDED)


def out_of_update(seen: VersionView) -> bool:
    """Whether no update goes on. One that was asked for begins any moment, unless the cluster
    refuses it."""
    if seen.updating or seen.condition("Progressing").true:
        return False
    return not _begins_any_moment(seen)


def _begins_any_moment(seen: VersionView) -> bool:
    """Whether the cluster was asked for a release that it has neither begun to apply nor
    refused."""
    accepted = seen.condition("ReleaseAccepted")
    refused = accepted.false and seen.wanted_image in accepted.message
    return seen.pending and not (refused or seen.condition("Invalid").true)


def _progress(seen: VersionView) -> str:
    failing, progressing = seen.condition("Failing"), seen.condition("Progressing")
    if failing.status not in ("", "False"):
        return f"stalled: {failing.message}"
    if seen.updating or progressing.true:
        return with_drains(seen, progressing.message)
    return with_drains(seen, unsettled(seen))
