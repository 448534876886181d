"""The parts of `make bench`. A new one is one line here."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from msgspec import Struct

from tests.benchmarks import (
    agents_part,
    api_part,
    failover,
    fairness,
    journal_part,
    policies_part,
    rest_part,
    rollout_part,
    status_part,
)
from tests.benchmarks.fleet import part as fleet_part
from tests.benchmarks.memory import freshness, makespan, step_part
from tests.benchmarks.memory import part as memory_part
from tests.benchmarks.peer import part as peer_part
from tests.benchmarks.updates import part as updates_part


class Part(Struct, frozen=True):
    description: str | None
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], bool]
    """Prints its figures beside their bounds; whether all of them are within."""


PARTS = {
    "api": Part(api_part.__doc__, api_part.arguments, api_part.run),
    "journal": Part(journal_part.__doc__, journal_part.arguments, journal_part.run),
    "rollout": Part(rollout_part.__doc__, rollout_part.arguments, rollout_part.run),
    agents_part.PART: Part(agents_part.__doc__, agents_part.arguments, agents_part.run),
    "policies": Part(policies_part.__doc__, policies_part.arguments, policies_part.run),
    rest_part.PART: Part(rest_part.__doc__, rest_part.arguments, rest_part.run),
    updates_part.PART: Part(updates_part.__doc__, updates_part.arguments, updates_part.run),
    "makespan": Part(makespan.__doc__, makespan.arguments, makespan.run),
    "freshness": Part(freshness.__doc__, freshness.arguments, freshness.run),
    "failover": Part(failover.__doc__, failover.arguments, failover.run),
    "fairness": Part(fairness.__doc__, fairness.arguments, fairness.run),
    "fleet": Part(fleet_part.__doc__, fleet_part.arguments, fleet_part.run),
    peer_part.PART: Part(peer_part.__doc__, peer_part.arguments, peer_part.run),
    "memory": Part(memory_part.__doc__, memory_part.arguments, memory_part.run),
    "step": Part(step_part.__doc__, step_part.arguments, step_part.run),
    "status": Part(status_part.__doc__, status_part.arguments, status_part.run),
}
