"""A rollout that only waits is told from one that moves."""

import pytest

from ibgu.core.model import MemberState, ReasonKind
from ibgu.core.views.standstill import Unfinished, only_waits

SLOTS = 2


def waiting(kind: ReasonKind) -> Unfinished:
    return Unfinished(MemberState.WAITING, kind, 3)


def in_flight(kind: ReasonKind, count: int = SLOTS) -> Unfinished:
    return Unfinished(MemberState.IN_FLIGHT, kind, count)


@pytest.mark.parametrize("kind", [ReasonKind.GATE, ReasonKind.WARNING, ReasonKind.UNREACHABLE])
def test_members_that_are_kept_only_wait(kind: ReasonKind) -> None:
    assert only_waits([waiting(kind)], SLOTS)


@pytest.mark.parametrize(
    "kind",
    [
        ReasonKind.SLOT,
        ReasonKind.PROBING,
        ReasonKind.READY,
        ReasonKind.START_JITTER,
        ReasonKind.REOPENING,
        ReasonKind.START_RATE,
        ReasonKind.HUB_START_RATE,
        ReasonKind.RAMP_UP,
    ],
)
def test_one_member_that_starts_in_its_turn_is_enough_to_move(kind: ReasonKind) -> None:
    assert not only_waits([waiting(ReasonKind.GATE), waiting(kind)], SLOTS)


@pytest.mark.parametrize("kind", [ReasonKind.RUNNING, ReasonKind.DISARMING, ReasonKind.FORBIDDEN])
def test_one_member_at_work_is_enough_to_move(kind: ReasonKind) -> None:
    found = [waiting(ReasonKind.GATE), in_flight(ReasonKind.GATE, 1), in_flight(kind, 1)]
    assert not only_waits(found, SLOTS)


def test_a_cluster_that_may_reboot_for_a_withdrawn_upgrade_is_no_standstill() -> None:
    found = [waiting(ReasonKind.GATE), waiting(ReasonKind.REBOOTING)]
    assert not only_waits(found, SLOTS)
    assert not only_waits([in_flight(ReasonKind.GATE), *found], SLOTS)


def test_members_kept_between_two_actions_only_wait() -> None:
    assert only_waits([in_flight(ReasonKind.GATE, 1)], SLOTS)


def test_kept_members_with_all_slots_keep_those_that_wait_for_one() -> None:
    behind = waiting(ReasonKind.SLOT)
    assert only_waits([in_flight(ReasonKind.GATE), behind], SLOTS)
    assert not only_waits([in_flight(ReasonKind.GATE, SLOTS - 1), behind], SLOTS)
    assert not only_waits([in_flight(ReasonKind.GATE), waiting(ReasonKind.REOPENING)], SLOTS)


def test_a_step_without_unfinished_members_does_not_wait() -> None:
    assert not only_waits([], SLOTS)
