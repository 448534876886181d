"""R50.4, R50.5: windows and freezes of policies, in the time of each cluster's own zone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.gates import step_deadline
from ibgu.core.engine.gates.policies.times import time_needed
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import ActingParty, Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.names import TIME_ZONE
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

NIGHT: dict[str, Any] = {"windows": [{"cron": "0 1 * * *", "durationMinutes": 240}]}


def fleet(**zones: str) -> InMemoryEngine:
    """Each cluster with the label of its time zone; empty: it has none."""
    engine = InMemoryEngine(*zones)
    Invariants(engine)
    for name, zone in zones.items():
        engine.labels[name] = {TIME_ZONE: zone} if zone else {}
    return engine


def started(engine: InMemoryEngine, name: str) -> datetime:
    """Returns when the newest action began."""
    run = engine.member("uid-a", 0, name).run
    assert run is not None
    return run.intended_at


def test_each_cluster_starts_when_the_window_opens_in_its_own_zone() -> None:
    """The test begins at midnight in London, which is 19:00 in New York and 09:00 in Tokyo."""
    engine = fleet(london="Europe.London", york="America.New_York", tokyo="Asia.Tokyo")
    set_policies(engine, policy("night", **NIGHT))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "tokyo")
    assert (kept.kind, kept.gate, kept.message, kept.until, kept.who) == (
        ReasonKind.GATE,
        "RolloutPolicy/night",
        "the policy's window opens at 01:00 JST on 2 January 2026",
        START + timedelta(hours=16),
        ActingParty.IBGU,
    )
    engine.wait(hours=30)
    hours = {name: (started(engine, name) - START) // timedelta(hours=1) for name in engine.spokes}
    assert hours == {"london": 1, "york": 6, "tokyo": 16}


def test_an_annotation_names_the_zone_with_its_slash() -> None:
    engine = fleet(site="Asia.Tokyo")
    engine.annotations["site"][TIME_ZONE] = "Europe/London"
    set_policies(engine, policy(**NIGHT))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert reason(engine, "uid-a", "site").message.startswith(
        "the policy's window opens at 01:00 GMT"
    )


def test_a_cluster_without_a_zone_waits_for_a_person() -> None:
    engine = fleet(site="", other="Mars.Olympus")
    set_policies(engine, policy(**NIGHT))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=3)
    kept = reason(engine, "uid-a", "site")
    assert (kept.who, kept.message) == (
        ActingParty.PERSON,
        "the policy's windows are in the cluster's time zone, which is not known: give the "
        f"ManagedCluster the label {TIME_ZONE}, such as Europe.Berlin",
    )
    assert reason(engine, "uid-a", "other").message == (
        f'{TIME_ZONE}: "Mars/Olympus" is not a time zone, such as Europe/Berlin'
    )
    engine.labels["site"][TIME_ZONE] = "Europe.London"
    engine.touch_cluster("site")
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 1


def test_a_zone_of_the_windows_own_needs_none_of_the_cluster() -> None:
    engine = fleet(site="")
    set_policies(
        engine,
        policy(windows=[{"cron": "0 1 * * *", "durationMinutes": 60, "timeZone": "Asia/Tokyo"}]),
    )
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert reason(engine, "uid-a", "site").message == (
        "the policy's window opens at 01:00 JST on 2 January 2026"
    )
    engine.wait(hours=17)
    assert started(engine, "site") == START + timedelta(hours=16)


def test_a_window_that_closes_lets_those_in_flight_go_on() -> None:
    engine = fleet(**{f"site-{number}": "Europe.London" for number in range(1, 5)})
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    set_policies(engine, policy(windows=[{"cron": "0 1 * * *", "durationMinutes": 10}]))
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=1000))
    engine.until(Kind.FINISHED)
    engine.settle()
    assert engine.now > START + timedelta(minutes=70)
    assert reason(engine, "uid-a", "site-4").message.endswith("on 2 January 2026")
    engine.wait(hours=24 * 5)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 4


def test_the_steps_clock_stands_while_the_window_is_closed() -> None:
    engine = fleet(site="Europe.London")
    set_policies(engine, policy(**NIGHT))
    engine.apply(ibgu("a", "Prep", timeout=60))
    engine.wait(minutes=30)
    step = engine.tracked("uid-a").steps[0].step
    assert step.stopped_since == START
    assert step_deadline(step, engine.now) == START + timedelta(minutes=90)
    engine.drive(timedelta(hours=4))
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 1
    assert engine.told(Kind.CLOCK_STARTED)


def test_the_clock_stands_whatever_else_keeps_single_clusters() -> None:
    """One of them is unreachable, so that no policy is asked about it."""
    engine = fleet(site="Europe.London", dark="Europe.London")
    engine.spokes["dark"].dark = True
    set_policies(engine, policy(**NIGHT))
    engine.wait(hours=6)
    engine.apply(ibgu("a", "Prep", timeout=60))
    engine.wait(hours=20)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 1


def test_a_windows_policy_holds_the_chain_before_its_action() -> None:
    engine = fleet(site="Europe.London")
    set_policies(engine, policy("night", actions=["Upgrade"], **NIGHT))
    engine.wait(hours=5)
    engine.apply(ibgu("a", "Prep Upgrade", timeout=60))
    engine.wait(hours=3)
    member = engine.member("uid-a", 0, "site")
    assert (member.state, member.reason.gate) == (MemberState.IN_FLIGHT, "RolloutPolicy/night")
    engine.wait(hours=30)
    assert started(engine, "site") == START + timedelta(hours=25)


def chain(timeout: int = 60, **zones: str) -> InMemoryEngine:
    """Prep runs by day, one cluster at a time; Upgrades wait for the night."""
    engine = fleet(**zones)
    set_policies(engine, policy("night", actions=["Upgrade"], **NIGHT))
    engine.wait(hours=5)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=timeout))
    return engine


def test_the_clock_stands_although_others_wait_for_the_slots() -> None:
    engine = chain(**dict.fromkeys(("site-1", "site-2", "site-3"), "Europe.London"), timeout=240)
    engine.wait(hours=12)
    tracked = engine.tracked("uid-a").steps[0]
    assert (len(tracked.slots), tracked.step.stopped_since is not None) == (1, True)
    engine.wait(hours=60)
    assert tracked.counts[Outcome.SUCCEEDED] == 3


@pytest.mark.parametrize("state", ["dark", "busy"])
def test_a_window_keeps_the_chain_of_a_cluster_that_could_not_go_on_either(state: str) -> None:
    engine = chain(site="Europe.London")
    engine.until(Kind.RUN_ENDED)
    engine.wait(minutes=1)
    spoke = engine.spokes["site"]
    if state == "dark":
        spoke.dark = True
    else:
        spoke.generation += 1
    engine.touch_everything()
    engine.wait(hours=8)
    assert reason(engine, "uid-a", "site").gate == "RolloutPolicy/night"
    assert engine.tracked("uid-a").steps[0].step.stopped_since
    spoke.dark, spoke.observed = False, spoke.generation
    engine.touch_everything()
    engine.wait(hours=24)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 1
    assert started(engine, "site") == START + timedelta(hours=25)


def test_a_freeze_holds_all_and_says_why() -> None:
    engine = fleet(site="", other="")
    set_policies(
        engine,
        policy(
            freezes=[
                {
                    "from": "2025-12-20T00:00:00Z",
                    "until": "2026-01-02T00:00:00+01:00",
                    "reason": "holidays",
                }
            ]
        ),
    )
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "site")
    end = START + timedelta(hours=23)
    assert (kept.message, kept.until) == (
        "the policy freezes all starts until 2026-01-01T23:00:00Z: holidays",
        end,
    )
    engine.wait(hours=24)
    assert started(engine, "site") >= end


def test_a_freeze_needs_no_reason() -> None:
    engine = fleet(site="")
    freezes = [{"from": "2025-12-20T00:00:00Z", "until": "2026-01-02T00:00:00Z"}]
    set_policies(engine, policy(freezes=freezes))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    words = "the policy freezes all starts until 2026-01-02T00:00:00Z"
    assert reason(engine, "uid-a", "site").message == words


@pytest.mark.parametrize("action", [Action.ABORT, Action.ROLLBACK])
def test_no_window_holds_a_way_back(action: Action) -> None:
    engine = fleet(site="Europe.London")
    set_policies(engine, policy(**NIGHT, freezes=[{"from": "2025-12-20T00:00:00Z",
                                                 "until": "2027-01-02T00:00:00Z"}]))  # fmt: skip
    spoke = engine.spokes["site"]
    spoke.to(Stage.PREP)
    label = "prep-completed"
    if action == Action.ROLLBACK:
        spoke.to(Stage.UPGRADE)
        label = "upgrade-completed"
    engine.labels["site"][f"lcm.openshift.io/ibgu-{label}"] = ""
    engine.apply(ibgu("a", action))
    engine.wait(minutes=50)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 1


# -- fit -------------------------------------------------------------------------------------------

MEASURED = DurationStats(20, 60.0, 3600.0, (60.0,), prepared=600.0)


def fitting(minutes: int, early: int = 61, **spec: Any) -> InMemoryEngine:
    engine = fleet(site="Europe.London")
    engine.durations = {Action.UPGRADE: MEASURED, Action.ROLLBACK: MEASURED, Action.PREP: MEASURED}
    engine.wait(minutes=early)
    window = {"cron": "0 1 * * *", "durationMinutes": minutes}
    set_policies(engine, policy("night", windows=[window], fit=True, **spec))
    engine.apply(ibgu("a", "Prep Upgrade"))
    return engine


def test_an_action_that_would_not_end_in_the_window_does_not_start() -> None:
    engine = fitting(70)
    engine.wait(minutes=1)
    kept = reason(engine, "uid-a", "site")
    assert (kept.message, kept.until) == (
        "Prep usually takes up to 1 h 10 min, and the policy's window closes at 02:10 GMT on 1 "
        "January 2026",
        START + timedelta(hours=2, minutes=10),
    )
    engine.wait(hours=2)
    assert reason(engine, "uid-a", "site").message == (
        "the policy's window opens at 01:00 GMT on 2 January 2026"
    )


def test_an_action_that_just_fits_starts() -> None:
    engine = fitting(70, early=60)
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 1


@pytest.mark.parametrize("early", [30, 60])
def test_an_action_that_fits_no_window_waits_for_a_person(early: int) -> None:
    engine = fitting(69, early=early)
    engine.settle()
    kept = reason(engine, "uid-a", "site")
    assert (kept.message, kept.until, kept.who) == (
        "Prep usually takes up to 1 h 10 min, and no window of the policy is open for so long",
        None,
        ActingParty.PERSON,
    )


@pytest.mark.parametrize("early", [60, 61])
def test_an_action_starts_once_it_takes_less_time_than_before(early: int) -> None:
    """A controller that has just started has not read yet how long actions take."""
    engine = fitting(69 + early - 60, early=early)
    engine.settle()
    assert reason(engine, "uid-a", "site").gate == "RolloutPolicy/night"
    engine.durations = {Action.PREP: replace(MEASURED, p95=1800.0)}
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps[0].slots) == 1


def test_a_chain_goes_on_once_its_next_action_takes_less_time() -> None:
    engine = fitting(181, early=60)
    engine.durations = {**engine.durations, Action.UPGRADE: replace(MEASURED, p95=9000.0)}
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site").action_index == 1
    assert reason(engine, "uid-a", "site").who is ActingParty.PERSON
    engine.durations = {**engine.durations, Action.UPGRADE: replace(MEASURED, p95=1800.0)}
    engine.wait(minutes=1)
    run = engine.member("uid-a", 0, "site").run
    assert run is not None
    assert (run.action, run.open) == (Action.UPGRADE, True)


def test_an_action_that_no_longer_fits_waits_for_the_next_opening() -> None:
    """The windows overlap: each opens before the one before it closes."""
    engine = fleet(site="Europe.London")
    engine.durations = {Action.PREP: MEASURED}
    engine.wait(minutes=85)
    window = {"cron": "0 * * * *", "durationMinutes": 90}
    set_policies(engine, policy("hourly", windows=[window], fit=True))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert reason(engine, "uid-a", "site").until == START + timedelta(hours=2)
    engine.wait(hours=1)
    assert started(engine, "site") == START + timedelta(hours=2)


def test_an_upgrade_keeps_time_for_its_rollback() -> None:
    engine = fitting(182, actions=["Upgrade"])
    engine.until(Kind.RUN_ACCEPTED)
    engine.durations = {**engine.durations, Action.UPGRADE: replace(MEASURED, p95=6000.0)}
    engine.wait(minutes=30)
    kept = reason(engine, "uid-a", "site")
    assert kept.message == (
        "Upgrade with a Rollback usually takes up to 3 h, and the policy's window closes at 04:02 "
        "GMT on 1 January 2026"
    )


def test_an_action_that_was_measured_too_rarely_takes_its_usual_time() -> None:
    found = time_needed(Action.PREP, {})
    assert timedelta(minutes=1) < found < timedelta(hours=4)
    assert time_needed(Action.UPGRADE, {}) > time_needed(Action.UPGRADE, {}) / 2
    assert time_needed(Action.UPGRADE, {Action.UPGRADE: MEASURED, Action.ROLLBACK: MEASURED}) == (
        timedelta(minutes=140)
    )
    assert time_needed(Action.FINALIZE_UPGRADE, {Action.FINALIZE_UPGRADE: MEASURED}) == timedelta(
        minutes=70
    )


# -- what a window is not about --------------------------------------------------------------------


def test_clusters_that_the_policy_does_not_select_start_at_any_time() -> None:
    engine = fleet(site="")
    set_policies(engine, policy(clusters={"selector": {"matchLabels": {"kind": "lab"}}}, **NIGHT))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 1


def test_a_window_that_never_opens_waits_for_a_person() -> None:
    """No first day of a month is a second Monday."""
    engine = fleet(site="Europe.London")
    set_policies(engine, policy(windows=[{"cron": "0 0 */31 2 MON#2", "durationMinutes": 60}]))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "site")
    assert (kept.message, kept.who, kept.until) == (
        "no window of the policy opens within fifty years",
        ActingParty.PERSON,
        None,
    )


TEN = {"from": "2026-01-01T00:10:00Z", "until": "2026-01-01T10:00:00Z"}
UNTIL_TEN = {"cron": "50 23 * * *", "durationMinutes": 20, "timeZone": "UTC"}


@pytest.mark.parametrize("times", [{"freezes": [TEN]}, {"windows": [UNTIL_TEN]}])
@pytest.mark.parametrize("place", [True, False])
def test_a_time_that_is_over_keeps_those_that_wait_behind_a_hung_cluster(
    times: dict[str, Any], *, place: bool
) -> None:
    """Otherwise the clock runs on, and at the deadline all have never started."""
    engine = fleet(**dict.fromkeys(("site-1", "site-2", "site-3", "site-4"), ""))
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    set_policies(engine, policy("ran", **times), *([policy("hub", inFlight=1)] if place else []))
    engine.apply(ibgu("a", "Prep", concurrency=2 if place else 1, timeout=60))
    engine.wait(minutes=9)
    assert reason(engine, "uid-a", "site-2").gate == ("RolloutPolicy/hub" if place else "")
    engine.wait(minutes=1)
    for name in ("site-2", "site-3", "site-4"):
        assert reason(engine, "uid-a", name).gate == "RolloutPolicy/ran"
    engine.wait(hours=5)
    step = engine.tracked("uid-a").steps[0]
    assert step.step.stopped_since is not None
    assert step.counts[MemberState.WAITING] == 3
    engine.wait(hours=20)
    assert step.counts[Outcome.SUCCEEDED] == 3


def test_a_window_that_has_become_too_short_keeps_those_that_wait() -> None:
    engine = fleet(**dict.fromkeys(("site-1", "site-2"), ""))
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.durations = {Action.PREP: DurationStats(20, 60.0, 240.0, (60.0,))}
    set_policies(engine, policy("ran", fit=True, windows=[UNTIL_TEN]))
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(minutes=6)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    engine.wait(seconds=1)
    assert reason(engine, "uid-a", "site-2").gate == "RolloutPolicy/ran"
