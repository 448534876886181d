"""A step of fleets in memory, the second ten times as large: does an action still cost the same?

It measures some thousand actions of a Prep in which every cluster of the fleet takes part, and the
controller's share of their CPU. `memory` takes fleets through a whole plan: with the largest one
that is hours, and most of what it measures is the hub's and the agents'.
"""

from argparse import ArgumentParser, Namespace

from msgspec import json

from tests.benchmarks.memory.part import play
from tests.benchmarks.memory.play import Cost, PlayedStep
from tests.benchmarks.report import judge
from tests.simulation.postgres import server


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="10000,100000", help="two sizes of a fleet")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--actions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    sizes = [int(text) for text in options.clusters.split(",")]
    with server() as postgres:
        played = [
            measure(postgres, size, options.share, options.actions, options.seed) for size in sizes
        ]
    return judge(figures(played[0], played[-1]), "step")


def measure(postgres: str, clusters: int, share: float, actions: int, seed: int) -> PlayedStep:
    slots = max(1, round(clusters * share))
    played = json.decode(play(postgres, clusters, slots, seed, actions), type=PlayedStep)
    print(f"\n{clusters} clusters in memory, {slots} at a time, the first step")
    print(f"  opening it took {_words(played.opening.each(played.clusters))} a cluster")
    print(f"  {played.actions} actions took {_words(_of_an_action(played))} each", flush=True)
    return played


def figures(small: PlayedStep, large: PlayedStep) -> dict[str, float]:
    return {
        "controller_ratio": _of_a_cluster(large).controller / _of_a_cluster(small).controller,
        "cpu_ratio": _of_a_cluster(large).cpu / _of_a_cluster(small).cpu,
        "action_controller_ratio": _of_an_action(large).controller
        / _of_an_action(small).controller,
        "action_cpu_ratio": _of_an_action(large).cpu / _of_an_action(small).cpu,
        "memory_ratio": (large.memory / large.clusters) / (small.memory / small.clusters),
    }


def _of_an_action(played: PlayedStep) -> Cost:
    return played.cost.each(played.actions)


def _of_a_cluster(played: PlayedStep) -> Cost:
    """Returns what the step takes for each of its clusters, to open it and for its action."""
    opening, action = played.opening.each(played.clusters), _of_an_action(played)
    return Cost(opening.cpu + action.cpu, opening.controller + action.controller)


def _words(cost: Cost) -> str:
    cpu, controller = cost.cpu * 1000, cost.controller * 1000
    return f"{cpu:.1f} ms of CPU, {controller:.1f} of them the controller's,"
