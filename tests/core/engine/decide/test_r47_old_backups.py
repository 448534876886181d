"""An Update needs a recent backup (R47.6): how old one is, and when it is taken once more."""

from datetime import datetime, timedelta

import pytest

from ibgu.core.engine.decide import prerequisites
from ibgu.core.engine.decide.prerequisites import lacks
from ibgu.core.engine.driver import Prerequisite
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import (
    Cause,
    CompletedAction,
    JobView,
    Kind,
    Outcome,
    names,
)
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW, OLD, VIA
from tests.core.engine.decide.fleet import START, InMemoryEngine
from tests.core.engine.decide.restores import lose_journal, write_status
from tests.core.engine.decide.test_r47_jobs import (
    SITES,
    UID,
    engine,
    run_of,
    saved,
    spoke,
    stages,
    via,
)
from tests.core.engine.gates.policies.grants import approve
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.state.records import NOW, in_flight, rollout

__all__ = ["engine"]


def test_an_update_starts_only_after_a_recent_backup(engine: InMemoryEngine) -> None:
    """With one place the last cluster waits for hours, and its backup is too old by then."""
    engine.apply(saved("Backup", "Update", concurrency=1, timeout=600, age=70))
    engine.drive()
    first, last = (engine.member(UID, 1, name) for name in ("site-1", "site-3"))
    assert first.outcome is Outcome.SUCCEEDED
    assert (last.outcome, last.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert last.message.startswith(
        "Update needs a Backup of this rollout that is not older than 1 h 10 min: it was completed"
    )
    assert stages(engine, "site-3") == ["Backup"]


def test_the_backup_before_the_first_hop_is_that_of_the_second(engine: InMemoryEngine) -> None:
    """The first hop takes longer than a backup may be old."""
    node = spoke(engine)
    node.version = "4.14.30"
    engine.apply(via(saved("Backup", "Update", age=30)))
    engine.drive()
    assert node.asked_for == [VIA, NEW]
    assert len(node.made) == 1
    assert engine.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cluster_that_had_the_intermediate_release_needs_its_own_backup(
    engine: InMemoryEngine,
) -> None:
    node = spoke(engine)
    node.image = node.wanted = VIA
    engine.apply(via(saved("Backup", age=30)))
    engine.drive()
    engine.wait(hours=3)
    engine.append(UID, "Update")
    engine.drive()
    assert node.asked_for == []
    late = engine.member(UID, 1, "site-1")
    assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.WRONG_STATE)


def test_a_backup_between_the_hops_is_as_old_as_it_was_before_the_first_one() -> None:
    now = NOW + timedelta(hours=9)
    done = CompletedAction("Backup", NOW)
    tracked = TrackedRollout(rollout=rollout())
    needed = Prerequisite("Backup", timedelta(hours=1), from_first_run=True)
    for began, words in (
        (NOW + timedelta(minutes=30), ""),
        (NOW + timedelta(hours=2), "it was completed 2 h before Update began"),
        (None, "it was completed 9 h ago"),
    ):
        found = in_flight(completed=(done,), part_at=began, started_at=NOW)
        lack = lacks(FleetState(), tracked, found, "Update", needed, now)
        assert (lack.message if lack else "").endswith(words)
        assert lack is None or lack.outdated


@pytest.mark.parametrize(
    ("away", "cause", "asked"), [(0, None, [VIA, NEW]), (2, Cause.WRONG_STATE, [VIA])]
)
def test_a_backup_is_not_replaced_once_the_update_has_begun(
    engine: InMemoryEngine, away: int, cause: Cause | None, asked: list[str]
) -> None:
    """An imported backup counts as old as the rollout was when the update began."""
    node = spoke(engine)
    node.version, node.dark = "4.14.30", True
    engine.apply(via(saved("Backup Update", age=30, timeout=600)))
    engine.wait(hours=away)
    node.dark = False
    engine.touch_cluster("site-1")
    while node.asked_for != [VIA]:
        engine.step()
    engine.settle()
    write_status(engine, UID)
    lose_journal(engine)
    engine.annotate(UID, resume="1")
    engine.drive()
    assert engine.member(UID, 0, "site-1").cause is cause
    assert (len(node.made), node.asked_for) == (1, asked)


