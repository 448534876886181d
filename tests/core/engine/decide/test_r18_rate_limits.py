"""R18, rates: never more starts in a minute than the rollout and the hub allow."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Cause, Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector, RolloutObject
from ibgu.core.views.display import reason_of
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.rate_limited import (
    MINUTE,
    annotated,
    hold,
    most_in_a_minute,
    rate_limited,
    starts,
)


def limited(count: int, most: int) -> InMemoryEngine:
    """A hub with a limit of its own."""
    engine = sites(count)
    engine.facts = replace(engine.facts, starts_per_minute=most)
    return engine


def test_starts_never_exceed_the_rate_and_all_members_start() -> None:
    engine = sites(10)
    uid = engine.apply(rate_limited("a", "Prep", rate="3"))
    engine.wait(hours=1)
    assert most_in_a_minute(starts(engine)) == 3
    assert starts(engine)[-1] - starts(engine)[0] == 3 * MINUTE
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 10


def test_a_rate_limited_member_shows_the_time_of_its_start() -> None:
    engine = sites(5)
    uid = engine.apply(rate_limited("a", "Prep", rate="2"))
    engine.wait(seconds=10)
    member = engine.member(uid, 0, "site-3")
    reason = reason_of(member, hold(engine, uid))
    assert reason is not None
    assert (reason.kind, reason.who) == (ReasonKind.START_RATE, ActingParty.IBGU)
    assert reason.until == starts(engine)[0] + MINUTE
    assert reason.message == (
        "at most 2 clusters of this rollout start a minute (ibgu.dev/starts-per-minute)"
    )


def test_a_rate_limit_is_recorded_as_no_hold_and_no_warning() -> None:
    engine = sites(5)
    uid = engine.apply(rate_limited("a", "Prep", rate="2"))
    engine.wait(hours=1)
    assert engine.told(Kind.STEP_HELD) == engine.told(Kind.STEP_RELEASED) == engine.warnings() == []
    assert engine.told(Kind.STEP_RATE_LIMITED)
    assert hold(engine, uid) is None
    assert engine.told(Kind.CONTROL) == [
        "ibgu.dev/starts-per-minute=2: the rate limit for new starts"
    ]


def test_while_all_slots_are_taken_the_slot_is_the_reason() -> None:
    engine = sites(3)
    uid = engine.apply(rate_limited("a", "Prep", concurrency=1, rate="1"))
    engine.wait(seconds=10)
    assert hold(engine, uid) is None
    reason = reason_of(engine.member(uid, 0, "site-2"), hold(engine, uid))
    assert reason is not None
    assert reason.kind is ReasonKind.READY


def test_a_restart_keeps_the_rate_limit() -> None:
    """Actions that are shorter than a minute count, too, though their runs are long over."""
    engine = sites(12)
    engine.apply(rate_limited("a", "Prep Upgrade", concurrency=12, rate="3"))
    for _ in range(40):
        engine.wait(seconds=7)
        engine.restart()
    engine.wait(hours=2)
    assert most_in_a_minute(starts(engine)) == 3
    assert len(starts(engine)) == 12


def test_a_clock_that_went_back_while_nobody_led_holds_for_a_minute_at_most() -> None:
    engine = sites(6, "hang")
    engine.apply(rate_limited("a", "Prep", timeout=2000, rate="3"))
    engine.wait(seconds=10)
    engine.now -= timedelta(hours=1)
    engine.restart()
    back = engine.now
    engine.wait(seconds=50)
    kept = hold(engine, "uid-a")
    assert kept is not None
    assert kept.until == back + MINUTE
    engine.wait(seconds=10)
    assert hold(engine, "uid-a") is None


def test_the_rate_is_changed_and_taken_away_at_once() -> None:
    engine = sites(9)
    uid = engine.apply(rate_limited("a", "Prep", rate="1"))
    engine.wait(seconds=10)
    assert len(starts(engine)) == 1
    engine.annotate(uid, **{"starts-per-minute": "4"})
    engine.wait(seconds=1)
    assert len(starts(engine)) == 4
    meta = replace(engine.ibgus[uid].metadata, annotations={})
    engine.apply(replace(engine.ibgus[uid], metadata=meta))
    engine.wait(seconds=1)
    assert len(starts(engine)) == 9
    assert engine.told(Kind.CONTROL)[1:] == [
        "ibgu.dev/starts-per-minute=4: the rate limit for new starts",
        "no ibgu.dev/starts-per-minute: the rate limit for new starts",
    ]
    assert engine.tracked(uid).rollout.controls == {}


# -- the hub's limit -------------------------------------------------------------------------------


def halves(count: int, most: int) -> InMemoryEngine:
    """Rollouts a and b have half of the clusters each."""
    engine = limited(count, most)
    for number, name in enumerate(engine.labels):
        engine.labels[name]["half"] = "ab"[number % 2]
    return engine


def of_half(name: str, plan: str = "Prep", concurrency: int = 100, **limits: str) -> RolloutObject:
    obj = annotated(ibgu(name, plan, concurrency=concurrency), **limits)
    chosen = [LabelSelector(match_labels={"half": name})]
    return replace(obj, spec=replace(obj.spec, cluster_label_selectors=chosen))


def test_the_hubs_limit_is_over_all_rollouts() -> None:
    engine = halves(12, 3)
    uid = engine.apply(of_half("a"))
    engine.apply(of_half("b"))
    engine.wait(seconds=10)
    kept = hold(engine, uid) or hold(engine, "uid-b")
    assert kept is not None
    assert kept.kind is ReasonKind.HUB_START_RATE
    assert kept.message == "at most 3 clusters start a minute on this hub (IBGU_STARTS_PER_MINUTE)"
    engine.wait(hours=1)
    assert len(starts(engine)) == 12
    assert most_in_a_minute(starts(engine)) == 3


@pytest.mark.parametrize("most", [1, 2, 5, 10])
def test_two_rollouts_get_the_same_share(most: int) -> None:
    """The first minute is an exception: the one that asks first finds everything free."""
    engine = halves(100, most)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "hang"
    engine.apply(of_half("a"))
    engine.wait(seconds=130)
    engine.apply(of_half("b"))
    begun = engine.now
    engine.wait(minutes=4)
    for uid in ("uid-a", "uid-b"):
        mine = [at for at in starts(engine, uid) if at >= begun]
        assert abs(len(mine) - 2 * most) <= (most + 1) // 2, (uid, len(mine))
    assert most_in_a_minute(starts(engine)) == most


def test_starts_left_by_one_rollout_go_to_the_other() -> None:
    """b has one slot only, and so can't take its share."""
    engine = halves(60, 10)
    engine.apply(of_half("b", concurrency=1))
    engine.apply(of_half("a"))
    engine.wait(seconds=190)
    assert len(starts(engine, "uid-a")) >= 30
    assert len(starts(engine, "uid-b")) >= 3


