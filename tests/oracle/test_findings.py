"""The certifier's findings on a history."""

import hashlib
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from ibgu.core.model import Kind
from tests.core.engine.decide.fleet import START
from tests.oracle import KNOWN, MEANS, Certifier, PolicyVersion, Rule, stories
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import certify, told


def test_findings_count_steps_members_and_runs() -> None:
    policy = PolicyVersion("network", {"inFlight": 3}, seen_at=START)
    findings = certify(stories.plain(), policies=[policy])
    totals = findings.totals
    assert (totals.rollouts, totals.steps, totals.members, totals.runs) == (1, 2, 6, 6)
    assert (totals.in_flight, totals.unfinished) == (0, 0)
    assert (findings.events, findings.others, findings.epochs) == (71, 0, (1,))
    assert (findings.first, findings.last) == (
        (1, stories.plain()[0].at),
        (71, stories.plain()[-1].at),
    )
    assert set(findings.checks) == set(Rule) == set(MEANS)
    assert all(findings.checks.values())


@pytest.mark.parametrize("length", range(1, 71))
def test_a_running_rollout_holds_too(length: int) -> None:
    """Wherever it is, but between an outcome and its labels: these are written together."""
    log = stories.plain()[:length]
    if stories.plain()[length].kind in ("LabelsPending", "MemberJoined"):
        return
    assert told(certify(log)) == []


def test_members_in_flight_are_counted() -> None:
    totals = certify(stories.plain()[:14]).totals
    assert (totals.in_flight, totals.unfinished) == (2, 3)


def test_the_digest_is_that_of_the_events() -> None:
    log = stories.plain()
    lines = b"".join(msgspec.json.encode(event, order="deterministic") + b"\n" for event in log)
    assert certify(log).digest == hashlib.sha256(lines).hexdigest()
    other = [*log[:-1], replace(log[-1], why="another word")]
    assert certify(other).digest != certify(log).digest


def test_starts_from_before_a_clock_was_set_back_count_no_longer() -> None:
    log, ahead = stories.rate_limited_and_paused(), timedelta(days=1)
    minute = START + timedelta(minutes=1)
    log = [replace(each, at=each.at + ahead) if each.at < minute else each for each in log]
    assert [each for each in told(certify(log)) if "within a minute" in each] == []


def test_other_rollouts_are_read_and_not_judged() -> None:
    """The second rollout is read, but not judged."""
    log = stories.cancelled()
    mine = [event for event in log if event.rollout == "uid-a"]
    findings = certify(log, "uid-a")
    assert (findings.events, findings.others) == (len(mine), len(log) - len(mine))
    assert findings.totals.rollouts == 1
    broken = [event for event in log if event.kind != "StepFinished" or event.rollout == "uid-a"]
    assert certify(broken, "uid-a").valid
    assert not certify(broken, "uid-b").valid


def test_other_rollouts_may_lack_their_first_events() -> None:
    log = [e for e in stories.cancelled() if (e.rollout, e.kind) != ("uid-a", "RolloutSeen")]
    assert certify(log, "uid-b").valid


def test_nothing_is_not_certified() -> None:
    findings = certify([])
    assert not findings.valid
    assert (findings.first, findings.last) == (None, None)


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


def test_imported_events_are_counted() -> None:
    """The log of a rollout that begins with what the hub told: it is whole, from there on."""
    log = stories.plain()
    seen, planned = log[0], log[1]
    data = {**planned.data, "state": "running"}
    taken = replace(seen, kind="Imported", why="imported from the hub", data=data)
    findings = certify([taken, *log[2:]])
    assert told(findings) == []
    assert (findings.imported, findings.valid) == (1, True)
    assert certify(log).imported == 0
