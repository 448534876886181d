from msgspec import json

from ibgu.core.engine.works import cluster_patch
from ibgu.core.model import Change, PendingPatch


def test_labels_and_annotations_null_deletes() -> None:
    pending = PendingPatch(
        uid="u",
        cluster="site-1",
        rollout="r",
        labels={"a": Change(None, ""), "b": Change("", None)},
        annotations={"c": Change("x", "y")},
    )
    assert json.decode(cluster_patch(pending, "7")) == {
        "metadata": {
            "uid": "u",
            "resourceVersion": "7",
            "labels": {"a": "", "b": None},
            "annotations": {"c": "y"},
        }
    }


def test_the_patch_contains_only_pending_keys() -> None:
    pending = PendingPatch(uid="u", cluster="site-1", rollout="r", labels={"a": Change(None, "")})
    assert json.decode(cluster_patch(pending, "7")) == {
        "metadata": {"uid": "u", "resourceVersion": "7", "labels": {"a": ""}}
    }