def test_an_old_backup_before_a_second_hop_alone_is_taken_once_more(engine: InMemoryEngine) -> None:
    """The cluster has the intermediate release, and a freeze keeps its Update for days."""
    for name in SITES:
        node = spoke(engine, name)
        node.image = node.wanted = VIA
    begin, end = START + timedelta(seconds=20), START + timedelta(days=3)
    freeze = {"from": begin.isoformat(), "until": end.isoformat()}
    set_policies(engine, policy("night", actions=["Update"], freezes=[freeze]))
    engine.apply(via(saved("Backup Update", age=60)))
    engine.wait(days=4)
    assert len(spoke(engine).made) == 2
    assert spoke(engine).asked_for == [NEW]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_backup_that_ages_behind_a_gate_fails_nobody_until_the_gate_opens(
    engine: InMemoryEngine,
) -> None:
    """A person has been asked to approve, and only that is shown until they do."""
    approval = {"before": "Action", "fourEyes": False}
    set_policies(engine, policy("night", actions=["Update"], approval=approval))
    engine.apply(saved("Backup Update", age=60, timeout=600))
    engine.wait(minutes=30)
    asked = engine.member(UID, 0, "site-1").reason
    assert asked.gate == "RolloutPolicy/night"
    engine.wait(hours=3)
    for name in SITES:
        engine.touch_cluster(name)
    engine.wait(minutes=1)
    for name in SITES:
        kept = engine.member(UID, 0, name)
        assert (kept.outcome, kept.reason) == (None, asked)
    approve(engine, "alice", before="Update", rollout={"name": "z", "kind": names.FLEET_UPDATE})
    engine.touch(UID)
    engine.drive()
    [said, *_] = engine.told(Kind.ACTION_REPEATED)
    assert said.startswith("Backup is repeated: Update needs a Backup of this rollout that is not")
    for name in SITES:
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED
        assert stages(engine, name) == ["Backup", "Backup", "Update"]
        assert [each.action for each in engine.member(UID, 0, name).completed] == [
            "Backup",
            "Update",
        ]


def test_a_freeze_between_backup_and_update_costs_a_second_backup(engine: InMemoryEngine) -> None:
    begin, end = START + timedelta(minutes=2), START + timedelta(hours=9)
    freeze = {"from": begin.isoformat(), "until": end.isoformat()}
    set_policies(engine, policy("night", actions=["Update"], freezes=[freeze]))
    engine.apply(saved("Backup Update", timeout=240))
    engine.drive()
    for name in SITES:
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED
        assert stages(engine, name) == ["Backup", "Backup", "Update"]


def test_a_cluster_that_was_away_since_its_backup_takes_another_one(engine: InMemoryEngine) -> None:
    """The Update was withdrawn, so that the member waits without a slot."""
    engine.apply(saved("Backup Update", concurrency=1, age=60, timeout=600))
    engine.until(Kind.RUN_INTENDED)
    engine.until(Kind.RUN_INTENDED)
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    assert engine.member(UID, 0, "site-1").slot is None
    spoke(engine).dark = False
    engine.touch_cluster("site-1")
    engine.drive()
    assert stages(engine, "site-1") == ["Backup", "Backup", "Update"]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_member_that_has_taken_the_most_runs_takes_no_other_backup(
    engine: InMemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "MAX_RUNS", 1)
    approval = {"before": "Action", "fourEyes": False}
    set_policies(engine, policy("night", actions=["Update"], approval=approval))
    engine.apply(saved("Backup Update", age=60, timeout=600))
    engine.wait(hours=3)
    approve(engine, "alice", before="Update", rollout={"name": "z", "kind": names.FLEET_UPDATE})
    engine.touch(UID)
    engine.drive()
    late = engine.member(UID, 0, "site-1")
    assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert "not older than 1 h" in late.message
    assert stages(engine, "site-1") == ["Backup"]


def test_an_update_without_any_backup_does_not_start(engine: InMemoryEngine) -> None:
    engine.apply(saved("Update"))
    engine.drive()
    for name in SITES:
        member = engine.member(UID, 0, name)
        assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
        assert member.message == "Update needs a Backup of this rollout, and there is none"
        assert stages(engine, name) == []


