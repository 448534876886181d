"""FleetUpdates on the real API server and the simulated fleet, alone and beside an IBGU."""

from argparse import ArgumentParser, Namespace

from tests.benchmarks.report import judge
from tests.benchmarks.rollout_figures import delays, percentiles
from tests.benchmarks.updates.case import UpdateCase
from tests.benchmarks.updates.measure import UpdateResult, measure

PART = "fleetupdate"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=500, help="clusters that are updated")
    parser.add_argument("--beside", type=int, default=200, help="of each kind at once; 0: skip it")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    sizes = {False: options.clusters, True: options.beside}
    cases = [
        UpdateCase(count, max(1, round(count * options.share)), beside, options.seed)
        for beside, count in sizes.items()
        if count
    ]
    shown = [_show(measure(case)) for case in cases]
    return all(shown)


def _show(result: UpdateResult) -> bool:
    print(f"\n{result.case.description}")
    good = judge(figures(result), PART, result.case.about)
    print(f"    the hub's echo took {percentiles(result.echoes)} during updates")
    if result.upgrade is not None:
        print(f"    and {percentiles(result.upgrade_echoes)} during upgrades")
    return good


def figures(result: UpdateResult) -> dict[str, float]:
    costs, beside = result.costs, result.upgrade
    return {
        "makespan_ratio": result.makespan_ratio,
        **delays("handover", result.handovers, result.echoes),
        **delays("upgrade_handover", beside.handovers if beside else [], result.upgrade_echoes),
        "writes_per_action": result.writes / result.actions,
        "progress_writes_per_second": result.progress_rate,
        "cpu_to_hub_cpu": costs.cpu / costs.hub_cpu,
        "peak_rss_mib": costs.peak / 2**20,
        "ended_otherwise": result.otherwise,
    }
