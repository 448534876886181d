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
    SourceQuestion,
    WebhookQuestion,
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


def condition(twin: InMemoryEngine, name: str, status: str, since: datetime | None = None) -> None:
    """The ManagedCluster gets the condition; `since`: now, if it is not given."""
    others = tuple(each for each in twin.conditions.get(name, ()) if each.type != POWER)
    found = ClusterConditionView(POWER, status, twin.now if since is None else since)
    twin.conditions[name] = (*others, found)
    twin.touch_cluster(name)


def soaking(twin: InMemoryEngine, count: int = 2) -> None:
    """The canaries have succeeded, and their condition is asked for."""
    health = {"conditions": [{"type": POWER}]}
    canaries(twin, count=count, soakMinutes=30, health=health)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()


def test_a_condition_must_be_true_of_every_canary_for_the_soak() -> None:
    twin = fleet(4)
    for name in ("site-1", "site-2"):
        condition(twin, name, "True")
    soaking(twin)
    assert words(twin, "site-3") == (
        "the canaries have succeeded, and must stay well until 2026-01-01T00:31:01Z"
    )
    twin.wait(minutes=29)
    assert started(twin) == {"site-1", "site-2"}
    twin.wait(hours=1)
    assert succeeded(twin) == 4


def test_the_soak_begins_again_after_a_break_of_a_condition() -> None:
    twin = fleet(4)
    for name in ("site-1", "site-2"):
        condition(twin, name, "True")
    soaking(twin)
    twin.wait(minutes=20)
    condition(twin, "site-2", "False")
    twin.wait(hours=3)
    assert words(twin, "site-3") == (
        "the canaries must stay well, and site-2 is not: condition example.com/Power of the "
        'ManagedCluster is "False", not "True"'
    )
    condition(twin, "site-2", "True")
    twin.wait(minutes=29)
    assert started(twin) == {"site-1", "site-2"}
    twin.wait(hours=1)
    assert succeeded(twin) == 4


def test_a_condition_that_no_canary_has_keeps_the_others() -> None:
    twin = fleet(4)
    soaking(twin)
    twin.wait(hours=3)
    assert words(twin, "site-3") == (
        "the canaries must stay well, and site-1 is not: the ManagedCluster has no condition "
        "example.com/Power; 1 more is not well"
    )


def test_more_canaries_that_are_not_well_are_counted() -> None:
    twin = fleet(4)
    soaking(twin, count=3)
    assert words(twin, "site-4").endswith("; 2 more are not well")


def test_a_status_is_shown_harmless_and_short() -> None:
    twin = fleet(2)
    condition(twin, "site-1", "\x1b" + "x" * 5000)
    soaking(twin, count=1)
    found = words(twin, "site-2")
    assert "\x1b" not in found
    assert len(found) < 400


def test_a_status_since_a_time_far_ahead_soaks_from_the_end_of_the_canary() -> None:
    twin = fleet(2)
    condition(twin, "site-1", "True", twin.now + timedelta(days=300))
    soaking(twin, count=1)
    twin.wait(minutes=29)
    assert started(twin) == {"site-1"}
    twin.wait(hours=1)
    assert succeeded(twin) == 2


@pytest.mark.parametrize("minutes", [0, 30])
def test_a_condition_that_must_be_false(minutes: int) -> None:
    twin = fleet(2)
    condition(twin, "site-1", "True")
    health = {"conditions": [{"type": POWER, "status": "False"}]}
    canaries(twin, count=1, soakMinutes=minutes, health=health)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    assert words(twin, "site-2").endswith('is "True", not "False"')
    condition(twin, "site-1", "False")
    twin.wait(hours=1)
    assert succeeded(twin) == 2


def observe(twin: InMemoryEngine, name: str, problem: str = "") -> None:
    """The nodes of the canary answer, and the members behind it are decided on again."""
    cluster = twin.cluster(name)
    assert cluster is not None
    if twin.observations.note(ObservedCheck.NODES, cluster, HealthFinding(problem), twin.now):
        twin.touch("uid-a")


def to_observe(twin: InMemoryEngine) -> set[tuple[str, str]]:
    found = list(twin.policy_gates.to_observe(twin.now))
    assert all(each.checks for each in found)
    return {(each.rollout, each.cluster.name) for each in found}


def nodes_asked(twin: InMemoryEngine, minutes: int = 30) -> None:
    canaries(twin, count=2, soakMinutes=minutes, health={"nodes": True, "clusterOperators": False})
    twin.apply(ibgu("a", "Prep", concurrency=2))


def test_canaries_are_observed_from_their_success_until_all_have_started() -> None:
    twin = fleet(4)
    nodes_asked(twin, minutes=0)
    assert to_observe(twin) == set()
    twin.until(Kind.FINISHED)
    twin.settle()
    both = {("uid-a", "site-1"), ("uid-a", "site-2")}
    assert to_observe(twin) == both
    observe(twin, "site-1")
    observe(twin, "site-2")
    twin.wait(minutes=1)
    assert started(twin) == set(twin.spokes)
    assert to_observe(twin) == set()
    twin.wait(hours=2)
    assert succeeded(twin) == 4
    assert to_observe(twin) == set()


def test_nodes_that_nobody_has_read_keep_the_others() -> None:
    twin = fleet(4)
    nodes_asked(twin)
    twin.wait(hours=3)
    assert words(twin, "site-3") == (
        "the canaries must stay well, and site-1 is not: ibgu has not read its nodes yet; 1 more "
        "is not well"
    )


