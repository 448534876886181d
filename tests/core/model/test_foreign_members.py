"""Members of rollouts that the reader may not read: words of gates and holds are left out."""

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Reason, ReasonKind, RunResult
from ibgu.core.model.claims import LAST_SEEN, without_names
from tests.core.engine.state.records import NOW, failed, in_flight, member

SECRET = "theirs/secret"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (ReasonKind.BUSY, f"about {SECRET}"),
        (ReasonKind.CLAIM, "a rollout of another namespace works on the cluster"),
        (ReasonKind.GATE, ""),
        (ReasonKind.PREFLIGHT, ""),
        (ReasonKind.PAUSED, ""),
    ],
)
def test_words_of_gates_and_holds_are_left_out(kind: ReasonKind, shown: str) -> None:
    waits = member("site-1", reason=Reason(kind, NOW, f"about {SECRET}", gate="policy-secret"))
    assert without_names(waits).reason.message == shown


@pytest.mark.parametrize(
    ("cause", "message", "shown"),
    [
        (Cause.NEVER_STARTED, f"never started: {SECRET} works on it", "never started"),
        (Cause.TIMED_OUT, f"too late{LAST_SEEN}{SECRET} goes first", "too late"),
        (Cause.PREP_FAILED, "precache: no space", "precache: no space"),
        (Cause.CANCELLED, SECRET, "cancelled by a rollout of another namespace"),
    ],
)
def test_the_last_reason_before_an_end_is_left_out(cause: Cause, message: str, shown: str) -> None:
    over = failed("site-1", Action.PREP, cause=cause, message=message)
    assert without_names(over).message == shown


def test_a_run_ends_without_the_last_reason_too() -> None:
    over = failed("site-1", Action.PREP, result=RunResult.LIMIT)
    assert over.run is not None
    assert without_names(over).run == over.run


def test_an_open_run_has_no_message_to_leave_out() -> None:
    running = in_flight()
    assert without_names(running).run is running.run
