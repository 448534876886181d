"""An error of ours: whose it is, what people read of it, and when it is tried again."""

from random import Random

import pytest
from structlog.testing import capture_logs

from ibgu.controller.quarantine import (
    CHANGED,
    MAX_DELAY,
    MIN_DELAY,
    Quarantine,
    RolloutError,
    attributed_to,
    broken_of,
)
from ibgu.core.engine.state import UnreadableRollout
from ibgu.core.plan import problem
from ibgu.hub.errors import HubError


class Known(Quarantine):
    """A quarantine with a clock of its own."""

    def __init__(self) -> None:
        super().__init__(Random(0))
        self.time = 0.0
        self._now = lambda: self.time


@pytest.fixture
async def quarantine() -> Known:
    return Known()


def error(rollout: str = "r") -> RolloutError:
    return RolloutError(rollout, "KeyError in ibgu.core, line 1")


def test_an_error_is_described_by_its_place_and_not_its_message() -> None:
    with pytest.raises(RolloutError) as caught, attributed_to("r"):
        problem(None, [])  # type: ignore[arg-type]
    assert caught.value.rollout == "r"
    assert caught.value.words.startswith("TypeError in ibgu.core.plan")
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize(
    "other", [error("inner"), HubError(500, "Refused", "no"), MemoryError(), KeyboardInterrupt()]
)
def test_errors_outside_a_rollout_are_not_attributed(other: BaseException) -> None:
    with pytest.raises(type(other)) as caught, attributed_to("r"):
        raise other
    assert caught.value is other


def test_all_of_a_group_are_found() -> None:
    inner = ExceptionGroup("inner", [error("b"), ValueError()])
    assert [e.rollout for e in broken_of(ExceptionGroup("", [error("a"), inner]))] == ["a", "b"]


def test_a_quarantined_rollout_stays_so_until_its_time_comes(quarantine: Known) -> None:
    pause = quarantine.put(error(), "default")
    assert MIN_DELAY / 2 <= pause <= MIN_DELAY
    assert ("r" in quarantine, "other" in quarantine, list(quarantine), len(quarantine)) == (
        True,
        False,
        ["r"],
        1,
    )
    assert quarantine.error_of("r") == error().words

    quarantine.time = pause - 0.1
    quarantine.release_due()
    assert (quarantine.due, "r" in quarantine) == (False, True)

    quarantine.time = pause
    assert quarantine.due
    quarantine.release_due()
    assert (quarantine.due, "r" in quarantine, len(quarantine)) == (False, False, 0)


def test_each_failure_waits_longer_until_it_was_well_for_long(quarantine: Known) -> None:
    pauses = []
    for _ in range(8):
        pauses.append(quarantine.put(error(), "default"))
        quarantine.time += pauses[-1]
        quarantine.release_due()
    assert all(MIN_DELAY / 2 * 2**n <= pauses[n] <= MIN_DELAY * 2**n for n in range(5))
    assert MAX_DELAY / 2 <= pauses[-1] <= MAX_DELAY

    quarantine.time += 2 * MAX_DELAY
    assert quarantine.put(error(), "default") <= MIN_DELAY


@pytest.mark.parametrize("tries", [1, 3])
def test_a_change_of_the_ibgu_brings_the_next_try(quarantine: Known, tries: int) -> None:
    """The tries do not become more often, as someone may change it again and again."""
    for _ in range(tries):
        quarantine.put(error(), "default")
    quarantine.changed("other")
    quarantine.changed("r")
    quarantine.time = CHANGED * 2 ** (tries - 1) / 2 - 0.1
    assert not quarantine.due
    quarantine.time = CHANGED * 2 ** (tries - 1)
    assert quarantine.due


def test_best_effort_errors_are_logged_and_quarantine_nothing(quarantine: Known) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            with quarantine.best_effort("r"):
                problem(None, [])  # type: ignore[arg-type]
    [line] = logs
    assert line["error"].startswith("TypeError in ibgu.core.plan")
    assert "r" not in quarantine


def test_errors_of_a_quarantined_rollout_do_not_count(quarantine: Known) -> None:
    with pytest.raises(RolloutError), quarantine.tolerate("r"):
        raise KeyError
    quarantine.put(error(), "default")
    with quarantine.tolerate("r"):
        raise KeyError


def test_quarantined_rollouts_are_counted_by_namespace(quarantine: Known) -> None:
    """The owner of a deleted IBGU's rollout is known, too; those whom nobody knows count as one."""
    for rollout, namespace in {"a": "x", "b": "x", "c": "y", "d": None, "e": None}.items():
        quarantine.put(error(rollout), namespace)
    quarantine.put(error("a"), None)
    assert quarantine.namespaces == {"x": 2, "y": 1, "": 2}
    quarantine.time = MAX_DELAY
    quarantine.release_due()
    assert quarantine.namespaces == {}


def unreadable(uid: str) -> UnreadableRollout:
    return UnreadableRollout(
        uid=uid, namespace="x", name=uid, error="no spec", claims={}, cancellers={}
    )


def test_unreadable_rollouts_are_quarantined_until_readable(quarantine: Known) -> None:
    """Reported once; it costs the others nothing, so it does not count against its namespace, and
    is not retried by time, nor by a change of the IBGU."""
    with capture_logs() as logs:
        quarantine.unreadable([unreadable("a"), unreadable("b")])
        quarantine.unreadable([unreadable("a"), unreadable("b")])
    assert [(line["rollout"], line["error"]) for line in logs] == [
        ("x/a", "no spec"),
        ("x/b", "no spec"),
    ]
    quarantine.put(error(), "default")
    assert list(quarantine) == ["a", "b", "r"]
    assert (quarantine.untouchable("a"), quarantine.untouchable("r")) == (True, False)
    assert "(no spec)" in quarantine.error_of("a")
    assert "docs/recovery.md" in quarantine.error_of("a")
    assert quarantine.namespaces == {"default": 1}
    quarantine.changed("a")
    quarantine.time = MAX_DELAY
    quarantine.release_due()
    assert (list(quarantine), quarantine.due) == (["a", "b"], False)

    quarantine.readable_again()
    assert (quarantine.due, "a" in quarantine) == (True, True), "until the journal is loaded again"
    quarantine.unreadable([unreadable("b")])
    assert (quarantine.due, list(quarantine)) == (False, ["b"])


def test_a_rollout_with_an_unstorable_hold_is_not_held_again(quarantine: Known) -> None:
    """Only the hold of a quarantined rollout is decided: that failed, too. The next try counts
    again."""
    for unstorable in (False, True):
        pause = quarantine.put(error(), "default")
        assert quarantine.untouchable("r") is unstorable
    quarantine.time = pause
    quarantine.release_due()
    assert not quarantine.untouchable("r")
    quarantine.put(error(), "default")
    assert not quarantine.untouchable("r")
