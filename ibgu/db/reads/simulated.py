"""Feeds the simulation of policies from Postgres."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.assurance.certify import CLAIMING, counts_on_hub
from ibgu.core.assurance.simulate import LabelledClusters, PolicySimulation, SimulationOutcome
from ibgu.core.drivers.proofs import PROOFS
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.db.errors import unavailable_from
from ibgu.db.reads import Reads
from ibgu.db.reads.log import EventLog, event_log
from ibgu.db.schema import cluster_labels


async def simulate(
    engine: AsyncEngine,
    hub: str,
    policies: Sequence[RolloutPolicy],
    rollouts: Collection[str],
    since: datetime | None = None,
) -> SimulationOutcome:
    """Judges the recorded starts of the rollouts, by their uids. Raises JournalUnavailable."""
    simulation = PolicySimulation(
        PROOFS,
        policies,
        rollouts,
        since=since,
        clusters=await _clusters(engine, hub),
        durations=await Reads(engine, hub).duration_stats(),
    )
    whole = len(rollouts) > 1 or any(counts_on_hub(each.spec) for each in policies)
    async with event_log(engine, hub) as log:
        if whole:
            async for event in log.everything():
                simulation.feed(event)
        else:
            await _feed_beside(simulation, log, next(iter(rollouts)))
    return simulation.outcome()


async def _feed_beside(simulation: PolicySimulation, log: EventLog, rollout: str) -> None:
    async for event, near in log.beside(rollout, CLAIMING):
        (simulation.feed if near else simulation.count)(event)


async def _clusters(engine: AsyncEngine, hub: str) -> LabelledClusters:
    columns = (cluster_labels.c.cluster, cluster_labels.c.labels, cluster_labels.c.there)
    statement = select(*columns).where(cluster_labels.c.hub == hub)
    with unavailable_from("reading the labels of clusters"):
        async with engine.connect() as db:
            rows = (await db.execute(statement)).all()
    return LabelledClusters(
        labels={cluster: labels for cluster, labels, _ in rows if labels is not None},
        on_hub=[cluster for cluster, _, there in rows if there],
    )
