"""The figures beside their bounds."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.benchmarks.audit import writes
from tests.benchmarks.bound import percentile
from tests.benchmarks.rollout import STAGES, Result

THRESHOLDS = Path(__file__).with_name("thresholds.toml")


def figures(result: Result) -> dict[str, float]:
    actions = result.clusters * len(STAGES)
    return {
        "makespan_ratio": result.makespan / result.bound,
        "handover_p50_ms": percentile(result.handovers, 0.50) * 1000,
        "handover_p99_ms": percentile(result.handovers, 0.99) * 1000,
        "writes_per_action": writes(result.requests) / actions,
        "cpu_seconds_per_1000_actions": result.usage.cpu / actions * 1000,
        "peak_rss_mib": result.usage.peak / 2**20,
    }


def show(result: Result) -> bool:
    """Print a table; True if every figure is within its bound."""
    print(f"\n{result.clusters} clusters, {result.slots} at a time, plan [Prep][Upgrade]")
    print(f"  makespan {result.makespan:.1f} s, bound {result.bound:.1f} s, failed {result.failed}")
    bounds = tomllib.loads(THRESHOLDS.read_text())
    good = result.failed == 0
    for name, value in figures(result).items():
        bound: dict[str, Any] = bounds[name]
        within = value <= bound["bound"]
        good = good and within
        print(
            f"  {name:30} {value:9.2f}   bound {bound['bound']:8.2f}   {'ok' if within else 'OVER'}"
        )
    _requests(result)
    return good


def _requests(result: Result) -> None:
    actions = result.clusters * len(STAGES)
    by_verb: Counter[str] = Counter()
    for (verb, resource), count in result.requests.items():
        by_verb[f"{verb} {resource}"] += count
    for name, count in by_verb.most_common(12):
        print(f"    {name:44} {count:7}  {count / actions:7.3f} per action")