def test_a_paused_rollout_leaves_its_starts_to_the_other() -> None:
    engine = halves(60, 10)
    engine.apply(of_half("a"))
    engine.apply(of_half("b"))
    engine.wait(seconds=5)
    for uid in ("uid-a", "uid-b"):
        if hold(engine, uid) is not None:
            held = uid
    engine.annotate(held, pause="for tonight")
    engine.wait(minutes=2)
    other = {"uid-a": "uid-b", "uid-b": "uid-a"}[held]
    assert len(starts(engine, other)) == 30


def test_a_rollouts_own_rate_counts_within_the_hubs() -> None:
    engine = halves(40, 10)
    engine.apply(of_half("a", rate="2"))
    engine.apply(of_half("b"))
    engine.wait(seconds=70)
    assert len(starts(engine, "uid-a")) == 4
    assert len(starts(engine, "uid-b")) == 16


def test_a_restart_keeps_the_hubs_limit() -> None:
    engine = halves(20, 4)
    engine.apply(of_half("a"))
    engine.apply(of_half("b"))
    for _ in range(30):
        engine.wait(seconds=11)
        engine.restart()
    engine.wait(hours=1)
    assert len(starts(engine)) == 20
    assert most_in_a_minute(starts(engine)) == 4


# -- ways back, and typing errors -----------------------------------------------------------------


