"""Commands that wait: for an API that is away, and for the step that a change has appended."""

from collections.abc import Callable
from typing import cast

import pytest
from msgspec import Struct

from ibgu.cli.change import controls, following
from ibgu.cli.read import polling, waiting
from ibgu.cli.read.verdict import WaitResult
from ibgu.cli.show.form import Form
from ibgu.cli.show.status import StatusSnapshot
from ibgu.client import RestError
from ibgu.client.responses import (
    CountsResponse,
    ReasonCountResponse,
    SkipRequest,
    StepResponse,
)

AWAY, UNKNOWN = RestError("away", 503), RestError("unknown", 404)
OUTAGE = polling.Outage()


class Seen(Struct, frozen=True):
    facts: object = None


def answers(*given: RestError | Seen) -> Callable[[], Seen]:
    """Each is given once; the last one for ever."""
    left = list(given)

    def poll() -> Seen:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, RestError):
            raise found
        return found

    return poll


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "REFRESH_SECONDS", 0.001)


@pytest.mark.parametrize("seconds", [None, 60.0])
@pytest.mark.parametrize("first", [AWAY, UNKNOWN])
def test_a_rollout_that_is_not_there_at_first_is_waited_for(
    first: RestError, seconds: float | None
) -> None:
    assert next(polling.polls_until(answers(first, first, Seen()), seconds, OUTAGE)) == Seen()


@pytest.mark.parametrize(
    ("first", "seconds", "ends"),
    [(AWAY, None, RestError), (UNKNOWN, 0.05, RestError), (AWAY, 0.05, polling.TimeIsUpError)],
)
def test_the_wait_is_brief_or_lasts_until_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
    first: RestError,
    seconds: float | None,
    ends: type[Exception],
) -> None:
    monkeypatch.setattr(polling, "UNKNOWN_SECONDS", -1.0)
    with pytest.raises(ends):
        next(polling.polls_until(answers(first), seconds, OUTAGE))


def test_an_outage_is_said_once_and_so_is_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A screen full of one line hid what had been there before."""
    busy = RestError("busy", 429)
    found = polling.polls(answers(Seen(1), AWAY, AWAY, busy, busy, Seen(2)), polling.Outage())
    assert [next(found).facts, next(found).facts] == [1, 2]
    said = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in said] == [
        "away",
        "busy",
        "the REST API answers again",
    ]
    assert said[0].startswith("ibgu: no answer since ")


@pytest.mark.parametrize(
    ("found", "plan", "late", "judged"),
    [
        (WaitResult.SUCCEEDED, 2, False, WaitResult.SUCCEEDED),
        (WaitResult.SUCCEEDED, 1, False, None),
        (WaitResult.SUCCEEDED, 1, True, WaitResult.SUCCEEDED),
        (WaitResult.STOPPED, 1, False, WaitResult.STOPPED),
        (None, 1, True, None),
    ],
)
def test_a_rollout_is_over_once_the_appended_step_is(
    monkeypatch: pytest.MonkeyPatch,
    found: WaitResult | None,
    plan: int,
    *,
    late: bool,
    judged: WaitResult | None,
) -> None:
    """Until ibgu has read the new plan, the step before may have completed the rollout."""

    class Rollout(Struct):
        plan: list[str]

    class Snapshot(Struct):
        rollout: Rollout

    monkeypatch.setattr(following, "verdict", lambda seen: found)
    until = 0.0 if late else float("inf")
    seen = cast("StatusSnapshot", Snapshot(Rollout(["step"] * plan)))
    assert following._judged(2, until, seen) is judged


@pytest.mark.parametrize(
    ("body", "clusters"),
    [
        (SkipRequest(clusters=("a", "b")), 2),
        (SkipRequest(), 7),
        (SkipRequest(reason="Unreachable"), 3),
        (SkipRequest(reason="Busy"), 0),
    ],
)
def test_a_skip_counts_the_clusters_that_it_names(body: SkipRequest, clusters: int) -> None:
    counts = CountsResponse(total=9, waiting=7)
    reasons = (ReasonCountResponse(kind="Unreachable", count=3),)
    running = StepResponse(step=1, state="running", counts=counts, reasons=reasons)
    assert controls._skips(body, running) == clusters


DONE, STOPPED = WaitResult.SUCCEEDED, WaitResult.STOPPED


@pytest.mark.parametrize(
    ("judged", "result", "polls"),
    [
        ([None, DONE, DONE], DONE, 3),
        ([DONE], DONE, 10),
        ([STOPPED, STOPPED, None, DONE, STOPPED, DONE], DONE, 7),
    ],
)
def test_a_rollout_that_is_over_at_once_is_read_for_longer(
    judged: list[WaitResult | None], result: WaitResult, polls: int
) -> None:
    """A step that was appended while the controller was replaced was not waited for."""
    assert waited(judged) == (result, polls)


def test_the_time_to_wait_cuts_that_short() -> None:
    assert waited([DONE], most=3) == (DONE, 3)
    assert waited([DONE], most=1) == (DONE, 1)
    assert waited([None], most=1) == (WaitResult.TIMED_OUT, 1)
    assert waited([None, DONE], most=2) == (WaitResult.TIMED_OUT, 2)
    assert waited([None], most=3) == (WaitResult.TIMED_OUT, 3)


def waited(judged: list[WaitResult | None], most: int = 99) -> tuple[int, int]:
    """The result and the number of polls; the last of `judged` is repeated. After `most` polls the
    time is up."""
    left, count = list(judged), 0

    def judge(_: StatusSnapshot) -> WaitResult | None:
        return left.pop(0) if len(left) > 1 else left[0]

    def poll() -> StatusSnapshot:
        nonlocal count
        if count == most:
            raise polling.TimeIsUpError
        count += 1
        return cast("StatusSnapshot", Seen())

    found = waiting.wait(poll, lambda *_: [], Form.TEXT, None, shown=False, judge=judge)
    return found, count
