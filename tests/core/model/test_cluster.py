from datetime import UTC, datetime

import pytest

from ibgu.core.model import ClusterConditionView, names
from ibgu.core.model.kinds import (
    Condition,
    ManagedCluster,
    ManagedClusterSpec,
    ManagedClusterStatus,
    ObjectMeta,
)
from ibgu.core.model.shown import MAX_CONDITIONS, view_cluster


def managed(meta: ObjectMeta, *, accepted: bool = True, available: str = "True") -> ManagedCluster:
    joined = Condition(type="ManagedClusterJoined", status="True")
    seen = Condition(type="ManagedClusterConditionAvailable", status=available)
    return ManagedCluster(
        meta, ManagedClusterSpec(accepted), ManagedClusterStatus(conditions=[joined, seen])
    )


def test_a_cluster_view_keeps_only_ibgus_annotations() -> None:
    """Only annotations that ibgu sets itself are copied: others are long, and nobody reads them."""
    marks = {names.DISABLE_AUTO_IMPORT: "", names.AUTO_IMPORT_BY: "u"}
    meta = ObjectMeta(name="site-1", uid="u", labels={"a": "b"}, annotations=marks | {"c": "d"})
    view = view_cluster(managed(meta))
    assert (view.name, view.uid, view.labels, view.annotations) == (
        "site-1",
        "u",
        {"a": "b"},
        marks,
    )
    assert (view.accepted, view.deleting, view.reachable, view.local) == (True, False, True, False)


@pytest.mark.parametrize("available", ["False", "Unknown", ""])
def test_only_true_is_reachable(available: str) -> None:
    assert not view_cluster(managed(ObjectMeta(name="a"), available=available)).reachable


def test_no_condition_is_not_reachable() -> None:
    assert not view_cluster(ManagedCluster(ObjectMeta(name="a"))).reachable


def test_unaccepted_and_terminating_clusters_are_recognized() -> None:
    meta = ObjectMeta(name="a", deletion_timestamp="2026-01-01T00:00:00Z")
    view = view_cluster(managed(meta, accepted=False))
    assert not view.accepted
    assert view.deleting


@pytest.mark.parametrize(
    ("meta", "local"),
    [
        (ObjectMeta(name="local-cluster"), True),
        (ObjectMeta(name="hub", labels={"local-cluster": "true"}), True),
        (ObjectMeta(name="hub", labels={"local-cluster": "false"}), False),
    ],
)
def test_the_hub_itself(meta: ObjectMeta, local: bool) -> None:
    assert view_cluster(managed(meta)).local is local


def test_the_first_conditions_are_kept_with_their_times() -> None:
    found = [
        Condition(
            type="example.com/Power", status="False", last_transition_time="2026-01-01T00:00:00Z"
        ),
        *(Condition(type=f"T{number}" + "x" * 9999, status="Odd" * 999) for number in range(99)),
    ]
    status = ManagedClusterStatus(conditions=found)
    first, *others = view_cluster(ManagedCluster(ObjectMeta(name="a"), status=status)).conditions
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert first == ClusterConditionView("example.com/Power", "False", since)
    assert len(others) == MAX_CONDITIONS - 1
    assert all(len(each.type) == len(each.status) == 400 for each in others)
    assert others[0].since is None
