"""Reading ClusterGroupUpgrades."""

from datetime import UTC, datetime

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import PlanItem, RolloutSpec
from ibgu.core.talm import groups_of, names
from ibgu.core.talm.group import TalmGroup
from tests.core.engine.decide.builders import plan_of
from tests.core.talm.objects import Object, as_cgu, cgu, ended

SPEC = RolloutSpec(plan=plan_of(["Prep", "Upgrade FinalizeUpgrade"], concurrency=2, timeout=60))


def read(*objects: Object) -> tuple[TalmGroup, ...]:
    return groups_of("a", SPEC, [as_cgu(obj) for obj in objects])


def test_names_are_talms() -> None:
    assert names.group_name("Ran-417", ["Prep", "Upgrade"], 2) == "ran-417-prep-upgrade-2"
    assert names.template_name("Ran-417", "AbortOnFailure") == "ran-417-abortonfailure"


def test_a_step_in_its_second_batch() -> None:
    (group,) = read(
        cgu(
            "a",
            1,
            "Upgrade",
            "FinalizeUpgrade",
            batches=[["s1", "s2"], ["s3", "s4"]],
            batch=2,
            started="2026-01-01T00:00:00Z",
            progress={
                "s3": {"state": "InProgress", "manifestWorkIndex": 1},
                "s4": {"state": "Completed", "manifestWorkIndex": 1},
                "s5": {"state": "NotStarted"},
                "s6": None,
            },
            clusters=[
                ended("s1", "complete"),
                ended(
                    "s2",
                    "timedout",
                    "a-upgrade",
                    isUpgradeCompleted="False",
                    upgradeCompletedConditionMessages="Upgrade failed",
                ),
                {"name": "s3", "state": ""},
            ],
        )
    )
    assert (group.namespace, group.name) == ("fleet", "a-upgrade-finalizeupgrade-1")
    assert group.index == 1
    assert group.actions == (Action.UPGRADE, Action.FINALIZE_UPGRADE)
    assert group.clusters == ("s1", "s2", "s3", "s4")
    assert group.progress == {"s3": 1, "s4": 2, "s5": 0}
    assert group.ended == {"s1": "complete", "s2": "timedout"}
    assert group.timed_out_in == {"s2": Action.UPGRADE}
    assert group.words["s2"] == "Upgrade failed"
    assert (group.started_at, group.finished_at) == (datetime(2026, 1, 1, tzinfo=UTC), None)
    assert not group.finished


def test_a_time_that_nobody_can_store() -> None:
    """TALM's CRD lets it through."""
    (group,) = read(cgu("a", 0, "Prep", started="2026-01-01T00:00:00+99:99"))
    assert group.started_at is None


def test_the_words_of_a_refusal() -> None:
    obj = cgu("a", 0, "Prep", clusters=[ended("s1", "timedout", "a-prep")])
    manifest = obj["status"]["clusters"][0]["currentManifestWork"]["status"]["manifests"][0]
    manifest["conditions"] = [{"type": "Applied", "status": "False", "message": "refused"}]
    assert read(obj)[0].words == {"s1": "refused"}


def test_an_action_that_talm_does_not_name() -> None:
    (group,) = read(
        cgu("a", 0, "Prep", clusters=[ended("s1", "timedout"), ended("s2", "timedout", "a-other")])
    )
    assert group.timed_out_in == {}


@pytest.mark.parametrize(("status", "over"), [("True", True), ("False", True), ("", False)])
def test_when_talm_is_through(status: str, over: bool) -> None:
    assert read(cgu("a", 0, "Prep", succeeded=status))[0].finished is over


def test_only_steps_of_this_plan_and_in_its_order() -> None:
    found = read(
        cgu("a", 1, "Upgrade", "FinalizeUpgrade"), cgu("a", 0, "Prep"), cgu("a", 0, "Upgrade")
    )
    assert [group.index for group in found] == [0, 1]


def test_a_step_that_nobody_knows() -> None:
    spec = RolloutSpec(plan=[PlanItem(["Dance"]), *SPEC.plan])
    assert groups_of("a", spec, [as_cgu(cgu("a", 0, "Dance"))]) == ()
