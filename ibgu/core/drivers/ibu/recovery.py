"""The way back after an image-based upgrade: ibgu and the cluster have ways of their own."""

from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase, RecoveryStep


def recovery_of_upgrade(case: RecoveryCase) -> ClusterRecovery:
    at = f"{case.rollout} {case.cluster} -n {case.namespace}"
    return ClusterRecovery(
        headline="a cluster whose image-based upgrade failed goes back without a backup",
        facts={
            "release": case.spec.release.version,
            "said": case.message,
        },
        steps=(
            RecoveryStep("See what happened, and what to do about it.", (f"ibgu explain {at}",)),
            RecoveryStep(
                "A cluster whose Upgrade failed has rolled back by itself, or never left its "
                "release. Prepare it again once the cause is gone.",
                (f"ibgu retry {at}",),
            ),
            RecoveryStep(
                "A cluster whose Upgrade succeeded goes back until the upgrade is finalized.",
                (f"ibgu rollback {at}",),
            ),
        ),
        guide="docs/guides/roll-back.md",
    )
