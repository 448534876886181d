"""A fleet on the real API server: start, rest, and whether a turn costs more in a larger one."""

import os
from argparse import ArgumentParser, Namespace

from tests.benchmarks.fleet.measure import Rest, measure
from tests.benchmarks.fleet.size import Size
from tests.benchmarks.fleet.work import ROUND, Work
from tests.benchmarks.report import judge


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="1000,10000", help="two sizes of a fleet")
    parser.add_argument("--heads", type=int, default=400, help="clusters that work, in each")
    parser.add_argument("--slots", type=int, default=25, help="maxConcurrency, in each")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds of rest")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    os.environ.setdefault("GOGC", "400")
    small, large = (int(text) for text in options.clusters.split(","))
    common = {"heads": options.heads, "slots": options.slots, "seed": options.seed}
    rest, few, many = measure(Size(small, **common), Size(large, rest=options.rest, **common))
    for each in (few, many):
        _tell(each)
    print(f"{rest.clusters} clusters, {rest.works} works at rest: {rest.peak / 2**20:.0f} MiB")
    print(f"to who only counts lines the API server sends them in {rest.bare:.1f} s")
    return judge(figures(few, many, rest), "fleet")


def figures(few: Work, many: Work, rest: Rest) -> dict[str, float]:
    return {
        "turn_ratio": many.each / few.each,
        "leads_lost": float(few.leads + many.leads),
        "peak_rss_mib": many.peak / 2**20,
        "in_sync_seconds": rest.in_sync,
        "in_sync_to_lists": rest.in_sync / rest.bare,
        "cpu_at_rest_percent": rest.cpu * 100,
    }


def _tell(work: Work) -> None:
    least, most = min(work.rounds), max(work.rounds)
    print(f"\n{work.clusters} clusters: {work.actions} actions, {work.each:.1f} ms of CPU each")
    print(f"({least:.1f} to {most:.1f} in rounds of {ROUND}); {work.peak / 2**20:.0f} MiB at most")
