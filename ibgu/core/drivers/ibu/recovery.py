"""The way back after an image-based upgrade: ibgu and the cluster have ways of their own, and the
backup before Upgrade is for what they can't repair."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP
from ibgu.core.drivers.ibu.backup import asked_backup
from ibgu.core.drivers.node_jobs.backup.restoring import facts_of, steps_from, taken_backup
from ibgu.core.model import Cause, RunResult
from ibgu.core.model.kinds import Backup
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase, RecoveryStep

_CHECK = "oc get clusterversion,nodes,clusteroperators,ibu"


def recovery_of_upgrade(case: RecoveryCase) -> ClusterRecovery:
    at = f"{case.rollout} {case.cluster} -n {case.namespace}"
    facts, restores = _backup(case)
    return ClusterRecovery(
        headline=_headline(case),
        facts={
            "release": case.spec.release.version,
            "said": case.message,
            **facts,
        },
        steps=(
            RecoveryStep("See what happened, and what to do about it.", (f"ibgu explain {at}",)),
            *_ways(case, at),
            *restores,
        ),
        guide="docs/guides/roll-back.md",
    )


def _headline(case: RecoveryCase) -> str:
    if case.in_flight:
        return "the cluster is in flight: wait until its action has ended, unless it hangs"
    if _is_well(case):
        return "the cluster has not failed in this rollout"
    return "a cluster whose image-based upgrade failed goes back without a backup"


def _is_well(case: RecoveryCase) -> bool:
    return case.finished and case.cause is None


def _ways(case: RecoveryCase, at: str) -> Iterator[RecoveryStep]:
    """Yields the ways of ibgu and the cluster themselves, for a rollout and a cluster of it."""
    match case.cause:
        case Cause.UPGRADE_FAILED_AFTER_PIVOT:
            yield RecoveryStep(
                "The cluster still runs the new release, on which its Upgrade failed: automatic "
                "rollback is off. Roll it back.",
                (f"ibgu rollback {at} --failed",),
            )
        case Cause.ABORT_FAILED | Cause.FINALIZE_FAILED:
            yield RecoveryStep(
                "The cluster could not clean up. Clean up by hand what its message names, then say "
                "so: the action runs again.",
                (f'ibgu confirm-cleanup {at} --reason "what was cleaned up"',),
            )
        case Cause.ROLLBACK_FAILED:
            yield RecoveryStep(
                "The Rollback failed. Find out on the cluster which release it runs, and repair "
                "what its message names: no action of ibgu leads further from here.",
                (_CHECK,),
            )
        case _:
            yield RecoveryStep(
                "Find out which release the cluster runs, and whether an upgrade goes on there.",
                (_CHECK,),
            )
            if not _is_well(case):
                yield RecoveryStep(
                    "A cluster at its former release, whose Prep failed or which has rolled back "
                    "by itself: once the cause is gone, abort it and try again.",
                    (f"ibgu retry {at} --abort-first",),
                )
            yield RecoveryStep(
                "A cluster whose Upgrade succeeded goes back until the upgrade is finalized.",
                (f"ibgu rollback {at}",),
            )


def _backup(case: RecoveryCase) -> tuple[dict[str, str], Iterator[RecoveryStep]]:
    """Returns the facts of the backup before Upgrade, and the steps that restore it."""
    asked = asked_backup(case.controls)
    if asked is None or asked.problem:
        taken = taken_backup(case, Backup(), UPGRADE_BACKUP, RunResult.CONTINUED)
        words = "the annotations that asked for it are gone, or can't be read"
        return {"backup": f"taken at {taken.at}; {words}"} if taken else {}, iter(())
    taken = taken_backup(case, asked.backup, UPGRADE_BACKUP, RunResult.CONTINUED)
    facts = dict(facts_of(asked.backup, taken))
    if taken is None or not taken.path:
        return facts, iter(())

    def steps() -> Iterator[RecoveryStep]:
        yield RecoveryStep(
            "The backup is for a cluster that runs its former release again, and does not come up. "
            "It lies in the stateroot of that release, unless its folder is on a partition of its "
            "own: on the new release it is not there. All that came since the backup is lost.",
            ("sudo rpm-ostree status",),
        )
        yield from steps_from(asked.backup, taken, _CHECK)

    return facts, steps()
