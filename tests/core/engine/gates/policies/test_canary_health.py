"""R50.16: canaries must be well, by what the hub and the clusters say, while they soak."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state import canaries as canaries_state
from ibgu.core.engine.state import canaries as module
from ibgu.core.engine.state.health_observations import (
    HealthFinding,
    MetricQuestion,
    ObservedCheck,
)
from ibgu.core.model import ClusterConditionView, Kind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.test_canaries import (
    canaries,
    fleet,
    started,
    succeeded,
    words,
)

POWER = "example.com/Power"


def condition(
    engine: InMemoryEngine, name: str, status: str, since: datetime | None = None
) -> None:
    """The ManagedCluster gets the condition; `since`: now, if it is not given."""
    others = tuple(each for each in engine.conditions.get(name, ()) if each.type != POWER)
    found = ClusterConditionView(POWER, status, engine.now if since is None else since)
    engine.conditions[name] = (*others, found)
    engine.touch_cluster(name)


def soaking(engine: InMemoryEngine, count: int = 2) -> None:
    """The canaries have succeeded, and their condition is asked for."""
    health = {"conditions": [{"type": POWER}]}
    canaries(engine, count=count, soakMinutes=30, health=health)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()


def test_a_condition_must_be_true_of_every_canary_for_the_soak() -> None:
    engine = fleet(4)
    for name in ("site-1", "site-2"):
        condition(engine, name, "True")
    soaking(engine)
    assert words(engine, "site-3") == (
        "the canaries have succeeded, and must stay well until 2026-01-01T00:31:01Z"
    )
    engine.wait(minutes=29)
    assert started(engine) == {"site-1", "site-2"}
    engine.wait(hours=1)
    assert succeeded(engine) == 4


def test_the_soak_begins_again_after_a_break_of_a_condition() -> None:
    engine = fleet(4)
    for name in ("site-1", "site-2"):
        condition(engine, name, "True")
    soaking(engine)
    engine.wait(minutes=20)
    condition(engine, "site-2", "False")
    engine.wait(hours=3)
    assert words(engine, "site-3") == (
        "the canaries must stay well, and site-2 is not: condition example.com/Power of the "
        'ManagedCluster is "False", not "True"'
    )
    condition(engine, "site-2", "True")
    engine.wait(minutes=29)
    assert started(engine) == {"site-1", "site-2"}
    engine.wait(hours=1)
    assert succeeded(engine) == 4


def test_a_condition_that_no_canary_has_keeps_the_others() -> None:
    engine = fleet(4)
    soaking(engine)
    engine.wait(hours=3)
    assert words(engine, "site-3") == (
        "the canaries must stay well, and site-1 is not: the ManagedCluster has no condition "
        "example.com/Power; 1 more is not well"
    )


def test_more_canaries_that_are_not_well_are_counted() -> None:
    engine = fleet(4)
    soaking(engine, count=3)
    assert words(engine, "site-4").endswith("; 2 more are not well")


def test_a_status_is_shown_harmless_and_short() -> None:
    engine = fleet(2)
    condition(engine, "site-1", "\x1b" + "x" * 5000)
    soaking(engine, count=1)
    found = words(engine, "site-2")
    assert "\x1b" not in found
    assert len(found) < 400


def test_a_status_since_a_time_far_ahead_soaks_from_the_end_of_the_canary() -> None:
    engine = fleet(2)
    condition(engine, "site-1", "True", engine.now + timedelta(days=300))
    soaking(engine, count=1)
    engine.wait(minutes=29)
    assert started(engine) == {"site-1"}
    engine.wait(hours=1)
    assert succeeded(engine) == 2


@pytest.mark.parametrize("minutes", [0, 30])
def test_a_condition_that_must_be_false(minutes: int) -> None:
    engine = fleet(2)
    condition(engine, "site-1", "True")
    health = {"conditions": [{"type": POWER, "status": "False"}]}
    canaries(engine, count=1, soakMinutes=minutes, health=health)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert words(engine, "site-2").endswith('is "True", not "False"')
    condition(engine, "site-1", "False")
    engine.wait(hours=1)
    assert succeeded(engine) == 2


def observe(engine: InMemoryEngine, name: str, problem: str = "") -> None:
    """The nodes of the canary answer, and the members behind it are decided on again."""
    cluster = engine.cluster(name)
    assert cluster is not None
    if engine.observations.note(ObservedCheck.NODES, cluster, HealthFinding(problem), engine.now):
        engine.touch("uid-a")


def to_observe(engine: InMemoryEngine) -> set[tuple[str, str]]:
    found = list(engine.policy_gates.to_observe(engine.now))
    assert all(each.checks for each in found)
    return {(each.rollout, each.cluster.name) for each in found}


def nodes_asked(engine: InMemoryEngine, minutes: int = 30) -> None:
    canaries(
        engine, count=2, soakMinutes=minutes, health={"nodes": True, "clusterOperators": False}
    )
    engine.apply(ibgu("a", "Prep", concurrency=2))


def test_canaries_are_observed_from_their_success_until_all_have_started() -> None:
    engine = fleet(4)
    nodes_asked(engine, minutes=0)
    assert to_observe(engine) == set()
    engine.until(Kind.FINISHED)
    engine.settle()
    both = {("uid-a", "site-1"), ("uid-a", "site-2")}
    assert to_observe(engine) == both
    observe(engine, "site-1")
    observe(engine, "site-2")
    engine.wait(minutes=1)
    assert started(engine) == set(engine.spokes)
    assert to_observe(engine) == set()
    engine.wait(hours=2)
    assert succeeded(engine) == 4
    assert to_observe(engine) == set()


def test_nodes_that_nobody_has_read_keep_the_others() -> None:
    engine = fleet(4)
    nodes_asked(engine)
    engine.wait(hours=3)
    assert words(engine, "site-3") == (
        "the canaries must stay well, and site-1 is not: ibgu has not read its nodes yet; 1 more "
        "is not well"
    )


def test_answers_without_a_break_let_the_others_start_after_the_soak() -> None:
    engine = fleet(4)
    nodes_asked(engine)
    engine.until(Kind.FINISHED)
    for minute in range(60):
        observe(engine, "site-1", "1 of 2 nodes are ready" if minute == 20 else "")
        observe(engine, "site-2")
        engine.wait(minutes=1)
        assert len(started(engine)) == (4 if minute >= 50 else 2), minute


def test_silence_keeps_the_others_though_the_soak_would_be_over() -> None:
    engine = fleet(4)
    nodes_asked(engine)
    engine.until(Kind.FINISHED)
    observe(engine, "site-1")
    observe(engine, "site-2")
    engine.wait(hours=3)
    assert "its nodes are not known since" in words(engine, "site-3")


def test_a_restart_begins_the_soak_of_what_was_only_observed_again() -> None:
    engine = fleet(4)
    nodes_asked(engine)
    engine.until(Kind.FINISHED)
    for minute in range(60):
        if minute == 25:
            engine.restart()
        observe(engine, "site-1")
        observe(engine, "site-2")
        engine.wait(minutes=1)
        assert len(started(engine)) == (4 if minute >= 54 else 2), minute


def test_a_canary_that_is_gone_or_failed_is_not_observed() -> None:
    engine = fleet(6)
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    canaries(engine, count=3, health={"nodes": True})
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    del engine.spokes["site-1"]
    assert to_observe(engine) == {("uid-a", "site-3")}


def test_rollouts_that_the_policy_does_not_hold_are_not_observed() -> None:
    engine = fleet(4)
    north = {"matchLabels": {"tier": "edge"}}
    health = {"nodes": True}
    canaries(engine, count=1, health=health, spec={"rollouts": {"selector": north}})
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.FINISHED)
    assert to_observe(engine) == set()


def test_steps_beyond_those_that_are_remembered_are_asked_about_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 1)
    engine = fleet(4)
    canaries(engine, count=1, health={"nodes": True})
    half = ([LabelSelector({"name": f"site-{n}"}) for n in each] for each in ((1, 2), (3, 4)))
    for name, selectors in zip("ab", half, strict=True):
        engine.apply(ibgu(name, "Prep", selectors=selectors))
    engine.wait(hours=1)
    engine.touch_everything()
    engine.settle()
    assert len(to_observe(engine)) == 1


def test_an_agent_that_answers_the_same_after_a_long_silence_frees_the_others() -> None:
    """The soak has ended meanwhile."""
    engine = fleet(2)
    canaries(engine, count=1, soakMinutes=30, health={"nodes": True})
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()
    for _ in range(20):
        observe(engine, "site-1")
        engine.wait(minutes=1)
    engine.wait(minutes=30)
    assert "the last answer is too old" in words(engine, "site-2")
    for _ in range(40):
        observe(engine, "site-1")
        engine.wait(minutes=1)
    assert succeeded(engine) == 2


def test_a_break_whose_end_is_dated_far_ahead_soaks_from_when_it_was_seen() -> None:
    engine = fleet(2)
    condition(engine, "site-1", "False")
    soaking(engine, count=1)
    engine.wait(minutes=40)
    condition(engine, "site-1", "True", engine.now + timedelta(days=1))
    engine.wait(minutes=29)
    assert started(engine) == {"site-1"}
    engine.wait(hours=1)
    assert succeeded(engine) == 2


def test_times_far_ahead_are_kept_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries_state, "MAX_AHEAD", 1)
    engine = fleet(3)
    for name in ("site-1", "site-2"):
        condition(engine, name, "True", engine.now + timedelta(days=1))
    soaking(engine)
    engine.wait(hours=1)
    assert started(engine) == {"site-1", "site-2"}, "the soak begins again each time"


QUERY = MetricQuestion("thanos", "up")
CELLS = MetricQuestion("noc", "cells_up")
ASKED: dict[str, Any] = {
    "metrics": [{"source": each.source, "query": each.query} for each in (QUERY, CELLS)]
}


def answer(engine: InMemoryEngine, question: MetricQuestion, problem: str = "") -> None:
    """The source says of the first canary whether it is well."""
    cluster = engine.cluster("site-1")
    assert cluster is not None
    if engine.observations.note(question, cluster, HealthFinding(problem), engine.now):
        engine.touch("uid-a")


def test_sources_are_asked_what_the_policy_names() -> None:
    engine = fleet(3)
    canaries(engine, count=1, health=ASKED)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()
    [found] = engine.policy_gates.to_observe(engine.now)
    assert found.questions == (QUERY, CELLS)
    assert not found.checks


def test_all_sources_must_say_so_for_the_whole_soak() -> None:
    engine = fleet(3)
    canaries(engine, count=1, soakMinutes=30, health=ASKED)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()
    for minute in range(70):
        answer(engine, QUERY)
        if minute >= 10:
            answer(engine, CELLS, "3 cells are down" if minute == 30 else "")
        engine.wait(minutes=1)
        if minute < 9:
            assert words(engine, "site-2").endswith("ibgu has not asked the source noc yet")
        if minute == 30:
            assert words(engine, "site-2").endswith("site-1 is not: 3 cells are down")
        assert len(started(engine)) == (3 if minute >= 60 else 1), minute
