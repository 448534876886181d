"""A policy's circuit breaker is recomputed from the events alone (R50.10)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import DRIVERS, traits
from ibgu.core.drivers.ibu.actions import Stage
from tests.core.engine.decide.builders import SEED_BY_DIGEST
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import set_policies
from tests.core.engine.gates.policies.test_breaker import TAG, fleet, roll
from tests.oracle import (
    Event,
    Findings,
    Rule,
)
from tests.oracle.breaks import place, tells
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import log_of, told
from tests.oracle.test_policies import judged, totals

TWO = {"sameCause": 2}
WORDS = "2 upgrades failed with UpgradeFailed within 1 d with its image"


def unbounded(bad: set[int], image: str = SEED_BY_DIGEST) -> InMemoryEngine:
    """One rollout upgrades twenty clusters one by one, whatever fails: no policy is in force, and
    the step has no circuit breaker."""
    engine = fleet(bad)
    set_policies(engine)
    roll(engine, "a", image)
    engine.annotate("uid-a", circuit_breaker="off")
    engine.wait(hours=30)
    return engine


def words(findings: Findings) -> list[str]:
    assert set(findings.broken) <= {Rule.POLICIES}
    return [each.words.removesuffix(" (RolloutPolicy/network)") for each in findings.violations]


@pytest.mark.parametrize("image", [SEED_BY_DIGEST, TAG])
def test_starts_behind_an_engaged_breaker_are_found(image: str) -> None:
    engine = unbounded({1, 2}, image)
    log = log_of(engine)
    found = words(judged(log, breaker=TWO))
    assert found[0] == f"R50.10: site-03 starts Prep after {WORDS}"
    assert {each.split()[3] for each in found} == {"Prep", "Upgrade"}
    assert told(judged(log, breaker={"sameCause": 3})) == []
    assert told(judged(log, breaker=TWO, actions=["FinalizeUpgrade"])) == []


def test_an_engine_that_keeps_the_breaker_is_certified() -> None:
    engine = fleet({1, 2, 5, 6}, sameCause=2)
    roll(engine, "a", SEED_BY_DIGEST)
    engine.wait(hours=4)
    roll(engine, "b", SEED_BY_DIGEST, "site-20")
    roll(engine, "c", TAG, "site-19")
    engine.wait(hours=4)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=60)
    log = log_of(engine)
    assert [each.cluster for each in log if each.kind == "StepReleased"] == [None]
    assert told(judged(log, breaker=TWO)) == []


def test_failures_of_other_rollouts_count() -> None:
    log = log_of(unbounded({1, 2}))
    moved = [
        replace(each, rollout="uid-b") if each.cluster in ("site-01", "site-02") else each
        for each in log
    ]
    first = next(each for each in log if each.kind == "RolloutSeen")
    other = [replace(first, rollout="uid-b", data={**first.data, "name": "b"}), *moved]
    found = judged(other, breaker=TWO).violations
    assert any(each.words.startswith("R50.10: site-03") for each in found)


def shared(percent: int, minimum: int) -> dict[str, Any]:
    return {"breaker": {"percent": percent, "minimumUpgrades": minimum}}


def test_a_share_counts_all_upgrades_that_have_ended() -> None:
    log = log_of(unbounded({2, 4, 6, 8}))
    found = words(judged(log, **shared(40, 5)))
    assert found[0].startswith(
        "R50.10: site-07 starts Prep after 3 of 6 upgrades failed within 1 d"
    )
    assert told(judged(log, **shared(60, 5))) == []
    assert told(judged(log, **shared(40, 100))) == []


def test_failures_count_together_within_the_window_only() -> None:
    log = log_of(unbounded({1, 4}))
    assert words(judged(log, breaker=TWO)) != []
    assert told(judged(log, breaker={**TWO, "windowMinutes": 10})) == []


def test_failures_that_a_person_has_seen_count_no_longer() -> None:
    log = log_of(unbounded({1, 2}))
    last = place(log, "MemberFinished", "site-02")
    held = place(log, "StepStarted")
    resume = [
        replace(log[held], kind=kind, seq=0, at=log[last].at + timedelta(seconds=1), data=data)
        for kind, data in (
            ("StepHeld", {**log[held].data, "hold": "SeedCircuitBreaker"}),
            ("StepReleased", log[held].data),
        )
    ]
    told_so = numbered([*log[: last + 1], *resume, *log[last + 1 :]])
    assert not breaks(told_so)


def numbered(log: list[Event]) -> list[Event]:
    return [replace(each, seq=number) for number, each in enumerate(log, start=1)]


def test_a_failure_that_was_corrected_counts_no_longer() -> None:
    log = log_of(unbounded({1, 2}))
    end = place(log, "MemberFinished", "site-02")
    late = replace(log[end], kind="CompletedLate", data={"state": "finished", "late": True})
    assert not breaks(numbered([*log[: end + 1], late, *log[end + 1 :]]))


def test_a_run_that_never_reached_its_cluster_counts_for_nothing() -> None:
    log = log_of(unbounded({1, 2}))
    shown = ("RunArmed", "RunAccepted")
    unseen = [each for each in log if (each.cluster, each.kind in shown) != ("site-02", True)]
    assert not breaks(unseen)
    assert not breaks(tells("RunEnded", "site-01", 1, result="withdrawn")(log))
    assert breaks(log)


def breaks(log: list[Event]) -> bool:
    """Whether the certifier finds that a start was against the circuit breaker."""
    return any(each.words.startswith("R50.10") for each in judged(log, breaker=TWO).violations)


def test_clusters_that_labels_choose_are_not_known() -> None:
    log = log_of(unbounded({1, 2}))
    chosen = {"clusters": {"selector": {"matchLabels": {"name": "site-09"}}}}
    findings = judged(log, breaker=TWO, **chosen)
    assert findings.valid
    assert "labels of clusters" in totals(findings).unknown


def test_ways_back_go_on_behind_an_engaged_breaker() -> None:
    engine = fleet({1, 2})
    set_policies(engine)
    engine.spokes["site-01"].faults[Stage.UPGRADE] = "fail"
    steps = ibgu("a", "Prep", "Upgrade", "AbortOnFailure", concurrency=20, timeout=5000)
    engine.apply(steps)
    engine.annotate("uid-a", circuit_breaker="off")
    engine.wait(hours=20)
    assert told(judged(log_of(engine), breaker=TWO)) == []


@pytest.mark.parametrize("kind", DRIVERS)
def test_each_kind_has_written_down_what_brings_an_image_twice(kind: str) -> None:
    table = DRIVERS[kind].actions
    assert PROOFS[kind].brings == {name for name in table.names if traits(name).brings}
