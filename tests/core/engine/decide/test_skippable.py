"""The clusters that can be skipped, and how the others are reported."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.decide.rollout.skippable import listed, named, not_waiting, unnamed
from ibgu.core.model import Member, MemberState, Outcome, Reason, ReasonKind, Run, RunState
from tests.members import member_of
from tests.runs import run_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def member(state: MemberState, outcome: Outcome | None = None, run: Run | None = None) -> Member:
    return member_of(
        rollout="u1",
        step=1,
        cluster="s1",
        uid="c1",
        position=0,
        reason=Reason(ReasonKind.SLOT, NOW),
        state=state,
        outcome=outcome,
        run=run,
    )


RUN = run_of(RunState.ARMED, id="1", action=Action.UPGRADE, attempt=1, intended_at=NOW)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "not in step 2"),
        (member(MemberState.WAITING), ""),
        (member(MemberState.IN_FLIGHT, run=RUN), "in flight (Upgrade)"),
        (member(MemberState.FINISHED, Outcome.SUCCEEDED), "succeeded already"),
        (member(MemberState.FINISHED, Outcome.FAILED), "failed already"),
        (
            replace(member(MemberState.FINISHED, Outcome.FAILED), late="completed late"),
            "succeeded already",
        ),
        (member(MemberState.FINISHED, Outcome.CANCELLED), "cancelled already"),
        (member(MemberState.FINISHED, Outcome.SKIPPED), ""),
    ],
)
def test_clusters_that_do_not_wait_are_reported_with_their_state(
    found: Member | None, words: str
) -> None:
    members = {} if found is None else {"s1": found}
    assert not_waiting(["s1"], members, 1) == ({"s1": words} if words else {})


def test_clusters_are_grouped_by_state_and_only_the_first_named() -> None:
    many = {f"s{i}": "not in step 2" for i in range(1, 8)}
    told = listed({"a": "in flight (Prep)", **many})
    assert told == "in flight (Prep): a; not in step 2: s1, s2, s3, s4, s5 and 2 more"


def test_a_time_is_no_cluster() -> None:
    assert named("2026-11-20T02:00:00Z, site-1,site-1,,site.2") == ["site-1", "site.2"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-11-20T02:00:00.123456Z,site-1,,20261120T020000Z", []),
        ("site-0009 spoke1, SITE-0009", ['"site-0009 spoke1"', '"SITE-0009"']),
        ("_" * 100, ['"' + "_" * 40 + '"']),
        ("a\n\x1b[31mb", ['"a �[31mb"']),
    ],
)
def test_parts_that_can_be_no_cluster_are_quoted(value: str, shown: list[str]) -> None:
    assert unnamed(value) == dict.fromkeys(shown, "not the name of a cluster")
