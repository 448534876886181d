import msgspec
import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.feedback import CONDITIONS, NEXT_STAGES, PATHS, condition_value
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, ibu_of
from ibgu.core.engine.works import shown_work, view_work
from ibgu.core.engine.works.config import probe_value
from ibgu.core.model import names
from ibgu.core.model.kinds import (
    Condition,
    FeedbackValue,
    FieldValue,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    ResourceMeta,
    ResourceStatus,
    StatusFeedback,
    WorkStatus,
)
from ibgu.core.text.cut import MAX_BYTES, cut

_ENTRY = ResourceMeta(
    ordinal=1,
    group="lca.openshift.io",
    kind="ImageBasedUpgrade",
    resource="imagebasedupgrades",
    name="upgrade",
)
ROLE = ResourceMeta(group="rbac.authorization.k8s.io", kind="ClusterRole", name="ibu-role")


def text(name: str, value: str) -> FeedbackValue:
    return FeedbackValue(name, FieldValue(type="String", string=value))


def number(name: str, value: int) -> FeedbackValue:
    return FeedbackValue(name, FieldValue(type="Integer", integer=value))


def applied(status: str, generation: int, message: str = "") -> Condition:
    return Condition("Applied", status, message=message, observed_generation=generation)


def available(status: str, message: str = "") -> Condition:
    return Condition("Available", status, message=message)


def entry(meta: ResourceMeta, *conditions: Condition, **values: str) -> ManifestCondition:
    feedback = StatusFeedback([text(name, value) for name, value in values.items()])
    return ManifestCondition(meta, list(conditions), feedback)


def work(
    *manifests: ManifestCondition,
    conditions: tuple[Condition, ...] = (),
    generation: int = 3,
    deleted: str | None = None,
    **annotations: str,
) -> ManifestWork:
    marks = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    meta = ObjectMeta(
        name="w",
        uid="u",
        resource_version="77",
        generation=generation,
        deletion_timestamp=deleted,
        annotations=marks,
    )
    return ManifestWork(meta, WorkStatus(list(conditions), ResourceStatus(list(manifests))))


def test_a_new_work_shows_nothing_yet() -> None:
    view = view_work(IBU, work(generation=1))
    assert (view.name, view.uid, view.resource_version, view.generation) == ("w", "u", "77", 1)
    assert not any((view.terminating, view.armed, view.applied, view.target_applied))
    assert (view.run, view.probe, view.digest, view.apply_error) == ("", "", "", "")
    assert (view.target_available, view.target_message, view.feedback) == ("", "", None)


def test_ibgus_annotations_are_read_from_a_work() -> None:
    view = view_work(IBU, work(arming="armed", run="r1", probe="l1", digest="d1", deleted="now"))
    assert (view.armed, view.run, view.probe, view.digest) == (True, "r1", "l1", "d1")
    assert view.terminating
    assert not view_work(IBU, work(arming="disarmed")).armed


@pytest.mark.parametrize(
    ("mark", "edited"), [("3", False), ("2", True), ("4", True), ("x", True), (None, True)]
)
def test_edited_unless_the_generation_is_the_one_that_we_wrote(
    mark: str | None, edited: bool
) -> None:
    marks = {} if mark is None else {names.GENERATION: mark}
    meta = ObjectMeta(name="w", generation=3, annotations=marks)
    assert view_work(IBU, ManifestWork(meta)).edited is edited


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (applied("True", 3), True),
        (applied("True", 2), False),
        (applied("False", 3), False),
    ],
)
def test_applied_is_of_the_current_generation(condition: Condition, expected: bool) -> None:
    assert view_work(IBU, work(conditions=(available("True"), condition))).applied is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (applied("True", 3), True),
        (applied("True", 2), False),
        (applied("False", 3), False),
    ],
)
def test_the_ibus_entry(condition: Condition, expected: bool) -> None:
    refused = entry(ROLE, applied("False", 3, "no"))
    view = view_work(
        IBU, work(refused, entry(_ENTRY, condition, available("Unknown", "forbidden")))
    )
    assert view.target_applied is expected
    assert (view.target_available, view.target_message) == ("Unknown", "forbidden")


def test_the_ibu_is_found_without_a_resource_name() -> None:
    bare = ResourceMeta(group=_ENTRY.group, kind=_ENTRY.kind, name=_ENTRY.name)
    assert view_work(IBU, work(entry(bare, applied("True", 3)))).target_applied


@pytest.mark.parametrize(
    "meta",
    [
        ResourceMeta(group="x", kind=_ENTRY.kind, name=_ENTRY.name),
        ResourceMeta(group=_ENTRY.group, kind="IPConfig", name=_ENTRY.name),
        ResourceMeta(group=_ENTRY.group, kind=_ENTRY.kind, name="other"),
    ],
)
def test_other_manifests_are_not_taken_for_the_ibu(meta: ResourceMeta) -> None:
    assert not view_work(IBU, work(entry(meta, applied("True", 3)))).target_applied


def test_apply_errors_the_ibus_first_else_any_of_this_generation() -> None:
    role = entry(ROLE, applied("False", 3, "role refused"))
    ibu = entry(_ENTRY, applied("False", 3, "stage refused"))
    fine = entry(_ENTRY, applied("True", 3))
    old = entry(_ENTRY, applied("False", 2, "old"))
    assert view_work(IBU, work(role, ibu)).apply_error == "stage refused"
    assert view_work(IBU, work(role, fine)).apply_error == "role refused"
    assert view_work(IBU, work(role, old)).apply_error == "role refused"
    assert view_work(IBU, work(old)).apply_error == ""
    assert view_work(IBU, work(fine)).apply_error == ""


