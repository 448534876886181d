"""Canaries, and then a budget of failures that is spent."""

from tests.e2e.manifests import Object, step
from tests.policy_examples.approvals import CANARIES, SOAK, soak_end
from tests.policy_examples.stage import NAMESPACE, ROLLOUT, Stage
from tests.policy_examples.truth import Run, runs_of

POLICY = "careful"
FAULTS = ("upgrade.backup", "never-returns", "upgrade.restore", "upgrade.backup", "upgrade.restore")
"""Each of three causes twice at most: a third failure of one would engage the policy's breaker,
and hold the rollout before the budget does."""
STAYS: Object = {"auto-rollback-on-failure.lca.openshift.io/upgrade-completion": "Disabled"}
"""A cluster that can't restore stays on the new release: another cause than a failure before."""
NEVER = FAULTS[1]
SHARE = 200
"""Minutes after which a cluster that never returns has failed: most of what an Upgrade takes."""
_FAILED = """SELECT ended_at FROM members WHERE step = 1 AND outcome = 'failed'
ORDER BY ended_at"""
_LIMIT = "SELECT limit_at FROM members WHERE step = 1 AND cluster = $1"


def allowed(clusters: int) -> int:
    """Returns how many failures the guide's 2 % allow."""
    return clusters * 2 // 100


async def spend(stage: Stage) -> None:
    """One failure more than the budget allows holds the rollout, until olga resumes it."""
    looks, count = stage.looks, allowed(stage.clusters) + 1
    most = max(1, stage.clusters // 20)
    bad = stage.names[CANARIES :: max(1, most - 1)][:count]
    faults = [f"{fault}@{name}" for fault, name in zip(FAULTS, bad, strict=False)]
    await stage.begin(POLICY, faults=faults)
    timeout = SHARE * -(-stage.clusters // most)
    upgrade = step("Upgrade", most=most, timeout=timeout)
    await stage.rollout(step("Prep", most=50), upgrade, annotations=STAYS)
    await stage.ended(CANARIES)
    stage.soak(await soak_end(stage))
    if count > FAULTS.index(NEVER):
        await _leave_out_the_limit(stage, bad[FAULTS.index(NEVER)], count - 1)
    held = await stage.held("FailureBudgetSpent")
    before = await runs_of(stage.scene, "Upgrade")
    have = "cluster of this rollout has" if count == 1 else "clusters of this rollout have"
    words = f"{count} {have} failed, and RolloutPolicy {POLICY} allows {count - 1 or 'none'}"
    stage.prove("the budget holds the rollout", words in held, held)
    await looks.rollout("spent", NAMESPACE, ROLLOUT, words)
    waiting = await stage.waits("")
    await looks.cluster("spent", NAMESPACE, ROLLOUT, waiting[0], words)
    after = await runs_of(stage.scene, "Upgrade")
    still = f"nothing new starts while {len(waiting)} clusters wait"
    stage.prove(still, len(before) == len(after), after)
    await _judge(stage, after, count)
    await stage.types("olga", "ibgu resume", "--yes")
    summary = await stage.completed()
    stage.prove(
        f"all others are upgraded after the resume, and {count} failed",
        (summary["succeeded"], summary["failed"]) == (stage.clusters - count, count),
        summary,
    )


async def _leave_out_the_limit(stage: Stage, never: str, others: int) -> None:
    """Leaves out the time until a cluster that never returns has failed, once so many others
    have."""

    async def failed() -> bool:
        return len(await stage.scene.journal(_FAILED)) == others

    await stage.until(failed, f"{others} clusters to fail")
    [row] = await stage.scene.journal(_LIMIT, never)
    stage.clock.skip_to(row["limit_at"])


async def _judge(stage: Stage, runs: list[Run], count: int) -> None:
    well = max(run.ended for run in runs[:CANARIES] if run.ended)
    first = runs[CANARIES].begun
    stage.prove("the others began after the soak", first >= well + SOAK, (first, well))
    failed = [row["ended_at"] for row in await stage.scene.journal(_FAILED)]
    late = [run for run in runs if run.begun > failed[count - 1]]
    stage.prove(f"nothing began after failure {count}", not late, late)
