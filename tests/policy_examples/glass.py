"""A freeze, and broken glass that lets one rollout pass it."""

from datetime import datetime

from ibgu.core.text.spans import utc
from tests.e2e.manifests import step
from tests.e2e.proving import proving
from tests.policy_examples.guide import around, later, manifest
from tests.policy_examples.hub_wide import OTHER, named
from tests.policy_examples.stage import NAMESPACE, ROLLOUT, Stage
from tests.policy_examples.truth import runs_of

POLICY = "holidays"
GLASS = "region-7-inc-7"


async def break_glass(stage: Stage) -> None:
    """nora lets one of two rollouts pass the holidays, takes that back, and does it again."""
    looks, half = stage.looks, stage.clusters // 2
    mine, others = stage.names[:half], stage.names[half:]
    most = max(1, stage.clusters // 20)
    busy = mine[1 : most + 1]
    await proving(stage.scene)
    dates = around(stage.clock.now())
    faults = [f"frozen-feedback/Prep@{','.join(busy)}"]
    await stage.begin(POLICY, dates=dates, faults=faults)
    plan = (step("Prep", most=most), step("Upgrade", most=most))
    await stage.rollout(*plan, selector=named(mine))
    await stage.rollout(*plan, name=OTHER, selector=named(others))
    end = utc(datetime.fromisoformat(list(dates.values())[-1]))
    words = f"the policy freezes all starts until {end}: end of the year, see CHG-4711"
    await stage.waits(words, stage.clusters)
    await looks.rollout("frozen", NAMESPACE, ROLLOUT, words)
    await looks.cluster("frozen", NAMESPACE, ROLLOUT, mine[-1], words)
    await looks.policy("frozen", POLICY, words)
    stage.prove("nothing starts in the freeze", not await runs_of(stage.scene))

    await stage.types("nora", "ibgu break-glass", "--yes")
    await stage.running(busy)
    red = "Break glass: nora lets"
    await looks.rollout("broken", NAMESPACE, ROLLOUT, "RolloutPolicy/holidays", "INC-7", red=red)
    await looks.rollout("broken-other", NAMESPACE, OTHER, words)
    await stage.scene.kubectl("--as", "nora", "delete", "breakglass", "-n", NAMESPACE, "--all")
    await stage.waits(words, stage.clusters - most - 1)
    before = await runs_of(stage.scene)
    for name in busy:
        stage.scene.freeze(name, False)
    await stage.ended(most + 1, step=0)
    await looks.rollout("closed", NAMESPACE, ROLLOUT, words)
    after = await runs_of(stage.scene)
    stage.prove(
        f"{most + 1} passed before the object was deleted", len(after) == len(before) == most + 1
    )

    await stage.apply("nora", manifest(GLASS, later(stage.clock.now())))
    summary = await stage.completed()
    stage.prove("the others passed under the second one", summary["succeeded"] == half, summary)
    begun = {run.cluster for run in await runs_of(stage.scene)}
    stage.prove("the other rollout stayed frozen", not begun & set(others), begun)
    await looks.rollout("still-frozen", NAMESPACE, OTHER, words)
