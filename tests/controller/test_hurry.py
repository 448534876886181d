"""The mirror tells when a cluster has come to rest: a slot may be free, and nobody should wait."""

from ibgu.controller.mirror import Mirror
from ibgu.core.kinds import (
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


def work(version: int, **conditions: str) -> Shown[WorkView]:
    values = [
        FeedbackValue(condition_value(name, "status"), FieldValue(type="String", string=status))
        for name, status in conditions.items()
    ]
    entry = ManifestCondition(resource_meta=IBU, status_feedback=StatusFeedback(values=values))
    return shown_work(
        ManifestWork(
            metadata=ObjectMeta(namespace=KEY[0], name=KEY[1], resource_version=str(version)),
            status=WorkStatus(resource_status=ResourceStatus(manifests=[entry])),
        )
    )


def test_only_the_end_of_a_stage_hurries() -> None:
    told: list[str] = []
    mirror = Mirror(lambda *_: told.append("touched"), rested=lambda: told.append("rested"))
    mirror.works.upsert(work(1, Idle="True"))
    mirror.works.upsert(work(2, Idle="False", PrepInProgress="True"))
    assert told == ["touched", "touched"]

    mirror.works.upsert(work(3, Idle="False", PrepInProgress="False", PrepCompleted="True"))
    assert told == ["touched", "touched", "touched", "rested"]
    mirror.works.delete(work(4))
    assert told == ["touched", "touched", "touched", "rested", "touched"]
