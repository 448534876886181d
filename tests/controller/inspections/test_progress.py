"""The steps of one inspection."""

from msgspec.structs import replace

from ibgu.controller.inspections.progress import (
    AGGREGATION,
    SETTLED,
    InspectionProgress,
    InspectionStep,
)
from ibgu.core.drivers.ibu.preflight.inspection import INSPECTION
from ibgu.core.drivers.ibu.preflight.inspection.objects import ETCD
from ibgu.core.model.kinds import ManifestWork
from ibgu.db.inspections import FinishedInspection, OpenInspection
from tests.core.drivers.ibu.preflight.answers import NODE, objects, spoke, work

UNTIL = 60.0


def progress() -> InspectionProgress:
    return InspectionProgress(OpenInspection("site-1", "1"), UNTIL)


def shown(version: int, found: ManifestWork | None = None, id_: str = "1") -> ManifestWork:
    """The work as the hub shows it, which the agent has answered."""
    made = found or work(spoke(objects()), "")
    labels = {INSPECTION: id_}
    return replace(
        made, metadata=replace(made.metadata, labels=labels, resource_version=str(version))
    )


def test_a_cluster_takes_a_create_and_a_patch() -> None:
    one = progress()
    assert one.next(None, 0) is InspectionStep.CREATE
    one.asked = True
    assert one.next(None, 1) is InspectionStep.WAIT
    first = shown(1)
    assert one.next(first, 2) is InspectionStep.PATCH
    assert (one.node, one.uid) == (NODE.name, "u")
    one.patch_sent(2)
    # The watch may show the work as it was before, with a newer status.
    assert one.next(shown(2), 3) is InspectionStep.WAIT
    assert one.next(shown(3, work(spoke(objects()))), 4) is InspectionStep.FINISH
    assert one.finished.facts is not None
    assert one.finished.problem == ""


def test_a_create_that_met_another_work_is_repeated_after_a_while() -> None:
    one = progress()
    one.create_from = 1.0
    assert one.next(None, 0.9) is InspectionStep.WAIT
    assert one.next(None, 1.0) is InspectionStep.CREATE


def test_a_cluster_without_a_known_node_takes_no_patch() -> None:
    without = {each: content for each, content in objects().items() if each is not ETCD}
    assert progress().next(shown(1, work(spoke(without), "")), 0) is InspectionStep.FINISH


def test_missing_rights_are_waited_for_and_then_reported() -> None:
    one = progress()
    denied = shown(1, work(spoke(objects()), "", rights=False))
    assert one.next(denied, 10) is InspectionStep.WAIT
    assert one.next(denied, 10 + AGGREGATION) is InspectionStep.PATCH
    one.patch_sent(12)
    later = shown(2, work(spoke(objects()), rights=False))
    assert one.next(later, 13) is InspectionStep.WAIT
    assert one.next(later, 12 + SETTLED) is InspectionStep.FINISH
    assert one.finished.facts is not None
    assert one.finished.facts.forbidden


def test_rights_that_come_late_are_read_again() -> None:
    one = progress()
    denied = shown(1, work(spoke(objects()), "", rights=False))
    one.next(denied, 10)
    assert one.next(denied, 10 + AGGREGATION) is InspectionStep.PATCH
    one.patch_sent(12)
    assert one.next(shown(2, work(spoke(objects()))), 13) is InspectionStep.FINISH
    assert one.facts is not None
    assert not one.facts.forbidden


def test_a_cluster_that_is_late_has_a_problem() -> None:
    one = progress()
    unread = shown(1)
    unread = replace(unread, status=type(unread.status)())
    assert one.next(unread, UNTIL - 1) is InspectionStep.WAIT
    assert one.next(unread, UNTIL) is InspectionStep.FINISH
    words = "the work agent did not answer in time"
    assert one.finished == FinishedInspection("site-1", "1", None, words)
    assert one.next(None, 0) is InspectionStep.FINISH


def test_the_work_of_an_earlier_inspection_is_waited_for() -> None:
    one = progress()
    assert one.next(shown(1, id_="0"), 0) is InspectionStep.WAIT
    gone = shown(1)
    gone = replace(gone, metadata=replace(gone.metadata, deletion_timestamp="2026-01-01"))
    assert one.next(gone, 0) is InspectionStep.WAIT
    assert one.next(gone, UNTIL) is InspectionStep.FINISH
    assert one.problem.startswith("an earlier inspection is still being removed")
