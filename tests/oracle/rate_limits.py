"""Checks the rate limits that annotations ask for (R18.3, R18.4): starts in a minute, and how many
are in flight in a ramp-up."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ibgu.core.model.names import RAMP_UP, STARTS_PER_MINUTE
from tests.oracle.audit import MemberEventContext
from tests.oracle.cases import RolloutCase
from tests.oracle.rules import Rule

_MINUTE = timedelta(minutes=1)
_RATE = re.compile(r"0*([1-9]\d{0,5})")
_ENDED = frozenset({"succeeded", "failed"})


def follow(rollout: RolloutCase, controls: Mapping[str, Any]) -> None:
    """Notes what the annotations ask for. One that can't be read asks for nothing here."""
    rate = _RATE.fullmatch(str(controls.get(STARTS_PER_MINUTE, "")).strip())
    rollout.starts_per_minute = int(rate[1]) if rate else 0
    rollout.ramp_up = str(controls.get(RAMP_UP, "")).strip().lower() == "true"


def started(spot: MemberEventContext) -> None:
    """Checks that the member, which has its slot by now, may start beside the others. What a
    restore or a takeover has brought is not judged."""
    rollout, step = spot.rollout, spot.step
    limited = not spot.proofs.rate_limited.isdisjoint(step.actions)
    if not limited or rollout.restored or not step.whole:
        return
    _check_rate(spot)
    _check_ramp_up(spot)
    run = spot.member.run
    if run is None or run.result != "succeeded":  # Else a restart forgets that it started twice.
        rollout.starts.append(spot.event.at)


def ended(spot: MemberEventContext, outcome: str) -> None:
    """Counts a member that has ended by itself or by its limit, for the ramp-up."""
    run = spot.member.run
    spot.step.ended += run is not None and run.arming and outcome in _ENDED


def _check_rate(spot: MemberEventContext) -> None:
    rollout, at = spot.rollout, spot.event.at
    # One that is later than this was before a clock was set back, however long before.
    rollout.starts = [each for each in rollout.starts if at - _MINUTE < each <= at]
    most, count = rollout.starts_per_minute, len(rollout.starts)
    words = f"{spot.name} is start number {count + 1} within a minute, {most} at most"
    spot.require(Rule.LIMITS, most == 0 or count < most, words)


def _check_ramp_up(spot: MemberEventContext) -> None:
    step = spot.step
    level = 1 << ((step.ended + 1).bit_length() - 1)
    count = len(step.slots)
    words = f"{count} clusters in flight in a ramp-up, {level} at most once {step.ended} have ended"
    may = not spot.rollout.ramp_up or count <= level
    spot.require(Rule.LIMITS, may, words, step.opened)