def test_every_value_that_is_asked_for_finds_its_place() -> None:
    told = {name: f"<{name}>" for name in PATHS if name not in ("generation", "observedGeneration")}
    values = [text(name, value) for name, value in told.items()]
    values += [
        number("generation", 5),
        number("observedGeneration", 4),
        text(probe_value("a"), "x"),
    ]
    entry = ManifestCondition(_ENTRY, [], StatusFeedback([*values, text(probe_value("b"), "x")]))
    ibu = ibu_of(view_work(IBU, work(entry)))
    assert ibu is not None
    assert (ibu.stage, ibu.run) == ("<stage>", "<run>")
    assert (ibu.generation, ibu.observed_generation, ibu.current) == (5, 4, False)
    assert (ibu.seed_image, ibu.seed_version) == ("<seedImage>", "<seedVersion>")
    assert ibu.next_stages == frozenset(Stage)
    assert ibu.probes == {"a", "b"}
    shown = (
        ibu.idle,
        ibu.prep_in_progress,
        ibu.prep_completed,
        ibu.upgrade_in_progress,
        ibu.upgrade_completed,
        ibu.rollback_in_progress,
        ibu.rollback_completed,
    )
    for (condition, parts), view in zip(CONDITIONS.items(), shown, strict=True):
        assert view == IbuCondition(
            **{part: f"<{condition_value(condition, part)}>" for part in parts}
        )


def test_absent_values_are_empty() -> None:
    ibu = ibu_of(view_work(IBU, work(entry(_ENTRY, stage="Prep", nextIdle="Idle"))))
    assert ibu is not None
    assert ibu.next_stages == {Stage.IDLE}
    assert (ibu.generation, ibu.observed_generation, ibu.run) == (0, 0, "")
    assert ibu.prep_completed == IbuCondition()
    assert ibu.probes == frozenset()
    assert not ibu.current


def test_each_next_stage_has_a_value_of_its_own() -> None:
    assert set(NEXT_STAGES.values()) == set(Stage)


def test_decoded_from_what_a_real_agent_wrote() -> None:
    body = b"""{
      "metadata": {"name": "w", "generation": 2, "managedFields": [{"x": 1}],
                   "annotations": {"ibgu.dev/generation": "2", "ibgu.dev/arming": "armed",
                                   "ibgu.dev/run": "r1"}},
      "spec": {"workload": {"manifests": [{"kind": "ImageBasedUpgrade"}]}},
      "status": {
        "conditions": [
          {"type": "Applied", "status": "True", "observedGeneration": 2,
           "reason": "AppliedManifestWorkComplete", "lastTransitionTime": "2026-08-11T07:19:00Z"},
          {"type": "Available", "status": "True", "observedGeneration": 2}],
        "resourceStatus": {"manifests": [
          {"resourceMeta": {"ordinal": 1, "group": "lca.openshift.io", "version": "v1",
                            "kind": "ImageBasedUpgrade", "resource": "imagebasedupgrades",
                            "name": "upgrade", "namespace": ""},
           "conditions": [
             {"type": "Applied", "status": "True", "observedGeneration": 2},
             {"type": "StatusFeedbackSynced", "status": "True"},
             {"type": "Available", "status": "True"}],
           "statusFeedback": {"values": [
             {"name": "stage", "fieldValue": {"type": "String", "string": "Prep"}},
             {"name": "generation", "fieldValue": {"type": "Integer", "integer": 2}},
             {"name": "observedGeneration", "fieldValue": {"type": "Integer", "integer": 2}},
             {"name": "run", "fieldValue": {"type": "String", "string": "r1"}}]}}]}}}"""
    view = view_work(IBU, msgspec.json.decode(body, type=ManifestWork))
    assert view.up_to_date
    assert view.armed
    assert not view.edited
    assert view.feedback is not None
    assert view.feedback.current
    assert (view.feedback.stage, view.feedback.run) == ("Prep", "r1")


LONG = "x" * 240_000


def test_feedback_of_a_hostile_cluster_is_bounded() -> None:
    told = [text(name, LONG) for name in PATHS if name not in ("generation", "observedGeneration")]
    told += [text(probe_value(str(number)), "x") for number in range(10_000)]
    conditions = [Condition("Applied", "False", LONG, LONG, 3), Condition("Available", LONG)]
    view = view_work(IBU, work(ManifestCondition(_ENTRY, conditions, StatusFeedback(told))))
    assert len(msgspec.json.encode(view)) < 40 * MAX_BYTES
    assert view.apply_error == cut(LONG)
    assert view.feedback is not None
    assert len(view.feedback.probes) == 16


def test_marks_that_a_work_may_change_are_cut_too() -> None:
    marks = dict.fromkeys((names.RUN, names.PROBE, names.RESTORE, names.DIGEST, names.ACTION), LONG)
    found = ManifestWork(ObjectMeta(name="w", annotations=marks))
    assert len(msgspec.json.encode(shown_work(IBU, found))) < 6 * MAX_BYTES
