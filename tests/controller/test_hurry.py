"""The mirror tells when a cluster has come to rest: a slot may be free, and nobody should wait."""

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


def test_only_the_end_of_a_stage_hurries() -> None:
    told: list[str] = []
    mirror = Mirror(
        lambda *_: told.append("touched"),
        rested=lambda rollout, cluster: told.append(f"{cluster} rests"),
    )
    mirror.works.upsert(work(1, {"Idle": "True"}))
    mirror.works.upsert(work(2, {"Idle": "False", "PrepInProgress": "True"}))
    done = {"Idle": "False", "PrepInProgress": "False", "PrepCompleted": "True"}
    mirror.works.upsert(work(3, done, seen=1))
    assert told == ["touched"] * 3

    mirror.works.upsert(work(4, done))
    assert told == [*["touched"] * 4, "site-1 rests"]
    mirror.works.delete(work(5, {}))
    assert told[-1] == "touched"
