"""The circuit breaker of each step is counted again from the history (R19.1, R19.2)."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.oracle import Event, stories
from tests.oracle.breaks import drop, place, unheld
from tests.oracle.logs import certify, log_of, told

FAILED = range(3, 8)
IN_A_ROW = (
    "after 5 clusters in a row have failed with UpgradeFailed, and no circuit breaker held it"
)


def upgraded(*bad: int, stage: Stage = Stage.UPGRADE, off: str = "") -> list[Event]:
    """Twelve clusters, one after the other, of which these fail. A person resumes twice."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 13)))
    for n in bad:
        engine.spokes[f"site-{n}"].faults[stage] = "fail"
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=9000))
    if off:
        engine.annotate(uid, circuit_breaker=off)
    for resume in ("1", "2"):
        engine.wait(days=1)
        engine.annotate(uid, resume=resume)
    engine.wait(days=1)
    return log_of(engine)


def found(log: Sequence[Event]) -> list[str]:
    return [each.words for each in certify(log).violations if "circuit breaker" in each.words]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (FAILED, f"site-8 starts Prep {IN_A_ROW}"),
        (range(1, 6), "site-6 starts Prep after its first 5 clusters have failed, and no circuit"),
        ((1, 2, 3, 4, 6, 7, 8, 9), ""),
    ],
)
def test_a_start_after_failures_in_a_row_is_found(bad: Sequence[int], words: str) -> None:
    log = upgraded(*bad)
    assert told(certify(log)) == []
    said = found(unheld(log))
    assert bool(said) == bool(words)
    assert not words or said[0].startswith(words)


def test_an_upgrade_inside_a_chain_after_failures_in_a_row_is_found() -> None:
    said = found(unheld(stories.stopped()))
    assert [each.partition(" after ")[0] for each in said] == ["site-7 starts Upgrade"]


def test_failures_of_prep_engage_nothing() -> None:
    log = upgraded(*FAILED, stage=Stage.PREP)
    assert "StepHeld" not in [each.kind for each in log]
    assert told(certify(log)) == []


def test_a_circuit_breaker_that_a_person_has_turned_off_holds_nothing() -> None:
    log = upgraded(*FAILED, off="off")
    assert "StepHeld" not in [each.kind for each in log]
    assert told(certify(log)) == []


def test_a_resume_forgets_the_failures_before() -> None:
    """Five more have to fail before the step is held again."""
    log = upgraded(*range(1, 12))
    assert [each.kind for each in log].count("StepHeld") == 2
    assert told(certify(log)) == []


@pytest.mark.parametrize("hold", ["CircuitBreaker", "SeedCircuitBreaker", "PayloadChanged"])
def test_a_hold_that_ends_by_itself_is_found(hold: str) -> None:
    story = {
        "CircuitBreaker": stories.stopped,
        "SeedCircuitBreaker": stories.stopped_by_its_seed,
        "PayloadChanged": stories.held,
    }[hold]
    said = [each.words for each in certify(drop("ControlAccepted")(story())).violations]
    assert f"behind a hold that nobody has ended: {hold}" in said[0]


def test_a_late_success_is_no_failure() -> None:
    log = unheld(upgraded(*FAILED))
    assert found(log)
    end = place(log, "MemberFinished", "site-7")
    late = replace(log[end], kind="CompletedLate", data={**log[end].data, "late": "late"})
    other = replace(late, cluster="site-9", cluster_uid="uid-site-9")
    assert found([*log[: end + 1], late, *log[end + 1 :]]) == []
    assert found([*log[: end + 1], other, *log[end + 1 :]])


def test_nothing_is_counted_of_what_the_history_lacks() -> None:
    log = unheld(upgraded(*FAILED))
    at = place(log, "RunIntended", "site-8")
    restored = replace(log[at], kind="RolloutHeld", step=None, data={"hold": "Restored"})
    released = replace(restored, kind="RolloutReleased", data={})
    assert found([*log[:at], restored, released, *log[at:]]) == []
