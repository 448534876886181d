"""R4: members start in natural order, though their probes are answered in any order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import PROBE_GRACE, PROBE_TIMEOUT, READY_FRESH
from ibgu.core.model import Kind, OnMember, Outcome, ReasonKind
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

UID = "uid-a"
MOMENT = PROBE_GRACE / 10
LATE = PROBE_GRACE * 5


def started(engine: InMemoryEngine) -> list[int]:
    """Numbers of the sites, in the order of their starts."""
    said = (d for d in engine.decisions(Kind.RUN_INTENDED) if isinstance(d, OnMember))
    return [int(d.member.cluster.removeprefix("site-")) for d in said]


def silent(engine: InMemoryEngine, *steps: str, concurrency: int = 1) -> InMemoryEngine:
    """Everybody who comes first has been asked, and nobody has answered."""
    engine.frozen.update(engine.spokes)
    engine.apply(ibgu("a", *(steps or ("Prep",)), concurrency=concurrency))
    engine.settle()
    return engine


def result(engine: InMemoryEngine, number: int) -> None:
    engine.frozen.discard(f"site-{number}")
    engine.agents()
    engine.settle()


def test_the_first_keeps_its_place_though_the_second_answers_first() -> None:
    engine = silent(sites(3))
    result(engine, 2)
    assert engine.member(UID, 0, "site-2").reason.kind is ReasonKind.READY
    assert started(engine) == []
    engine.drive(MOMENT)
    result(engine, 1)
    assert started(engine) == [1]


def test_a_slot_is_kept_for_no_longer_than_an_answer_takes() -> None:
    engine = silent(sites(3))
    result(engine, 3)
    engine.drive(LATE)
    assert started(engine) == [3]
    assert engine.times(Kind.RUN_INTENDED) == [START + PROBE_GRACE]


def test_slots_that_nobody_before_them_could_take_are_taken_at_once() -> None:
    engine = silent(sites(4), concurrency=3)
    result(engine, 3)
    result(engine, 4)
    assert started(engine) == [3]
    result(engine, 1)
    assert started(engine) == [3, 1]
    result(engine, 2)
    assert started(engine) == [3, 1, 2]


def test_a_member_that_can_start_again_is_asked_and_waited_for() -> None:
    """This member comes before those who are ready, and its answer takes no time that matters."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until_started()
    engine.spokes["site-1"].dark = True
    engine.payload = PayloadState(problem="pull secret is missing")
    engine.touch_everything()
    engine.settle()
    assert engine.member(UID, 0, "site-2").reason.kind is ReasonKind.READY
    engine.payload = PayloadState()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    assert started(engine) == [1]


@pytest.mark.parametrize("why", ["dark", "gone", "leaving"])
def test_a_cluster_that_can_not_start_does_not_block_the_next(why: str) -> None:
    engine = silent(sites(2))
    result(engine, 2)
    if why == "dark":
        engine.spokes["site-1"].dark = True
    elif why == "gone":
        del engine.spokes["site-1"]
    else:
        engine.deleting.add("site-1")
    engine.touch_cluster("site-1")
    engine.settle()
    assert started(engine) == [2]
    assert engine.now == START


def test_an_abort_that_is_probed_again_keeps_its_place() -> None:
    """The first one was found ready too long ago (R9.4), the one behind it a moment ago."""
    engine = sites(3)
    for spoke in engine.spokes.values():
        spoke.to(Stage.PREP)
    engine.spokes["site-1"].faults[Stage.IDLE] = "slow"
    engine.apply(ibgu("a", "Abort", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.drive(READY_FRESH)
    engine.frozen.add("site-2")
    engine.spokes["site-1"].faults.clear()
    engine.until(Kind.FINISHED)
    assert started(engine) == [1]
    assert engine.member(UID, 0, "site-3").reason.kind is ReasonKind.READY
    result(engine, 2)
    assert started(engine) == [1, 2]


@given(st.permutations(range(1, 8)), st.integers(1, 7))
def test_clusters_that_answer_in_time_start_in_order(order: list[int], concurrency: int) -> None:
    """However the answers race: the first ones that fit have started first."""
    engine = silent(sites(7), concurrency=concurrency)
    for number in order:
        engine.drive(MOMENT)
        result(engine, number)
    assert sorted(started(engine)) == list(range(1, concurrency + 1))
    engine.wait(hours=2)
    assert started(engine)[concurrency:] == list(range(concurrency + 1, 8))


@given(st.lists(st.integers(0, 40), min_size=8, max_size=8), st.integers(1, 8))
def test_no_ready_member_waits_longer_for_a_free_slot(tenths: list[int], concurrency: int) -> None:
    """Nobody starts later than when the last of those before it had time to answer."""
    engine = silent(sites(8), concurrency=concurrency)
    ready = {number: tenth * MOMENT for number, tenth in enumerate(tenths, 1)}
    for number in sorted(ready, key=lambda number: ready[number]):
        engine.drive(START + ready[number] - engine.now)
        result(engine, number)
    engine.drive(START + LATE - engine.now)
    first = started(engine)[:concurrency]
    times = engine.times(Kind.RUN_INTENDED)[:concurrency]
    assert len(first) == concurrency
    for number, at in zip(first, times, strict=True):
        assert at - START <= max(ready[number], PROBE_GRACE)


def test_nobody_is_waited_for_twice() -> None:
    engine = silent(sites(2))
    result(engine, 2)
    engine.drive(PROBE_TIMEOUT * 2)
    assert started(engine) == [2]
    assert engine.member(UID, 0, "site-2").outcome is not Outcome.FAILED


def test_a_cluster_that_another_rollout_has_just_claimed_keeps_no_place() -> None:
    """Both rollouts have an answer for site-2 when the grace of site-1 ends for both."""
    engine = silent(sites(3))
    engine.apply(ibgu("b", "Prep", concurrency=1))
    engine.settle()
    result(engine, 2)
    for uid in (UID, "uid-b"):
        assert engine.member(uid, 0, "site-2").reason.kind is ReasonKind.READY
    engine.drive(LATE)
    assert started(engine) == [2]
    claims = [engine.member(uid, 0, "site-2").reason.kind for uid in (UID, "uid-b")]
    assert ReasonKind.CLAIM in claims