@pytest.mark.parametrize(
    "limits", [{"rate": "1"}, {"rate": "one"}, {"ramp": "yes"}, {"jitter": "?"}]
)
@pytest.mark.parametrize(
    ("plan", "stage"),
    [
        ("Abort", Stage.PREP),
        ("AbortOnFailure", Stage.PREP),
        ("Rollback", Stage.UPGRADE),
        ("FinalizeUpgrade", Stage.UPGRADE),
        ("FinalizeRollback", Stage.ROLLBACK),
    ],
)
def test_ways_back_and_ends_have_no_rate_limit_whatever_is_annotated(
    plan: str, stage: Stage, limits: dict[str, str]
) -> None:
    engine = limited(4, 1)
    for name, spoke in engine.spokes.items():
        engine.labels[name] = {LABELS[plan]: ""} if plan in LABELS else {}
        for each in (Stage.PREP, Stage.UPGRADE, Stage.ROLLBACK):
            spoke.to(each)
            if each is stage:
                break
    uid = engine.apply(annotated(ibgu("a", plan), **limits))
    engine.wait(seconds=10)
    assert len(starts(engine)) == 4
    engine.wait(hours=1)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 4


LABELS = {
    "AbortOnFailure": "lcm.openshift.io/ibgu-prep-failed",
    "Rollback": "lcm.openshift.io/ibgu-upgrade-completed",
    "FinalizeUpgrade": "lcm.openshift.io/ibgu-upgrade-completed",
    "FinalizeRollback": "lcm.openshift.io/ibgu-rollback-completed",
}


