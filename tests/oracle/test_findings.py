"""The certifier's findings on a history."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.model import Kind
from tests.core.engine.decide.fleet import START
from tests.oracle import KNOWN, Certifier, PolicyVersion, Rule, stories
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import certify, told


def test_every_rule_is_checked() -> None:
    policy = PolicyVersion("network", {"inFlight": 3}, seen_at=START)
    findings = certify(stories.plain(), policies=[policy])
    assert findings.events == len(stories.plain())
    assert set(findings.checks) == set(Rule)
    assert all(findings.checks.values())


def test_a_history_without_events_is_not_valid() -> None:
    assert not certify([]).valid


@pytest.mark.parametrize("length", range(1, 71))
def test_a_running_rollout_holds_too(length: int) -> None:
    """Wherever it is, but between an outcome and its labels: these are written together."""
    log = stories.plain()[:length]
    if stories.plain()[length].kind in ("LabelsPending", "MemberJoined"):
        return
    assert told(certify(log)) == []


def test_starts_from_before_a_clock_was_set_back_count_no_longer() -> None:
    log, ahead = stories.rate_limited_and_paused(), timedelta(days=1)
    minute = START + timedelta(minutes=1)
    log = [replace(each, at=each.at + ahead) if each.at < minute else each for each in log]
    assert [each for each in told(certify(log)) if "within a minute" in each] == []


def test_unknown_kinds_of_events_are_counted_and_not_judged() -> None:
    log = stories.plain()
    findings = certify([*log, replace(log[-1], seq=72, kind="SomethingNew")])
    assert (findings.valid, findings.unknown) == (True, {"SomethingNew": 1})


def test_every_kind_of_event_of_the_engine_is_known() -> None:
    assert {kind.value for kind in Kind if not kind.silent} == KNOWN


def test_without_leaders_only_the_order_of_epochs_is_checked() -> None:
    certifier = Certifier(PROOFS)
    for event in stories.plain():
        certifier.feed(replace(event, epoch=7))
    assert certifier.findings().valid


def test_a_history_may_begin_with_what_the_hub_has_shown() -> None:
    log = stories.plain()
    seen, planned = log[0], log[1]
    data = {**planned.data, "state": "running"}
    taken = replace(seen, kind="Imported", why="imported from the hub", data=data)
    assert told(certify([taken, *log[2:]])) == []
