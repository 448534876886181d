"""The mirror tells what works show: a slot may be free, and nobody should wait."""

from ibgu.controller.mirror import Mirror
from ibgu.core.kinds import (
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
from ibgu.core.model import WorkView
from ibgu.core.observe import Shown, shown_work
from ibgu.core.works.feedback import condition_value

KEY = ("site-1", "work")
IBU = ResourceMeta(group="lca.openshift.io", kind="ImageBasedUpgrade", name="upgrade")


APPLIED = Condition(type="Applied", status="True", observed_generation=1)
DEALT_WITH = [APPLIED, Condition(type="Available", status="True")]


def work(version: int, conditions: dict[str, str], seen: int = 2) -> Shown[WorkView]:
    """`seen`: the generation of the IBU, 2, that the Lifecycle Agent has looked at."""
    values = [
        FeedbackValue(condition_value(name, "status"), FieldValue(type="String", string=status))
        for name, status in conditions.items()
    ]
    values += [
        FeedbackValue(name, FieldValue(type="Integer", integer=number))
        for name, number in (("generation", 2), ("observedGeneration", seen))
    ]
    entry = ManifestCondition(
        resource_meta=IBU, conditions=DEALT_WITH, status_feedback=StatusFeedback(values=values)
    )
    status = WorkStatus(conditions=[APPLIED], resource_status=ResourceStatus(manifests=[entry]))
    metadata = ObjectMeta(
        namespace=KEY[0], name=KEY[1], resource_version=str(version), generation=1
    )
    return shown_work(ManifestWork(metadata=metadata, status=status))


def test_what_a_work_shows_is_told_after_it_was_touched() -> None:
    told: list[str] = []
    mirror = Mirror(
        lambda *_: told.append("touched"),
        told=lambda rollout, cluster, work: told.append(f"{cluster} {work.resource_version}"),
    )
    mirror.works.upsert(work(1, {"Idle": "True"}))
    mirror.works.upsert(work(2, {"Idle": "False", "PrepInProgress": "True"}))
    mirror.works.upsert(work(2, {"Idle": "False", "PrepInProgress": "True"}))
    assert told == ["touched", "site-1 1", "touched", "site-1 2"]

    mirror.works.delete(work(5, {}))
    assert told[4:] == ["touched"]
