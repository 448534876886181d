"""The price of it that agents only poll, and what refreshes bring (R21.2), in virtual time.

The same rollout with real durations three times: on a hub with feedback by watch, on an older one
with refreshes, and on that without them. Agents poll every 60 to 114 seconds, as on single-node
clusters.
"""

import asyncio
from argparse import ArgumentParser, Namespace
from statistics import fmean
from typing import Any

from msgspec import Struct
from sqlalchemy import text

from ibgu.db.engine import engine as connected
from tests.benchmarks.bound import list_schedule, percentile
from tests.benchmarks.memory.play import Play
from tests.benchmarks.report import judge
from tests.benchmarks.reports import Report, Reports
from tests.simulation.loop import VirtualTimeLoop
from tests.simulation.postgres import database, server
from tests.simulation.run import silence_logs

PLAN = {"Prep": "Prep", "Upgrade": "Upgrade", "FinalizeUpgrade": "Finalize"}
"""Each action with the stage that it is at the cluster."""
WAYS: dict[str, dict[str, Any]] = {
    "watched": {},
    "refreshed": {"watched": False},
    "polled": {"watched": False, "refresh": "off"},
}


class Fresh(Struct, frozen=True):
    makespan: float
    bound: float
    lags: list[float]
    """Seconds from the end of each action at its cluster until ibgu knew."""
    refreshes: float
    """A member and action."""
    writes: float
    """Writes of works, a member and action; without refreshes."""
    turns: float
    """Transactions of the journal, a member and action."""
    sent: float
    """Bytes of works and labels, a member; refreshes too."""
    reports: dict[Report, float]
    """What the reports of agents changed, an action."""

    @property
    def ratio(self) -> float:
        return self.makespan / self.bound


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    silence_logs()
    slots = max(1, round(options.clusters * options.share))
    plan = "".join(f"[{action}]" for action in PLAN)
    print(f"\n{options.clusters} clusters, {slots} at a time, plan {plan}, durations of the field")
    found = {}
    with server() as url:
        for way in WAYS:
            found[way] = measure(url, way, options.clusters, slots, options.seed)
            _show(way, found[way])
    return judge(figures(found), "freshness")


def figures(found: dict[str, Fresh]) -> dict[str, float]:
    watched, refreshed, polled = (found[way] for way in WAYS)
    return {
        "watched_ratio": watched.ratio,
        "refreshed_ratio": refreshed.ratio,
        "polled_ratio": polled.ratio,
        "refreshed_lag_s": fmean(refreshed.lags),
        "polled_lag_s": fmean(polled.lags),
        "refreshes_per_action": refreshed.refreshes,
        "writes_per_action": refreshed.writes,
        "kib_per_member": watched.sent / 1024,
        "transactions_per_action": watched.turns,
    }


def measure(server_url: str, way: str, clusters: int, slots: int, seed: int) -> Fresh:
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        with database(server_url) as url:
            return loop.run_until_complete(_measure(loop, url, way, clusters, slots, seed))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _measure(
    loop: VirtualTimeLoop, url: str, way: str, clusters: int, slots: int, seed: int
) -> Fresh:
    pool = connected(url, pool_size=4)
    try:
        reports, plan = Reports(), [*PLAN]
        options: dict[str, Any] = {"plan": plan, "reports": reports, **WAYS[way]}
        play = Play(clusters, slots, seed, pool, durations="field", **options)
        await play.play()
        with loop.real_io():
            async with pool.connect() as db:
                rows = await db.execute(text("SELECT id, ended_at FROM runs"))
                known = {row.id: row.ended_at.timestamp() for row in rows}
                turns = await db.scalar(text("SELECT turns FROM hubs"))
    finally:
        with loop.real_io():
            await pool.dispose()
    return _fresh(play, slots, known, turns, reports)


def _fresh(play: Play, slots: int, known: dict[str, float], turns: int, reports: Reports) -> Fresh:
    """`known`: run -> when its end was noted."""
    clusters = [play.player.clusters[name] for name in sorted(play.player.clusters)]
    runs = [run for cluster in clusters for run in cluster.timeline.runs]
    ended = {run.run: run.ended for run in runs if run.ended is not None}
    return Fresh(
        makespan=max(known.values()) - min(run.requested for run in runs),
        bound=sum(
            list_schedule(
                (run.ended - run.requested for run in runs if run.stage == stage and run.ended),
                slots,
            )
            for stage in PLAN.values()
        ),
        lags=[known[run] - at for run, at in ended.items()],
        refreshes=play.writes["refresh"] / len(runs),
        writes=play.writes["work"] / len(runs),
        turns=turns / len(runs),
        sent=play.sent / len(clusters),
        reports={kind: count / len(runs) for kind, count in reports.found.most_common()},
    )


def _show(way: str, found: Fresh) -> None:
    print(
        f"  {way:8} {found.makespan / 60:7.1f} min / {found.bound / 60:7.1f} min = "
        f"{found.ratio:.4f}; an end was known after {fmean(found.lags):5.1f} s, "
        f"p95 {percentile(found.lags, 0.95):5.1f} s; "
        f"{found.writes:.2f} writes and {found.refreshes:.2f} refreshes an action, "
        f"{found.sent / 1024:.1f} KiB a member, {found.turns:.1f} transactions an action"
    )
    told = ", ".join(f"{count:.1f} {kind}" for kind, count in found.reports.items())
    print(f"           reports of agents, an action: {told}", flush=True)
