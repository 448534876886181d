"""The CPU of a rehearsal: 100 runs of a plan for 5,000 clusters under policies, on one core."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.rehearsal.model import Odds, PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.outlook import outlook
from ibgu.core.rehearsal.run import Rehearsal
from tests.benchmarks.report import judge
from tests.core.engine.gates.policies.policy import SITE, policy

PART = "rehearsal"
BEGIN = datetime(2026, 3, 2, 22, tzinfo=UTC)
ODDS: dict[str, Odds] = {
    Action.PREP: Odds(900.0, 1500.0, 0.01),
    Action.UPGRADE: Odds(1500.0, 2400.0, 0.01),
}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=100)


def run(options: Namespace) -> bool:
    print(f"\n{options.runs} runs of a plan for {options.clusters} clusters, under policies")
    before = process_time()
    rehearsal = Rehearsal(plan(options.clusters))
    ran = list(rehearsal.runs(ODDS, lambda number: Random(number).random, options.runs))
    found = outlook(rehearsal, ran)
    seconds = process_time() - before
    print(f"  {found.slots} in flight at most; ends after {found.end.p50 / 86400:.1f} days")
    return judge({"cpu_seconds": seconds}, PART)


def plan(clusters: int) -> RehearsedPlan:
    """Returns Prep by day and Upgrade in nightly windows, one of each site's eight at once, after
    canaries."""
    night = [{"cron": "0 1 * * *", "durationMinutes": 300, "timeZone": "UTC"}]
    careful = {"canaries": {"count": 5, "soakMinutes": 120}, "failureBudget": {"maximum": "5%"}}
    topology = [{"label": SITE, "maximum": 1}]
    fleet = [
        ClusterView(
            name=f"site-{number:05}", uid=str(number), accepted=True, deleting=False,
            reachable=True, local=False, labels={SITE: str(number // 8)},
        )
        for number in range(clusters)
    ]  # fmt: skip
    return RehearsedPlan(
        steps=(
            PlannedStep((Action.PREP,), clusters // 10, timedelta(days=5)),
            PlannedStep((Action.UPGRADE,), clusters // 25, timedelta(days=20)),
        ),
        selectors=[LabelSelector()],
        clusters=fleet,
        begin=BEGIN,
        policies=[
            policy("careful", actions=["Upgrade"], **careful),
            policy("nights", actions=["Upgrade"], windows=night, fit=True, perTopology=topology),
        ],
    )