def test_a_typing_error_holds_new_starts_and_is_reported() -> None:
    engine = sites(3)
    uid = engine.apply(rate_limited("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.annotate(uid, **{"starts-per-minute": "ten"})
    engine.wait(minutes=10)
    wrong = (
        'the annotation ibgu.dev/starts-per-minute is "ten"; '
        "expected: a whole number from 1 on, as 10"
    )
    kept = hold(engine, uid)
    assert kept is not None
    assert (kept.kind, kept.who, kept.until) == (
        ReasonKind.RATE_LIMIT_INVALID,
        ActingParty.PERSON,
        None,
    )
    assert engine.warnings() == [
        f"ibgu.dev/starts-per-minute=ten: {wrong}",
        f"{wrong}; nothing new starts until it is changed or removed",
    ]
    assert [m.outcome for m in engine.tracked(uid).steps[0].members.values()] == [
        Outcome.SUCCEEDED,
        None,
        None,
    ]


def test_each_invalid_rate_is_recorded_and_a_valid_one_releases_the_step() -> None:
    engine = sites(3)
    uid = engine.apply(rate_limited("a", "Prep", rate="ten"))
    engine.wait(seconds=10)
    engine.annotate(uid, **{"starts-per-minute": "0"})
    engine.wait(seconds=10)
    assert ['is "ten"' in told for told in engine.told(Kind.STEP_HELD)] == [True, False]
    engine.annotate(uid, **{"starts-per-minute": "3"})
    engine.wait(minutes=5)
    assert engine.told(Kind.STEP_RELEASED) == ["the annotations of the rate limits can be read"]
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3


def test_the_clock_stands_while_a_typing_error_alone_holds_the_step() -> None:
    engine = sites(2)
    uid = engine.apply(rate_limited("a", "Prep", timeout=60, rate="ten"))
    engine.wait(hours=10)
    assert engine.tracked(uid).steps[0].unfinished == 2
    assert engine.tracked(uid).steps[0].step.stopped_since is not None
    engine.annotate(uid, **{"starts-per-minute": "10"})
    engine.wait(minutes=10)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 2


def test_a_typing_error_that_is_mended_lets_go_though_nobody_could_start() -> None:
    """The step's clock would otherwise stand on for who is not reachable."""
    engine = sites(2)
    uid = engine.apply(rate_limited("a", "Prep", timeout=60, rate="ten"))
    engine.wait(seconds=10)
    for name, spoke in engine.spokes.items():
        spoke.dark = True
        engine.touch_cluster(name)
    engine.settle()
    engine.annotate(uid, **{"starts-per-minute": "10"})
    engine.wait(seconds=1)
    assert hold(engine, uid) is None
    assert engine.tracked(uid).steps[0].step.stopped_since is None


def test_a_breaker_is_shown_before_the_rate_limit_and_the_rate_limit_after_it() -> None:
    engine = sites(12, "fail", Stage.UPGRADE)
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = engine.apply(rate_limited("a", "Upgrade", concurrency=6, rate="6"))
    engine.wait(minutes=30)
    kept = hold(engine, uid)
    assert kept is not None
    assert kept.kind is ReasonKind.CIRCUIT_BREAKER
    engine.annotate(uid, resume="1")
    engine.wait(seconds=1)
    assert len(starts(engine)) == 12


# -- time (R11) -----------------------------------------------------------------------------------


def test_a_hanging_member_keeps_its_slot_while_the_rate_lets_nobody_start() -> None:
    """Past its limit it yields to who could start: not before the rate lets somebody."""
    engine = sites(3)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.spokes["site-2"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", concurrency=2, timeout=2, rate="2"))
    engine.wait(seconds=59)
    assert engine.member(uid, 0, "site-1").limit == START + MINUTE
    engine.wait(seconds=2)
    ended = [m.cluster for m in engine.tracked(uid).steps[0].members.values() if m.finished]
    assert ended == ["site-1"]
    assert engine.member(uid, 0, "site-1").cause is Cause.TIMED_OUT
    assert engine.member(uid, 0, "site-3").state is MemberState.IN_FLIGHT


@pytest.mark.parametrize("of", ["rollout", "hub"])
def test_no_more_yield_than_the_rate_lets_start(of: str) -> None:
    engine = sites(6)
    for n in (1, 2, 3):
        engine.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = engine.apply(rate_limited("a", "Prep", concurrency=3, timeout=40))
    engine.wait(minutes=1)
    if of == "rollout":
        engine.annotate(uid, **{"starts-per-minute": "1"})
    else:
        engine.facts = replace(engine.facts, starts_per_minute=1)
    engine.wait(minutes=18)
    assert engine.tracked(uid).steps[0].counts[Outcome.FAILED] == 0
    engine.wait(seconds=90)
    assert engine.tracked(uid).steps[0].counts[Outcome.FAILED] == 1
    engine.wait(minutes=1)
    assert engine.tracked(uid).steps[0].counts[Outcome.FAILED] == 2


def test_members_never_started_for_the_rate_fail_as_never_started() -> None:
    engine = sites(6)
    uid = engine.apply(rate_limited("a", "Prep", timeout=4, rate="1"))
    engine.wait(hours=1)
    members = engine.tracked(uid).steps[0].members.values()
    assert [m.cause for m in members][-2:] == [Cause.NEVER_STARTED] * 2
    assert len(starts(engine)) == 4


def test_plans_without_a_rate_limit_are_not_touched() -> None:
    engine = sites(30)
    uid = engine.apply(ibgu("a", "Prep", concurrency=30))
    engine.wait(seconds=1)
    assert len(starts(engine)) == 30
    assert engine.told(Kind.STEP_RATE_LIMITED) == engine.told(Kind.CONTROL) == []
    assert hold(engine, uid) is None
