"""Canaries, a soak, and a person who approves the rest."""

from datetime import datetime, timedelta

from ibgu.core.text.spans import utc
from tests.e2e.manifests import step
from tests.e2e.proving import proving
from tests.policy_examples.stage import NAMESPACE, ROLLOUT, Stage
from tests.policy_examples.truth import runs_of

POLICY = "canary-soak-approve"
CANARIES = 5
SOAK = timedelta(minutes=120)
_WANTED = "must approve the rest of step 2 behind its canaries"


async def approve(stage: Stage) -> None:
    """Five canaries are upgraded and stay well for two hours; nora approves the rest."""
    looks, last = stage.looks, stage.clusters - CANARIES
    await proving(stage.scene)
    await stage.begin(POLICY)
    most = max(1, stage.clusters // 10)
    await stage.rollout(step("Prep", most=50), step("Upgrade", most=most, timeout=600))
    canaries, other = stage.names[:CANARIES], stage.names[CANARIES]
    await stage.ended(CANARIES)
    await _only_canaries(stage, "before the soak")
    soaked = await soak_end(stage)
    words = f"the canaries have succeeded, and must stay available until {utc(soaked)}"
    await stage.waits(words, last)
    await looks.rollout("soak", NAMESPACE, ROLLOUT, words)
    await looks.cluster("soak", NAMESPACE, ROLLOUT, other, words)
    await looks.policy("soak", POLICY, words)
    stage.soak(soaked)
    await stage.waits(f"2 people {_WANTED}", last)
    await looks.rollout("asked", NAMESPACE, ROLLOUT, f"2 people {_WANTED}")
    await stage.types("olga", "oc -n ran annotate ibgu")
    await stage.waits(f"1 person {_WANTED}", last)
    await looks.rollout("author-known", NAMESPACE, ROLLOUT, f"1 person {_WANTED}")
    await looks.cluster("author-known", NAMESPACE, ROLLOUT, other, f"1 person {_WANTED}")
    await looks.policy("author-known", POLICY, f"1 person {_WANTED}")
    await _only_canaries(stage, "before the approval")
    approved = stage.clock.now()
    await stage.types("nora", "ibgu approve")
    summary = await stage.completed()
    stage.prove("all are upgraded", summary["succeeded"] == stage.clusters, summary)
    rest = [run for run in await runs_of(stage.scene, "Upgrade") if run.cluster not in canaries]
    begun = min(run.begun for run in rest)
    stage.prove("the rest began after the soak and the approval", begun > max(soaked, approved))


async def soak_end(stage: Stage) -> datetime:
    """Returns when the canaries, which have all ended, have been well for long enough."""
    ends = [run.ended for run in await runs_of(stage.scene, "Upgrade") if run.ended]
    return max(ends) + SOAK


async def _only_canaries(stage: Stage, when: str) -> None:
    begun = {run.cluster for run in await runs_of(stage.scene, "Upgrade")}
    stage.prove(
        f"only the {CANARIES} canaries began {when}", begun == set(stage.names[:CANARIES]), begun
    )
