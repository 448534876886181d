"""A cycle costs what has changed, whatever the size of the fleet.

The tests count the interpreter's instructions, which are the same on every machine. What C does in
one of them (to sort or copy a list, say) is one; `make bench BENCH_ARGS="fleet"` has that too.
"""

import sys
from collections.abc import Sequence
from statistics import median
from types import FrameType
from typing import TYPE_CHECKING

from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import Decision, Kind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

if TYPE_CHECKING:
    from _typeshed import TraceFunction

WORKING = 12
SLOTS = 4
TIMEOUT = 100_000
"""Minutes: each member has a part of it, and nobody is late."""


class Instructions:
    """The instructions of each decision, in order; a watcher of the engine."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._before: TraceFunction | None = None

    def deciding(self) -> None:
        self.counts.append(0)
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None:
        sys.settrace(self._before)

    def turned(self) -> None:
        pass

    def _trace(self, frame: FrameType, event: str, argument: object) -> "TraceFunction":
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.counts[-1] += event == "opcode"
        return self._trace


def _instructions(members: int) -> list[int]:
    """While the first of them work; all others wait and would never answer."""
    engine = sites(members)
    engine.watchers.clear()
    engine.frozen = {f"site-{n}" for n in range(WORKING + 1, members + 1)}
    return _counted(engine, slots=SLOTS, ends=WORKING)


def _counted(engine: InMemoryEngine, *, slots: int, ends: int) -> list[int]:
    """Returns the instructions of each decision until so many members have ended."""
    engine.apply(ibgu("a", "Prep", concurrency=slots, timeout=TIMEOUT))
    engine.until(Kind.STEP_STARTED)
    engine.settle()
    found = Instructions()
    engine.watchers.append(found)
    while len(engine.told(Kind.FINISHED)) < ends:
        engine.step()
    return found.counts


def test_a_cycle_costs_the_same_among_ten_times_as_many_members() -> None:
    _instructions(60)  # Python 3.14 makes some things once, in the first of them
    few, many = _instructions(60), _instructions(600)

    assert few == many
    assert len(many) > WORKING
    assert min(many) > 1000


def _beside_silent_clusters(count: int) -> list[int]:
    """The first `count` clusters never answer their probes, and the others go past them."""
    engine = sites(count + WORKING)
    engine.watchers.clear()
    engine.frozen = {f"site-{n}" for n in range(1, count + 1)}
    return _counted(engine, slots=count + SLOTS, ends=SLOTS)


def test_a_cycle_asks_no_gate_for_clusters_that_do_not_answer() -> None:
    few, many = 20, 200
    more = median(_beside_silent_clusters(many)) - median(_beside_silent_clusters(few))
    assert more / (many - few) < 500