def test_a_cluster_whose_update_has_begun_needs_no_backup_any_more(engine: InMemoryEngine) -> None:
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    begun = found
    begun.image = begun.wanted = NEW
    engine.apply(saved("Backup Update"))
    engine.drive()
    member = engine.member(UID, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert [done.note for done in member.completed] == [
        "made no backup: the update to 4.16.12 has begun before",
        "was already at 4.16.12",
    ]
    assert begun.made == []


def test_a_backup_that_was_skipped_does_not_count_as_a_backup(engine: InMemoryEngine) -> None:
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    begun = found
    begun.image, begun.partial, begun.wanted = NEW, True, NEW
    engine.apply(saved("Backup", age=10_000))
    engine.drive()
    assert engine.member(UID, 0, "site-1").completed[0].note.startswith("made no backup")
    begun.image, begun.partial, begun.wanted = OLD, False, ""  # A person took it back.
    engine.touch_cluster("site-1")
    engine.append(UID, "Update")
    engine.drive()
    assert engine.member(UID, 1, "site-1").message.endswith("and there is none")
    assert engine.member(UID, 1, "site-2").outcome is Outcome.SUCCEEDED


def test_a_backup_of_a_cluster_of_the_same_name_does_not_count(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup", age=10_000))
    engine.drive()
    engine.spokes["site-1"].uid = "uid-new"
    engine.append(UID, "Update")
    engine.drive()
    assert engine.member(UID, 1, "site-1").message.endswith("and there is none")
    assert engine.member(UID, 1, "site-2").outcome is Outcome.SUCCEEDED


# -- how old a backup is ---------------------------------------------------------------------------


def made(engine: InMemoryEngine, name: str = "site-1") -> datetime:
    (done,) = engine.member(UID, 0, name).completed
    assert done.made_at is not None
    return done.made_at


def test_a_backup_is_as_old_as_its_job_and_not_as_the_news_of_it(engine: InMemoryEngine) -> None:
    """The hub hears of the Job hours after its end: the backup is too old by then."""
    engine.apply(saved("Backup", "Update", concurrency=1, timeout=600, age=70))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.frozen.add("site-1")
    ends = engine.now + engine.spokes["site-1"].job_time
    engine.wait(hours=2)
    engine.frozen.clear()
    engine.drive()
    (done,) = engine.member(UID, 0, "site-1").completed
    assert done.at >= ends + timedelta(hours=1)
    assert abs(made(engine) - ends) < timedelta(minutes=1)
    late = engine.member(UID, 1, "site-1")
    assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert stages(engine, "site-1") == ["Backup"]


def test_a_clusters_clock_makes_no_backup_younger_or_older_than_its_run(
    engine: InMemoryEngine,
) -> None:
    engine.spokes["site-1"].clock = timedelta(days=30)
    engine.spokes["site-2"].clock = -timedelta(days=30)
    engine.apply(saved("Backup"))
    engine.drive()
    for name in SITES:
        (done,), run = engine.member(UID, 0, name).completed, run_of(engine, name)
        assert run.arming_at is not None
        assert run.arming_at <= made(engine, name) <= done.at
    assert made(engine) == engine.member(UID, 0, "site-1").completed[0].at
    assert made(engine, "site-2") == run_of(engine, "site-2").arming_at


def test_a_job_that_says_no_time_counts_from_the_start_of_its_run(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    name = f"job-{run_id(engine)}"
    engine.spokes["site-1"].jobs[name] = JobView(name=name, complete=True, completed="yesterday")
    engine.drive()
    assert made(engine) == run_of(engine).arming_at


def run_id(engine: InMemoryEngine) -> str:
    run = engine.member(UID, 0, "site-1").run
    assert run is not None
    return run.id


def test_a_lost_journal_makes_no_backup_younger(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup"))
    engine.drive()
    before = made(engine)
    write_status(engine, UID)
    engine.wait(hours=5)
    lose_journal(engine)
    engine.settle()
    assert made(engine) <= before
    engine.annotate(UID, resume="1")
    engine.drive()


def test_a_second_backup_that_a_lost_journal_cuts_off_is_no_backup(engine: InMemoryEngine) -> None:
    """The status does not tell yet that the first one was too old, and the Job has replaced it."""
    begin, end = START + timedelta(minutes=2), START + timedelta(hours=9)
    freeze = {"from": begin.isoformat(), "until": end.isoformat()}
    set_policies(engine, policy("night", actions=["Update"], freezes=[freeze]))
    engine.apply(saved("Backup Update", timeout=240))
    engine.wait(hours=1)
    write_status(engine, UID)
    engine.until(Kind.ACTION_REPEATED)
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    lose_journal(engine)
    engine.annotate(UID, resume="1")
    engine.drive()
    for name in SITES:
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED
        assert stages(engine, name) == ["Backup", "Backup", "Backup", "Update"]
