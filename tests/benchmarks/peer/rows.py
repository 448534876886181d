"""The rollouts that both carry out."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ibgu.sim.spec import FleetSpec
from tests.benchmarks.case import DURATIONS, NAME, ibgu

_FAILING = "prep.precache@site-0001"
"""A cluster whose Prep fails; TALM holds its batch for that until the batch's time is over."""
_MINUTES = 20
"""The timeout of a step."""
_POLL = (0.5, 1.0)
"""Seconds between two looks at a work that does not ask its agent to watch, as TALM's do not: in
the field a minute and more, which would hide all else. The row `polled` has them so."""


class Row(Struct, frozen=True):
    clusters: int
    share: float = 0.1
    """maxConcurrency / clusters."""
    faults: tuple[str, ...] = ()
    feedback: str = "watch"
    """How agents hear of changes, as `ibgu simulate --feedback`."""
    payload: bool = False
    words: str = ""

    @property
    def slots(self) -> int:
        return max(1, round(self.clusters * self.share))

    @property
    def description(self) -> str:
        told = f"{self.clusters} clusters, {self.slots} at a time"
        return f"{told}, {self.words}" if self.words else told

    def fleet(self) -> FleetSpec:
        spec = FleetSpec.parse(
            count=self.clusters,
            seed=1,
            durations=DURATIONS,
            labels=[f"fleet={NAME}"],
            faults=self.faults,
            feedback=self.feedback,
        )
        return replace(spec, agent=replace(spec.agent, poll=_POLL)) if spec.agent.watches else spec

    def ibgu(self) -> dict[str, Any]:
        return ibgu(self.slots, payload=self.payload, timeout=_MINUTES)


ROWS = {
    **{
        f"{clusters}_{round(100 * share)}": Row(clusters, share)
        for clusters in (50, 200, 500)
        for share in (0.1, 0.25, 1.0)
    },
    "failed_prep": Row(50, faults=(_FAILING,), words="one fails in Prep"),
    "polled": Row(50, feedback="poll:60s", words="agents poll every 60 to 114 s"),
    "payload": Row(50, payload=True, words="with a payload"),
}
