"""The example of a limit: thirty clusters in flight on the whole hub."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.e2e.manifests import Object, step
from tests.policy_examples.stage import NAMESPACE, ROLLOUT, Stage
from tests.policy_examples.truth import in_flight, most_at_once, runs_of, spans_of

POLICY = "hub-wide"
MOST = 30
OTHER = "region-8"
THAW = 0.2
"""Seconds between two rounds in which all clusters are heard again."""
_IN_FLIGHT = """SELECT r.name, count(*) AS count FROM members m
JOIN rollouts r ON r.hub = m.hub AND r.uid = m.rollout
WHERE m.state = 'in flight' GROUP BY r.name"""


def named(clusters: Sequence[str]) -> Object:
    """Returns the selector of these clusters."""
    return {"key": "name", "operator": "In", "values": list(clusters)}


async def share(stage: Stage) -> None:
    """Two rollouts that could take all clusters at once have thirty in flight together."""
    looks, half = stage.looks, stage.clusters // 2
    await stage.begin(POLICY, faults=["frozen-feedback/Prep"])
    plan = (step("Prep", most=half), step("Upgrade", most=half))
    await stage.rollout(*plan, selector=named(stage.names[:half]))
    await stage.rollout(*plan, name=OTHER, selector=named(stage.names[half:]))
    words = f"the policy allows {MOST} clusters in flight at once, and as many are"
    waiting = await stage.waits(words, stage.clusters - MOST)
    last = waiting[-1]
    name = ROLLOUT if last in stage.names[:half] else OTHER
    await looks.rollout("full", NAMESPACE, name, words)
    await looks.cluster("full", NAMESPACE, name, last, words)
    await looks.policy("full", POLICY, words, f"At most {MOST} clusters may be in flight at once")
    busy = {row["name"]: row["count"] for row in await stage.scene.journal(_IN_FLIGHT)}
    told = " and ".join(f"{count} of {name}" for name, count in sorted(busy.items()))
    stage.prove(f"{MOST} in flight: {told}", sum(busy.values()) == MOST, busy)
    async with _heard(stage):
        done = [await stage.completed(each) for each in (ROLLOUT, OTHER)]
    succeeded = sum(each["succeeded"] for each in done)
    stage.prove("all are upgraded", succeeded == stage.clusters, done)
    assert stage.scene.player is not None
    busy_at_once = most_at_once(spans_of(stage.scene.player))
    most = most_at_once(in_flight(await runs_of(stage.scene)))
    words = f"never more than {MOST} in flight, nor busy at the clusters"
    stage.prove(words, busy_at_once <= most == MOST, (busy_at_once, most))


@asynccontextmanager
async def _heard(stage: Stage) -> AsyncIterator[None]:
    """Lets the hub hear of clusters soon after each has frozen."""

    async def thaw() -> None:
        while True:
            for name in stage.names:
                if stage.scene.cluster(name).agent.frozen:
                    stage.scene.freeze(name, False)
            await asyncio.sleep(THAW)

    thawing = asyncio.create_task(thaw())
    try:
        yield
    finally:
        thawing.cancel()
        await asyncio.gather(thawing, return_exceptions=True)
