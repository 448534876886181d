"""The work of a preparation, as the simulator's work agent answers it."""

from datetime import UTC, datetime, timedelta

import pytest

from ibgu.core.drivers.ibu.preflight.inspection import ReadResult
from ibgu.core.drivers.ibu.preparation import (
    LIFECYCLE_AGENT,
    OADP,
    BackupPreparation,
    BackupStorage,
    OperatorsPreparation,
    Preparation,
    auto_rollback,
    cleanup,
)
from ibgu.core.drivers.ibu.preparation.annotations import THRESHOLD
from ibgu.core.drivers.ibu.preparation.model import IBU
from ibgu.core.drivers.ibu.preparation.reported import reported, work_state
from ibgu.core.drivers.ibu.preparation.work import (
    WRITING,
    ApplyResult,
    apply_result,
    left_over,
    patch_of,
    reading_body,
    readings_of,
    under_way,
    writing_body,
)
from ibgu.core.model import names
from ibgu.core.model.kinds import Condition, ManifestWork, ObjectMeta, WorkStatus
from ibgu.sim.spoke import Spoke
from tests.core.drivers.ibu.preparation.answers import IDLE, answer, cluster, readings

UNTIL = datetime(2026, 1, 1, 4, tzinfo=UTC)
PREPARATION = cleanup(65, disabled=False)
OPERATORS = OperatorsPreparation(((LIFECYCLE_AGENT, "stable"), (OADP, "stable-1.4")))
AGENT_ONLY = OperatorsPreparation(((LIFECYCLE_AGENT, "stable"),))
BACKUP = BackupPreparation("site-1", BackupStorage("ran", "minio", "https://s3"), b"x")


def idle() -> Spoke:
    return cluster({IBU: IDLE})


def test_the_work_deletes_nothing_when_it_is_deleted() -> None:
    for each in (PREPARATION, OPERATORS, BACKUP):
        body = reading_body(each, "1")
        assert body["spec"]["deleteOption"] == {"propagationPolicy": "Orphan"}
        strategies = {
            config.get("updateStrategy", {}).get("type")
            for config in body["spec"]["manifestConfigs"]
        }
        assert strategies == {None, "ReadOnly"}
        for manifest in body["spec"]["workload"]["manifests"][1:]:
            assert manifest.keys() == {"apiVersion", "kind", "metadata"}


def test_a_work_that_reads_is_none_of_the_rollouts() -> None:
    metadata = reading_body(PREPARATION, "1")["metadata"]
    assert metadata["labels"][names.MANAGED_BY] != names.MANAGER
    assert metadata["name"] == "ibgu-prepare-cleanup"
    assert metadata["annotations"] == {"ibgu.dev/preparation-writes": "false"}


def test_a_patch_has_the_uid_and_leaves_the_name_alone() -> None:
    body = writing_body(
        PREPARATION, PREPARATION.writes(readings(PREPARATION, {IBU: IDLE}))[0], "2", UNTIL
    )
    patch = patch_of(body, "u")
    assert patch["metadata"]["uid"] == "u"
    assert "name" not in patch["metadata"]
    assert patch["metadata"]["annotations"] == {WRITING: "2026-01-01T04:00:00+00:00"}
    assert patch["spec"] == body["spec"]


def test_the_answer_to_an_earlier_version_counts_as_none() -> None:
    work = answer(reading_body(PREPARATION, "1"), idle())
    assert readings_of(work, PREPARATION.reads, "1") is not None
    assert readings_of(work, PREPARATION.reads, "2") is None
    assert readings_of(work, PREPARATION.reads) is not None


def test_an_answer_without_all_objects_counts_as_none() -> None:
    applied = answer(reading_body(PREPARATION, "1"), idle(), read=False)
    assert readings_of(applied, PREPARATION.reads) is None
    assert readings_of(applied, BACKUP.reads) is None


def test_an_object_is_forbidden_until_the_works_role_counts() -> None:
    work = answer(reading_body(PREPARATION, "1"), idle(), rights=False)
    found = readings_of(work, PREPARATION.reads)
    assert found is not None
    assert [each.result for each in found.values()] == [ReadResult.FORBIDDEN]


