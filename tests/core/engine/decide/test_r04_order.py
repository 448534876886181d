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


def started(twin: InMemoryEngine) -> list[int]:
    """Numbers of the sites, in the order of their starts."""
    said = (d for d in twin.decisions(Kind.RUN_INTENDED) if isinstance(d, OnMember))
    return [int(d.member.cluster.removeprefix("site-")) for d in said]


def silent(twin: InMemoryEngine, *steps: str, concurrency: int = 1) -> InMemoryEngine:
    """Everybody who comes first has been asked, and nobody has answered."""
    twin.frozen.update(twin.spokes)
    twin.apply(ibgu("a", *(steps or ("Prep",)), concurrency=concurrency))
    twin.settle()
    return twin


def result(twin: InMemoryEngine, number: int) -> None:
    twin.frozen.discard(f"site-{number}")
    twin.agents()
    twin.settle()


def test_the_first_keeps_its_place_though_the_second_answers_first() -> None:
    twin = silent(sites(3))
    result(twin, 2)
    assert twin.member(UID, 0, "site-2").reason.kind is ReasonKind.READY
    assert started(twin) == []
    twin.drive(MOMENT)
    result(twin, 1)
    assert started(twin) == [1]


def test_a_slot_is_kept_for_no_longer_than_an_answer_takes() -> None:
    twin = silent(sites(3))
    result(twin, 3)
    twin.drive(LATE)
    assert started(twin) == [3]
    assert twin.times(Kind.RUN_INTENDED) == [START + PROBE_GRACE]


def test_slots_that_nobody_before_them_could_take_are_taken_at_once() -> None:
    twin = silent(sites(4), concurrency=3)
    result(twin, 3)
    result(twin, 4)
    assert started(twin) == [3]
    result(twin, 1)
    assert started(twin) == [3, 1]
    result(twin, 2)
    assert started(twin) == [3, 1, 2]


def test_a_member_that_can_start_again_is_asked_and_waited_for() -> None:
    """This member comes before those who are ready, and its answer takes no time that matters."""
    twin = sites(2)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until_started()
    twin.spokes["site-1"].dark = True
    twin.payload = PayloadState(problem="pull secret is missing")
    twin.touch_everything()
    twin.settle()
    assert twin.member(UID, 0, "site-2").reason.kind is ReasonKind.READY
    twin.payload = PayloadState()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    assert started(twin) == [1]


@pytest.mark.parametrize("why", ["dark", "gone", "leaving"])
def test_a_cluster_that_can_not_start_does_not_block_the_next(why: str) -> None:
    twin = silent(sites(2))
    result(twin, 2)
    if why == "dark":
        twin.spokes["site-1"].dark = True
    elif why == "gone":
        del twin.spokes["site-1"]
    else:
        twin.deleting.add("site-1")
    twin.touch_cluster("site-1")
    twin.settle()
    assert started(twin) == [2]
    assert twin.now == START


def test_an_abort_that_is_probed_again_keeps_its_place() -> None:
    """The first one was found ready too long ago (R9.4), the one behind it a moment ago."""
    twin = sites(3)
    for spoke in twin.spokes.values():
        spoke.to(Stage.PREP)
    twin.spokes["site-1"].faults[Stage.IDLE] = "slow"
    twin.apply(ibgu("a", "Abort", concurrency=1))
    twin.until(Kind.RUN_ACCEPTED)
    twin.drive(READY_FRESH)
    twin.frozen.add("site-2")
    twin.spokes["site-1"].faults.clear()
    twin.until(Kind.FINISHED)
    assert started(twin) == [1]
    assert twin.member(UID, 0, "site-3").reason.kind is ReasonKind.READY
    result(twin, 2)
    assert started(twin) == [1, 2]


@given(st.permutations(range(1, 8)), st.integers(1, 7))
def test_clusters_that_answer_in_time_start_in_order(order: list[int], concurrency: int) -> None:
    """However the answers race: the first ones that fit have started first."""
    twin = silent(sites(7), concurrency=concurrency)
    for number in order:
        twin.drive(MOMENT)
        result(twin, number)
    assert sorted(started(twin)) == list(range(1, concurrency + 1))
    twin.wait(hours=2)
    assert started(twin)[concurrency:] == list(range(concurrency + 1, 8))


@given(st.lists(st.integers(0, 40), min_size=8, max_size=8), st.integers(1, 8))
def test_no_ready_member_waits_longer_for_a_free_slot(tenths: list[int], concurrency: int) -> None:
    """Nobody starts later than when the last of those before it had time to answer."""
    twin = silent(sites(8), concurrency=concurrency)
    ready = {number: tenth * MOMENT for number, tenth in enumerate(tenths, 1)}
    for number in sorted(ready, key=lambda number: ready[number]):
        twin.drive(START + ready[number] - twin.now)
        result(twin, number)
    twin.drive(START + LATE - twin.now)
    first = started(twin)[:concurrency]
    times = twin.times(Kind.RUN_INTENDED)[:concurrency]
    assert len(first) == concurrency
    for number, at in zip(first, times, strict=True):
        assert at - START <= max(ready[number], PROBE_GRACE)


def test_nobody_is_waited_for_twice() -> None:
    twin = silent(sites(2))
    result(twin, 2)
    twin.drive(PROBE_TIMEOUT * 2)
    assert started(twin) == [2]
    assert twin.member(UID, 0, "site-2").outcome is not Outcome.FAILED


def test_a_cluster_that_another_rollout_has_just_claimed_keeps_no_place() -> None:
    """Both rollouts have an answer for site-2 when the grace of site-1 ends for both."""
    twin = silent(sites(3))
    twin.apply(ibgu("b", "Prep", concurrency=1))
    twin.settle()
    result(twin, 2)
    for uid in (UID, "uid-b"):
        assert twin.member(uid, 0, "site-2").reason.kind is ReasonKind.READY
    twin.drive(LATE)
    assert started(twin) == [2]
    claims = [twin.member(uid, 0, "site-2").reason.kind for uid in (UID, "uid-b")]
    assert ReasonKind.CLAIM in claims
