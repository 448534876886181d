"""The rollouts that both carry out."""

from msgspec import Struct
from msgspec.structs import replace

from ibgu.sim.spec import FleetSpec
from tests.benchmarks.case import Case

_FAILING = "prep.precache@site-0001"
"""A cluster whose Prep fails; TALM holds its batch for that until the batch's time is over."""
_MINUTES = 20
_POLL = (0.5, 1.0)
"""Seconds between two looks at a work that does not ask its agent to watch, as TALM's do not: in
the field a minute and more, which would hide all else. The row `polled` has them so."""


class Row(Struct, frozen=True):
    case: Case
    words: str = ""
    by: tuple[str, ...] = ("TALM", "ibgu")
    """The controllers that can carry it out."""

    @property
    def description(self) -> str:
        told = f"{self.case.clusters} clusters, {self.case.slots} at a time"
        return f"{told}, {self.words}" if self.words else told

    def fleet(self) -> FleetSpec:
        spec = self.case.fleet()
        return replace(spec, agent=replace(spec.agent, poll=_POLL)) if spec.agent.watches else spec


def _case(clusters: int, share: float = 0.1) -> Case:
    """`share`: maxConcurrency / clusters."""
    return Case(clusters, max(1, round(clusters * share)), minutes=_MINUTES)


ROWS = {
    **{
        f"{clusters}_{round(100 * share)}": Row(_case(clusters, share))
        for clusters in (50, 200, 500)
        for share in (0.1, 0.25, 1.0)
    },
    "failed_prep": Row(replace(_case(50), faults=(_FAILING,)), "one fails in Prep"),
    "polled": Row(
        # A batch of TALM's has its share of the timeout: of 20 minutes, two would hardly do.
        replace(_case(50), feedback="poll:60s", minutes=60),
        "agents poll every 60 to 114 s",
    ),
    # TALM brings none: its clusters have it by other means, or fail.
    "payload": Row(replace(_case(50), payload=True), "with a payload", by=("ibgu",)),
}