def test_annotations_are_applied_and_the_spec_stays() -> None:
    there = idle()
    writes = PREPARATION.writes(readings(PREPARATION, {IBU: IDLE}))
    body = writing_body(PREPARATION, writes[0], "2", UNTIL)
    denied = apply_result(answer(body, there, rights=False))
    assert "forbidden" in denied.problem
    assert not denied.refused
    there.settle(9.0)
    applied = answer(body, there, 2)
    assert apply_result(applied).done
    (upgrade,) = [obj for key, obj in there.objects.items() if key.kind == IBU.kind]
    assert upgrade["spec"] == IDLE["spec"]
    assert upgrade["metadata"]["annotations"] == {THRESHOLD: "65"}


def reporting(applied: str, message: str = "", generation: int = 1) -> ManifestWork:
    """Returns a work that writes, with this answer to it."""
    condition = Condition("Applied", applied, message=message, observed_generation=generation)
    metadata = ObjectMeta(
        name="ibgu-prepare-cleanup", generation=1, annotations={WRITING: UNTIL.isoformat()}
    )
    return ManifestWork(metadata, WorkStatus(conditions=[condition]))


@pytest.mark.parametrize(
    ("found", "result", "state"),
    [
        (
            reporting("True"),
            ApplyResult(done=True),
            "applied",
        ),
        (reporting("True", generation=0), ApplyResult(), "applying"),
        (reporting("False", "denied"), ApplyResult(problem="denied"), "applying: denied"),
        (
            reporting("False", "Apply failed with 1 conflict"),
            ApplyResult(refused=True, problem="Apply failed with 1 conflict"),
            "applying: Apply failed with 1 conflict",
        ),
    ],
)
def test_a_conflict_is_final_and_every_other_problem_is_not(
    found: ManifestWork, result: ApplyResult, state: str
) -> None:
    assert apply_result(found) == result
    assert work_state(found, UNTIL) == state


@pytest.mark.parametrize(
    ("mark", "over"),
    [
        ("false", False),
        ("2026-01-01T04:00:00+00:00", True),
        ("2026-01-01T05:00:00+00:00", False),
        ("true", True),
        ("2026-01-01T05:00:00", True),
    ],
)
def test_a_work_is_left_over_that_writes_for_longer_than_its_command(mark: str, over: bool) -> None:
    """A time that can't be compared has passed: no command has written it."""
    work = ManifestWork(ObjectMeta(name="ibgu-prepare-cleanup", annotations={WRITING: mark}))
    assert left_over(work, UNTIL + timedelta(seconds=1)) is over
    state = "left over, still writes; run the command again to end it"
    assert (work_state(work, UNTIL + timedelta(seconds=1)) == state) is over


@pytest.mark.parametrize(
    ("preparation", "state"),
    [
        (PREPARATION, "the defaults of the Lifecycle Agent"),
        (auto_rollback(()), "the defaults of the Lifecycle Agent"),
        (OPERATORS, "lifecycle-agent not installed yet, redhat-oadp-operator not installed yet"),
        (AGENT_ONLY, "lifecycle-agent not installed yet"),
        (BACKUP, "no DataProtectionApplication"),
    ],
)
def test_a_work_at_rest_reports_what_the_cluster_has(preparation: Preparation, state: str) -> None:
    work = answer(reading_body(preparation, "1"), idle())
    assert reported(work) == state
    assert work_state(work, UNTIL) == "reads"


def test_a_work_reports_why_a_cluster_was_left_alone() -> None:
    work = answer(reading_body(PREPARATION, "1"), cluster({}))
    assert reported(work).startswith("has no ImageBasedUpgrade yet")


def test_a_work_that_was_not_answered_says_so() -> None:
    work = answer(reading_body(OPERATORS, "1"), idle(), read=False)
    assert reported(work) == "not answered yet"


def stage_work(arming: str, **annotations: str) -> ManifestWork:
    return ManifestWork(
        ObjectMeta(name="ran-417-stage", annotations={names.ARMING: arming, **annotations})
    )


@pytest.mark.parametrize(
    ("works", "rollout"),
    [
        ([], ""),
        ([stage_work(names.DISARMED)], ""),
        ([stage_work(names.DISARMED), stage_work(names.ARMED)], "ran-417-stage"),
        ([stage_work(names.ARMED, **{names.ROLLOUT: "ran/ran-417"})], "ran/ran-417"),
    ],
)
def test_a_rollout_is_under_way_while_a_work_of_it_is_armed(
    works: list[ManifestWork], rollout: str
) -> None:
    assert under_way(works) == rollout