def test_answers_without_a_break_let_the_others_start_after_the_soak() -> None:
    twin = fleet(4)
    nodes_asked(twin)
    twin.until(Kind.FINISHED)
    for minute in range(60):
        observe(twin, "site-1", "1 of 2 nodes are ready" if minute == 20 else "")
        observe(twin, "site-2")
        twin.wait(minutes=1)
        assert len(started(twin)) == (4 if minute >= 50 else 2), minute


def test_silence_keeps_the_others_though_the_soak_would_be_over() -> None:
    twin = fleet(4)
    nodes_asked(twin)
    twin.until(Kind.FINISHED)
    observe(twin, "site-1")
    observe(twin, "site-2")
    twin.wait(hours=3)
    assert "its nodes are not known since" in words(twin, "site-3")


def test_a_restart_begins_the_soak_of_what_was_only_observed_again() -> None:
    twin = fleet(4)
    nodes_asked(twin)
    twin.until(Kind.FINISHED)
    for minute in range(60):
        if minute == 25:
            twin.restart()
        observe(twin, "site-1")
        observe(twin, "site-2")
        twin.wait(minutes=1)
        assert len(started(twin)) == (4 if minute >= 54 else 2), minute


def test_a_canary_that_is_gone_or_failed_is_not_observed() -> None:
    twin = fleet(6)
    twin.spokes["site-2"].faults[Stage.PREP] = "fail"
    canaries(twin, count=3, health={"nodes": True})
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    del twin.spokes["site-1"]
    assert to_observe(twin) == {("uid-a", "site-3")}


def test_rollouts_that_the_policy_does_not_hold_are_not_observed() -> None:
    twin = fleet(4)
    north = {"matchLabels": {"tier": "edge"}}
    health = {"nodes": True}
    canaries(twin, count=1, health=health, spec={"rollouts": {"selector": north}})
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.FINISHED)
    assert to_observe(twin) == set()


def test_steps_beyond_those_that_are_remembered_are_asked_about_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 1)
    twin = fleet(4)
    canaries(twin, count=1, health={"nodes": True})
    half = ([LabelSelector({"name": f"site-{n}"}) for n in each] for each in ((1, 2), (3, 4)))
    for name, selectors in zip("ab", half, strict=True):
        twin.apply(ibgu(name, "Prep", selectors=selectors))
    twin.wait(hours=1)
    twin.touch_everything()
    twin.settle()
    assert len(to_observe(twin)) == 1


def test_an_agent_that_answers_the_same_after_a_long_silence_frees_the_others() -> None:
    """The soak has ended meanwhile."""
    twin = fleet(2)
    canaries(twin, count=1, soakMinutes=30, health={"nodes": True})
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()
    for _ in range(20):
        observe(twin, "site-1")
        twin.wait(minutes=1)
    twin.wait(minutes=30)
    assert "the last answer is too old" in words(twin, "site-2")
    for _ in range(40):
        observe(twin, "site-1")
        twin.wait(minutes=1)
    assert succeeded(twin) == 2


def test_a_break_whose_end_is_dated_far_ahead_soaks_from_when_it_was_seen() -> None:
    twin = fleet(2)
    condition(twin, "site-1", "False")
    soaking(twin, count=1)
    twin.wait(minutes=40)
    condition(twin, "site-1", "True", twin.now + timedelta(days=1))
    twin.wait(minutes=29)
    assert started(twin) == {"site-1"}
    twin.wait(hours=1)
    assert succeeded(twin) == 2


def test_times_far_ahead_are_kept_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries_state, "MAX_AHEAD", 1)
    twin = fleet(3)
    for name in ("site-1", "site-2"):
        condition(twin, name, "True", twin.now + timedelta(days=1))
    soaking(twin)
    twin.wait(hours=1)
    assert started(twin) == {"site-1", "site-2"}, "the soak begins again each time"


QUERY = MetricQuestion("thanos", "up")
ASKED: dict[str, Any] = {
    "metrics": [{"source": "thanos", "query": "up"}],
    "webhook": {"source": "noc"},
}


def answer(twin: InMemoryEngine, question: SourceQuestion, problem: str = "") -> None:
    """The source says of the first canary whether it is well."""
    cluster = twin.cluster("site-1")
    assert cluster is not None
    if twin.observations.note(question, cluster, HealthFinding(problem), twin.now):
        twin.touch("uid-a")


def test_sources_are_asked_about_each_policy_and_step() -> None:
    twin = fleet(3)
    canaries(twin, count=1, health=ASKED)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()
    [found] = twin.policy_gates.to_observe(twin.now)
    [policy] = {each.policy for each in found.questions if isinstance(each, WebhookQuestion)}
    assert found.questions == (QUERY, WebhookQuestion("noc", policy, "uid-a", 0))
    assert not found.checks


def test_all_sources_must_say_so_for_the_whole_soak() -> None:
    twin = fleet(3)
    canaries(twin, count=1, soakMinutes=30, health=ASKED)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()
    [found] = twin.policy_gates.to_observe(twin.now)
    _, noc = found.questions
    for minute in range(70):
        answer(twin, QUERY)
        if minute >= 10:
            answer(twin, noc, "3 cells are down" if minute == 30 else "")
        twin.wait(minutes=1)
        if minute < 9:
            assert words(twin, "site-2").endswith("ibgu has not asked the source noc yet")
        if minute == 30:
            assert words(twin, "site-2").endswith("site-1 is not: 3 cells are down")
        assert len(started(twin)) == (3 if minute >= 60 else 1), minute
