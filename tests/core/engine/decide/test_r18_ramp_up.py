"""R18, ramp-up: 1, 2, 4, ... in flight; a stuck member keeps nobody at its level."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Cause, Kind, MemberState, OnMember, Outcome, ReasonKind
from ibgu.core.model.rollout_policy import RolloutPolicy
from tests.core.engine.decide.arming import return_, taken_but_unheard
from tests.core.engine.decide.fleet import START, InMemoryEngine
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.rate_limited import MINUTE, hold, rate_limited, starts
from tests.core.engine.gates.policies.policy import policy, set_policies


class Width:
    """The most members that were in flight at once, by how many had ended by then."""

    def __init__(self, engine: InMemoryEngine) -> None:
        self.engine = engine
        self.most: dict[int, int] = {}
        engine.watchers.append(self)

    def deciding(self) -> None:
        pass

    def decided(self, *_: object) -> None:
        pass

    def turned(self) -> None:
        for tracked in self.engine.fleet.rollouts.values():
            for step in tracked.steps:
                self.most[step.ended] = max(self.most.get(step.ended, 0), len(step.slots))


def test_each_level_ends_as_many_as_it_has_places() -> None:
    engine = sites(20)
    width = Width(engine)
    uid = engine.apply(rate_limited("a", "Prep", concurrency=6, ramp="true"))
    engine.wait(hours=1)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 20
    assert [width.most[ended] for ended in (0, 1, 3, 7, 13)] == [1, 2, 4, 6, 6]


def test_the_ramp_up_reason_names_what_ends_it() -> None:
    engine = sites(20)
    uid = engine.apply(rate_limited("a", "Prep", ramp="true"))
    engine.wait(seconds=70)
    kept = hold(engine, uid)
    assert kept is not None
    assert (kept.kind, kept.who, kept.until) == (ReasonKind.RAMP_UP, ActingParty.CLUSTER, None)
    assert kept.message == (
        "ramp-up: at most 2 in flight until 2 more have ended (ibgu.dev/ramp-up)"
    )


def test_a_failure_ends_too() -> None:
    """A bad seed is the circuit breaker's business."""
    engine = sites(7, "fail")
    uid = engine.apply(rate_limited("a", "Prep", ramp="true"))
    engine.wait(hours=1)
    assert engine.tracked(uid).steps[0].counts[Outcome.FAILED] == 7
    assert starts(engine) == sorted(starts(engine))


def test_clusters_already_prepared_do_not_raise_the_ramp_up() -> None:
    engine = sites(8)
    for n in (1, 2, 3):
        engine.spokes[f"site-{n}"].to(Stage.PREP)
    uid = engine.apply(rate_limited("a", "Prep", ramp="true"))
    engine.wait(seconds=10)
    step = engine.tracked(uid).steps[0]
    assert (step.counts[Outcome.SUCCEEDED], step.ended, len(step.slots)) == (3, 0, 1)


