"""The way back after an update to another release: forward, or by the backup."""

from collections.abc import Iterator

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.hops import images_of
from ibgu.core.drivers.cluster_version.spec import problem_of_update
from ibgu.core.drivers.node_jobs.backup import BackupForm
from ibgu.core.drivers.node_jobs.backup.restoring import (
    TakenBackup,
    facts_of,
    steps_from,
    taken_backup,
)
from ibgu.core.model import Cause, RunResult
from ibgu.core.model.kinds import Backup
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase, RecoveryStep
from ibgu.core.model.runs import RunBase

GUIDE = "docs/guides/after-a-failed-update.md"
_CHECK = "oc get clusterversion,nodes,clusteroperators"


def recovery_of_update(case: RecoveryCase) -> ClusterRecovery:
    update = case.spec.update
    steps: list[RecoveryStep]
    if update is None or problem_of_update(update):
        headline, steps = "the FleetUpdate is not valid: ibgu updates no cluster by it", []
    else:
        headline, steps = _way(case, update.backup)
        if not _began(case):
            # The journal may have been lost since, or another ibgu has asked for the update.
            steps = [*_withdraw(case), _otherwise(headline), *steps]
            headline = "the update was not seen to begin: check the cluster, then withdraw it"
    return ClusterRecovery(headline, dict(_facts(case)), steps, GUIDE)


def _way(case: RecoveryCase, backup: Backup | None) -> tuple[str, list[RecoveryStep]]:
    """Returns the way of a cluster whose update has begun."""
    taken, forward = _taken(case), _forward(case)
    if backup is None or taken is None:
        words = "there is no backup by ibgu, so the way is forward: repair the cluster"
        return words, [*forward, _WITHOUT]
    if backup.form == BackupForm.FULL:
        words = "the cluster can go back to its full backup; all that came since is lost"
    else:
        words = "there is a backup of etcd: it restores the control plane, not the former release"
    return words, [*forward, *_alone(case), *steps_from(backup, taken, _CHECK)]


def _facts(case: RecoveryCase) -> Iterator[tuple[str, str]]:
    release = case.spec.release
    yield "release", f"{release.version} {release.image}".strip()
    if case.spec.update and (via := case.spec.update.via):
        yield "via", f"{via.version} {via.image}".strip()
    if before := _before(case):
        yield "before", before
    if case.message:
        yield "said", case.message
    taken, update = _taken(case), case.spec.update
    if update is None or update.backup is None:
        yield "backup", "none: spec.update.backup is not set"
    else:
        yield from facts_of(update.backup, taken)


def _began(case: RecoveryCase) -> bool:
    """Whether the cluster has begun to take the release, or may have: what it reported at the end
    of a run counts, if that is known. What it reported when it accepted one may be from before."""
    updates = [run for run in case.runs if run.action == UpdateAction.UPDATE and run.arming_at]
    return any(
        _shows_a_release(case, run)
        if run.id in case.shown and not run.open
        else run.cause is not Cause.UPDATE_REFUSED
        for run in updates
    )


def _shows_a_release(case: RecoveryCase, run: RunBase) -> bool:
    """Whether the cluster applied a release of the update at the end of the run, or had it."""
    shown = case.shown[run.id]
    history = [str(each) for each in shown.get("history") or ()]
    assert case.spec.update is not None
    return not {str(shown.get("desired", "")), *history}.isdisjoint(images_of(case.spec.update))


def _taken(case: RecoveryCase) -> TakenBackup | None:
    update = case.spec.update
    if update is None or update.backup is None:
        return None
    return taken_backup(case, update.backup, UpdateAction.BACKUP, RunResult.SUCCEEDED)


def _before(case: RecoveryCase) -> str:
    """Returns the release image that the cluster had before the update; empty: not known."""
    wanted = case.spec.release.image
    for run in case.runs:
        image = str(case.shown.get(run.id, {}).get("desired", ""))
        if image and image != wanted:
            return image
    return ""


# -- steps ---------------------------------------------------------------------------------------


def _withdraw(case: RecoveryCase) -> Iterator[RecoveryStep]:
    yield RecoveryStep(
        "If the ClusterVersion asks for the release (spec.desiredUpdate), the update would begin "
        "by itself later. Withdraw that, unless the update has begun. If this command is refused, "
        "because of the plan, create a FleetUpdate with the plan [Retract] for this cluster.",
        (f"ibgu add-step {case.rollout} RetractOnFailure -n {case.namespace}",),
    )
    yield RecoveryStep("Check on the cluster that it is at its former release.", (_CHECK,))


def _otherwise(headline: str) -> RecoveryStep:
    return RecoveryStep(
        "If `oc get clusterversion` shows otherwise, the update has begun, and the steps below "
        f"apply: {headline}.",
        ("oc get clusterversion",),
    )


def _forward(case: RecoveryCase) -> Iterator[RecoveryStep]:
    yield RecoveryStep(
        "Try to go forward first: once the operator or the node that stands in the way is "
        "repaired, the update continues automatically, and nothing is lost.",
        (
            f"ibgu explain {case.rollout} {case.cluster} -n {case.namespace}",
            _CHECK,
            "oc get machineconfigpools",
            "oc adm must-gather",
        ),
    )


def _alone(case: RecoveryCase) -> Iterator[RecoveryStep]:
    if case.in_flight:
        yield RecoveryStep(
            "The cluster is in flight, and can't be skipped. Pause the rollout, so that no other "
            "step begins for it. This holds the other clusters, too.",
            (f"ibgu pause {case.rollout} -n {case.namespace}",),
        )
        yield RecoveryStep(
            "Or end the rollout for all clusters: delete the FleetUpdate.",
            (f"oc delete fu {case.rollout} -n {case.namespace}",),
        )
    elif not case.finished:
        yield RecoveryStep(
            "Take the cluster out of the rollout, so that nothing else is asked of it.",
            (f"ibgu skip {case.rollout} {case.cluster} -n {case.namespace}",),
        )


_WITHOUT = RecoveryStep(
    "If it can't be repaired, install it again. A single node needs a full backup to go back: set "
    "spec.update.backup next time."
)
