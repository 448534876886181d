"""Judges a start by the windows and freezes of a policy (R50.4, R50.5)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.engine.timing.windows import cron_problem, opening, zone_problem
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import PolicyWindow, RolloutPolicySpec
from ibgu.core.text.spans import duration, utc
from tests.oracle.policy_selectors import EVERY_CLUSTER
from tests.oracle.policy_starts import (
    UNFOLLOWED,
    Objection,
    Start,
    holds,
    own_selection,
)

ZONES = "time zones of clusters"
MEASUREMENTS = "how long actions took at that time"
_MAX_EXPECTED = 365 * 86400.0
"""Seconds; no action is expected to take longer."""


def of_times(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which freeze has begun, and that no window is open."""
    if holds(spec, start.action):
        for each in (*_freezes(spec, start), *_windows(spec, start)):
            yield replace(each, unknown=each.unknown or own_selection(spec, start))


def alike_for_all(spec: RolloutPolicySpec | None) -> RolloutPolicySpec | None:
    """Returns the policy if it says of every cluster in every rollout of its namespaces alike when
    it may start; None: that depends on labels or time zones, which may change after a start, or it
    can't be followed."""
    if spec is None or spec.clusters != EVERY_CLUSTER or spec.rollouts.selector != LabelSelector():
        return None
    zoned = all(each.time_zone for each in spec.windows) and _is_followed(spec)
    times = [moment(each) for freeze in spec.freezes for each in (freeze.from_, freeze.until)]
    return spec if zoned and None not in times else None


def of_fit(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields that a window is open which closes before the action has ended, by the time that it
    was expected to take."""
    if not spec.fit or not holds(spec, start.action) or not _is_followed(spec):
        return
    windows, own = _in_zones(spec, start)
    closes = opening(windows, None, start.at).until
    seconds = start.facts.expected_seconds
    if closes is None:
        return
    if seconds is None or seconds > _MAX_EXPECTED:
        yield Objection(unknown=MEASUREMENTS)
    elif start.at + timedelta(seconds=seconds) > closes:
        takes = f"although it usually takes up to {duration(timedelta(seconds=seconds))}"
        words = f"in a window that closes at {utc(closes)}, {takes}"
        yield Objection("R50.4", words, own or own_selection(spec, start))


def _freezes(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for freeze in spec.freezes:
        begin, end = moment(freeze.from_), moment(freeze.until)
        if begin is None or end is None:
            yield Objection(unknown=UNFOLLOWED)
        elif begin <= start.at < end:
            yield Objection("R50.5", f"in a freeze until {utc(end)}", until=end)


def _windows(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    if not _is_followed(spec):
        yield Objection(unknown=UNFOLLOWED)
        return
    windows, own = _in_zones(spec, start)
    if len(windows) < len(spec.windows) and not own:
        yield Objection("R50.4", "although its time zone is not known")
    elif spec.windows and (found := opening(windows, None, start.at)).until is None:
        yield Objection("R50.4", "while no window is open", own, until=found.opens)


def _is_followed(spec: RolloutPolicySpec) -> bool:
    """Returns whether all windows are such that the engine follows."""
    zones = [each.time_zone for each in spec.windows if each.time_zone]
    return not any(cron_problem(each.cron) for each in spec.windows) and not any(
        map(zone_problem, zones)
    )


def _in_zones(spec: RolloutPolicySpec, start: Start) -> tuple[Sequence[PolicyWindow], str]:
    """Returns the windows of which it is known in which zone they are; and what is not known of the
    others, empty: nothing, the cluster had no zone."""
    zone = start.facts.time_zone
    if zone and zone_problem(zone):  # These time zones are older than those of the controller.
        zone = None
    given = [
        each if each.time_zone else replace(each, time_zone=zone or "") for each in spec.windows
    ]
    known = [each for each in given if each.time_zone]
    return known, ZONES if len(known) < len(given) and zone is None else ""
