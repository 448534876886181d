"""A run's history, and TALM's reports with their times."""

from ibgu.core.assurance.shadow import ShadowVerdict, TalmObservation, begin, follow
from ibgu.core.assurance.shadow.follow import NOTES
from ibgu.core.drivers.ibu.actions import Action
from tests.core.assurance.shadow.scenes import START, Watch, at, ended, seen_work


def test_a_failure_that_talm_waits_out() -> None:
    watch = Watch()
    watch.probe(0)
    watch.probe(10, value="False", words="Prep failed")
    watch.probe(70, talm={"clusters": [ended("s1", "timedout", "a-prep")], "batch": 2})
    watch.probe(71, gone=True)
    run = watch.run
    assert run.ibgu is not None
    assert run.talm is not None
    assert (run.talm.verdict, run.talm.at - run.ibgu.at) == (ShadowVerdict.FAILED, at(60) - START)
    assert (run.batch, run.freed_at, run.gone_at, run.open) == (1, at(70), at(71), False)
    assert watch.told == [
        "TALM asks the cluster for Prep",
        "Prep failed",
        "ibgu would have failed Prep here, with: Prep failed",
        "TALM: timed out",
        "TALM has taken its ManifestWork away",
    ]


def test_talms_own_words() -> None:
    watch = Watch()
    feedback = ended("s1", "timedout", "a-prep", prepCompletedConditionMessages="Prep failed")
    run = watch.probe(70, talm={"clusters": [feedback]})
    assert run.talm is not None
    assert run.talm.message == "Prep failed"
    watch = Watch()
    run = watch.probe(70, talm={"clusters": [feedback]}, talm_says="as in failedActions")
    assert run.talm is not None
    assert run.talm.message == "as in failedActions"
    assert watch.told[-1] == "TALM: timed out, as in failedActions"


def test_a_step_of_several_actions() -> None:
    watch = Watch(Action.PREP, "Prep", "Upgrade")
    watch.probe(5, value="True")
    run = watch.probe(6, talm={"progress": {"s1": {"state": "InProgress", "manifestWorkIndex": 1}}})
    assert run.talm is not None
    assert (run.talm.verdict, run.talm.at) == (ShadowVerdict.SUCCEEDED, at(6))
    assert watch.told[1:] == ["Prep has succeeded", "TALM: Prep completed"]
    assert run.freed_at is None


def test_the_later_action_timed_out() -> None:
    watch = Watch(Action.PREP, "Prep", "Upgrade")
    run = watch.probe(6, talm={"clusters": [ended("s1", "timedout", "a-upgrade")]})
    assert run.talm is not None
    assert run.talm.verdict is ShadowVerdict.SUCCEEDED


def test_a_time_out_without_the_actions_name() -> None:
    """Then it is the action that TALM has not left behind."""
    watch = Watch(Action.PREP, "Prep", "Upgrade")
    timed_out = {"clusters": [ended("s1", "timedout")]}
    behind = {"progress": {"s1": {"state": "InProgress", "manifestWorkIndex": 1}}}
    run = watch.probe(6, talm={**timed_out, **behind})
    assert run.talm is not None
    assert run.talm.verdict is ShadowVerdict.SUCCEEDED
    run = Watch().probe(6, talm=timed_out)
    assert run.talm is not None
    assert run.talm.verdict is ShadowVerdict.FAILED


def test_complete_in_talms_eyes() -> None:
    run = Watch().probe(6, talm={"clusters": [ended("s1", "complete")]})
    assert run.talm is not None
    assert run.talm.verdict is ShadowVerdict.SUCCEEDED
    assert run.ibgu is None


def test_places_are_free_when_the_batch_is_over() -> None:
    watch = Watch()
    assert watch.probe(5, value="True").freed_at is None
    assert watch.probe(9, talm={"batch": 2}).freed_at == at(9)
    watch = Watch()
    assert watch.probe(9, talm={"succeeded": "False"}).freed_at == at(9)


def test_nothing_is_known_without_the_group() -> None:
    run = begin("uid", 0, Action.PREP, seen_work(creationTimestamp=""), at(3))
    assert run.since == at(3)
    run = follow(
        run, TalmObservation(work=seen_work(value="True"), group=None, reachable=True), at(4)
    )
    assert (run.talm, run.batch, run.freed_at) == (None, 0, at(4))
    assert run.open


def test_a_work_that_is_being_deleted_is_gone() -> None:
    watch = Watch()
    run = watch.probe(5, deletionTimestamp="2026-01-01T00:05:00Z")
    assert run.gone_at == at(5)
    assert watch.probe(6, value="False").ibgu is None
    assert watch.probe(7, reachable=False).reachable


def test_a_reboot_is_recorded_in_the_history() -> None:
    watch = Watch(Action.UPGRADE)
    watch.probe(5, reachable=False)
    watch.probe(15, reachable=True)
    assert watch.told[1:] == [
        "the cluster is not reachable, as it must be while it reboots",
        "the cluster is reachable",
    ]
    watch = Watch()
    watch.probe(5, reachable=False)
    assert watch.told[-1] == "the cluster is not reachable"


def test_the_history_keeps_its_first_and_its_newest_lines() -> None:
    watch = Watch()
    for minute in range(1, NOTES + 20):
        watch.probe(minute, words=f"line {minute}")
    assert len(watch.run.notes) == NOTES
    assert watch.told[0] == "TALM asks the cluster for Prep"
    assert watch.told[-1] == f"line {NOTES + 19}"


def test_empty_words_do_not_wipe_the_last_ones() -> None:
    watch = Watch()
    watch.probe(1, words="Prep failed")
    assert watch.probe(2, words="").words == "Prep failed"


def test_an_action_on_a_cluster_is_one_run() -> None:
    assert Watch().run.key == ("uid", 0, "s1", Action.PREP)