def test_a_hung_cluster_ends_at_its_limit_and_the_ramp_goes_on() -> None:
    """Alone at level 1, with all slots but one free: others need its place all the same."""
    engine = sites(15)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", concurrency=100, timeout=40, ramp="true"))
    engine.wait(minutes=9)
    assert len(starts(engine)) == 1
    engine.wait(minutes=30)
    step = engine.tracked(uid).steps[0]
    hung = step.members["site-1"]
    assert (hung.outcome, hung.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert hung.limit == hung.ended_at == START + 10 * MINUTE
    assert step.counts[Outcome.SUCCEEDED] == 14


@pytest.mark.parametrize("hung", [(1,), (2, 3), (1, 2, 4), (4, 5, 6, 7)])
def test_hanging_clusters_do_not_stop_the_ramp_up(hung: tuple[int, ...]) -> None:
    engine = sites(15)
    for n in hung:
        engine.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", concurrency=8, timeout=60, ramp="true"))
    engine.wait(hours=3)
    step = engine.tracked(uid).steps[0]
    assert step.counts[Outcome.SUCCEEDED] == 15 - len(hung)
    causes = {step.members[f"site-{n}"].cause for n in hung}
    assert causes == {Cause.TIMED_OUT}


def test_a_hung_cluster_keeps_its_place_while_nobody_could_take_it() -> None:
    engine = sites(3)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.spokes["site-2"].dark = engine.spokes["site-3"].dark = True
    uid = engine.apply(rate_limited("a", "Prep", timeout=40, ramp="true"))
    engine.wait(minutes=39)
    assert engine.member(uid, 0, "site-1").state is MemberState.IN_FLIGHT


def switched_on(
    *hung: int,
    dark: frozenset[str] = frozenset(),
    concurrency: int = 4,
    policies: Sequence[RolloutPolicy] = (),
) -> InMemoryEngine:
    """Four clusters are in flight when a person asks for a ramp-up; some of them have hung for an
    hour longer than the others, and pass their limits."""
    engine = sites(8)
    set_policies(engine, *policies)
    for name, spoke in engine.spokes.items():
        spoke.faults[Stage.PREP] = "hang"
        spoke.dark = int(name[5:]) not in hung
    engine.apply(rate_limited("a", "Prep", concurrency=concurrency, timeout=240))
    engine.wait(minutes=60)
    for name, spoke in engine.spokes.items():
        spoke.dark = name in dark
        engine.touch_cluster(name)
    engine.wait(minutes=5)
    engine.annotate("uid-a", **{"ramp-up": "true"})
    engine.wait(minutes=57)
    return engine


def test_a_hung_cluster_keeps_its_slot_while_the_ramp_up_has_no_room_after_it() -> None:
    engine = switched_on(1)
    hung = engine.member("uid-a", 0, "site-1")
    assert hung.limit is not None
    assert engine.now > hung.limit
    assert hung.state is MemberState.IN_FLIGHT
    engine.spokes["site-1"].complete(Stage.PREP)
    engine.wait(minutes=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    for name in ("site-2", "site-3"):
        engine.spokes[name].complete(Stage.PREP)
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps[0].slots) == 4


def test_a_hung_cluster_keeps_its_place_while_the_ramp_up_has_no_room_after_it() -> None:
    """Slots are free, and the others wait for a place of the policy."""
    four = [policy("network", inFlight=4)]
    engine = switched_on(1, concurrency=6, policies=four)
    hung = engine.member("uid-a", 0, "site-1")
    assert hung.limit is not None
    assert engine.now > hung.limit
    assert hung.state is MemberState.IN_FLIGHT
    engine.annotate("uid-a", **{"ramp-up": "false"})
    engine.wait(minutes=1)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.TIMED_OUT
    assert "site-5" in engine.tracked("uid-a").steps[0].in_flight


def test_a_reopened_run_takes_the_slot_of_a_hung_cluster_in_any_ramp_up() -> None:
    engine = sites(9)
    for name, spoke in engine.spokes.items():
        spoke.faults[Stage.PREP] = "hang"
        spoke.dark = name > "site-4"
    engine.apply(rate_limited("a", "Prep", concurrency=3, timeout=240))
    engine.until(Kind.RUN_ARMING)
    taken_but_unheard(engine)
    engine.annotate("uid-a", **{"ramp-up": "true"})
    engine.wait(minutes=100)
    step = engine.tracked("uid-a").steps[0]
    assert sorted(step.in_flight) == ["site-2", "site-3", "site-4"]
    return_(engine)
    engine.settle()
    assert Kind.RUN_REOPENED in engine.kinds("site-1")
    assert sorted(step.in_flight) == ["site-1", "site-3", "site-4"]


def test_hung_clusters_end_until_the_ramp_up_has_room_for_the_next_one() -> None:
    engine = switched_on(1, 2, 3, 4, dark=frozenset({"site-6", "site-7", "site-8"}))
    step = engine.tracked("uid-a").steps[0]
    late = [step.members[f"site-{number}"].cause for number in (1, 2, 3, 4)]
    assert late == [Cause.TIMED_OUT] * 3 + [None]
    assert sorted(step.in_flight) == ["site-4", "site-5"]


def test_a_hung_cluster_in_a_ramp_up_waits_for_the_rate_too() -> None:
    engine = sites(3)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", timeout=1, ramp="true", rate="1"))
    engine.wait(seconds=59)
    assert engine.member(uid, 0, "site-1").limit == START + MINUTE / 2
    assert engine.member(uid, 0, "site-1").state is MemberState.IN_FLIGHT


def test_the_share_is_of_the_ramps_waves() -> None:
    """1, 2, 4, 5, 3: a share of a fifth; the last ones have all that is left."""
    engine = sites(15)
    uid = engine.apply(rate_limited("a", "Prep", concurrency=5, timeout=100, ramp="true"))
    engine.wait(hours=1)
    step = engine.tracked(uid).steps[0]
    spans = []
    for member in step.members.values():
        assert member.limit is not None
        assert member.started_at is not None
        spans.append(round((member.limit - member.started_at) / MINUTE))
    assert spans[:3] == [20, 25, 25]
    assert spans[-1] == round((START + 100 * MINUTE - started(engine, "site-15")) / MINUTE)


def started(engine: InMemoryEngine, name: str) -> datetime:
    at = engine.member("uid-a", 0, name).started_at
    assert at is not None
    return at


def test_a_restart_keeps_the_level() -> None:
    engine = sites(15)
    width = Width(engine)
    engine.apply(rate_limited("a", "Prep", ramp="true"))
    for _ in range(30):
        engine.wait(seconds=13)
        engine.restart()
    engine.wait(hours=1)
    assert [width.most[ended] for ended in (0, 1, 3, 7)] == [1, 2, 4, 8]


def test_without_the_annotation_it_goes_on_at_full_width() -> None:
    engine = sites(12)
    uid = engine.apply(rate_limited("a", "Prep", ramp="true"))
    engine.wait(seconds=10)
    engine.annotate(uid, **{"ramp-up": "false"})
    engine.wait(seconds=1)
    assert len(starts(engine)) == 10
    assert hold(engine, uid) is None


# -- jitter ---------------------------------------------------------------------------------------


@pytest.mark.slow("every-point")
def test_starts_are_spread_over_the_jitter_the_same_way_each_time() -> None:
    times = []
    for _ in range(2):
        engine = sites(40)
        engine.apply(rate_limited("a", "Prep", concurrency=40, jitter="60s"))
        engine.wait(minutes=5)
        times.append(starts(engine))
    assert times[0] == times[1]
    assert len(set(times[0])) > 30
    assert max(times[0]) - START < MINUTE
    assert min(times[0]) - START < MINUTE / 6
    assert max(times[0]) - START > MINUTE * 5 / 6


def test_a_start_delayed_by_jitter_shows_its_time_and_keeps_its_slot() -> None:
    engine = sites(6)
    uid = engine.apply(rate_limited("a", "Prep", concurrency=3, jitter="10m"))
    engine.wait(seconds=1)
    members = list(engine.tracked(uid).steps[0].members.values())
    put_off = [m for m in members if m.reason.kind is ReasonKind.START_JITTER]
    assert {m.cluster for m in put_off} == {"site-1", "site-2", "site-3"}
    due = {m.cluster: m.reason.until for m in put_off}
    assert put_off[0].reason.message == "put off by a part of 10 min (ibgu.dev/start-jitter)"
    engine.wait(minutes=11)
    for name, until in due.items():
        assert engine.member(uid, 0, name).started_at == until


def test_a_start_in_a_later_wave_is_put_off_from_when_its_slot_is_free() -> None:
    engine = sites(3)
    engine.apply(rate_limited("a", "Prep", concurrency=1, jitter="100s"))
    engine.wait(hours=1)
    ends = [None, *engine.times(Kind.FINISHED)]
    delays = [at - (end or START) for at, end in zip(starts(engine), ends, strict=False)]
    assert len(delays) == 3
    assert all(delay < 100 * MINUTE / 60 for delay in delays)
    assert all(delay > MINUTE / 600 for delay in delays)


@pytest.mark.slow("every-point")
def test_jitter_applies_again_after_a_restart() -> None:
    engine = sites(40)
    engine.apply(rate_limited("a", "Prep", concurrency=40, jitter="10m"))
    engine.wait(seconds=1)
    due = engine.member("uid-a", 0, "site-7").reason.until
    assert due is not None
    engine.restart()
    again = engine.now
    engine.wait(minutes=11)
    assert engine.member("uid-a", 0, "site-7").started_at == due + (again - START)
    assert len(set(starts(engine))) > 30


def test_a_jitter_that_is_taken_away_lets_go_at_once() -> None:
    engine = sites(1)
    engine.apply(rate_limited("a", "Prep", jitter="1h"))
    engine.wait(seconds=1)
    engine.annotate("uid-a", **{"start-jitter": "0"})
    engine.wait(seconds=1)
    assert len(starts(engine)) == 1


def test_a_member_past_its_limit_yields_to_one_delayed_by_jitter() -> None:
    """The member that was put off needs the slot once its time has come, and its slot was taken by
    a run that came back."""
    engine = sites(2)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", concurrency=1, timeout=100, jitter="2s"))
    engine.wait(minutes=53)
    assert engine.member(uid, 0, "site-1").cause is Cause.TIMED_OUT
    assert any(
        isinstance(said.decision, OnMember)
        and said.decision.member.cluster == "site-2"
        and said.decision.member.reason.kind is ReasonKind.START_JITTER
        for said in engine.said
    )


def test_a_clock_that_was_set_back_puts_nobody_off_for_as_long() -> None:
    """The member's own feedback suffices, so that no probe tells of the time."""
    engine = sites(3)
    uid = engine.apply(rate_limited("a", "Prep", "Upgrade", concurrency=3, jitter="1h"))
    engine.step()
    while not waits_for_jitter(engine, uid):
        engine.step()
    engine.now -= timedelta(hours=20)
    engine.restart()
    engine.turn()
    assert all(member.started_at for member in engine.tracked(uid).steps[1].members.values())


def waits_for_jitter(engine: InMemoryEngine, uid: str) -> bool:
    """A member of the second step waits for jitter."""
    members = [member for step in engine.tracked(uid).steps[1:] for member in step.members.values()]
    kinds = {member.reason.kind for member in members}
    return kinds == {ReasonKind.START_JITTER}
