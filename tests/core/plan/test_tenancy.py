"""The clusters that a namespace may take, by the cluster sets that are bound to it."""

import pytest

from ibgu.core.model.kinds import (
    ClusterSelector,
    Condition,
    LabelRequirement,
    LabelSelector,
    ManagedClusterSet,
    ManagedClusterSetBinding,
    ManagedClusterSetBindingSpec,
    ManagedClusterSetBindingStatus,
    ManagedClusterSetSpec,
    ObjectMeta,
)
from ibgu.core.plan import EVERYWHERE, Scope, Tenancy, tenancy_of
from ibgu.core.plan.tenancy import CLUSTER_SET_LABEL

RAN = {CLUSTER_SET_LABEL: "ran"}
LEAVING = "2026-11-23T05:00:00Z"


def of(name: str, type_: str = "", chosen: LabelSelector | None = None) -> ManagedClusterSet:
    spec = ManagedClusterSetSpec(ClusterSelector(type_, chosen))
    return ManagedClusterSet(ObjectMeta(name=name), spec)


def binding(
    name: str,
    bound: str = "",
    *,
    namespace: str = "north",
    to: str = "",
    leaving: str | None = None,
) -> ManagedClusterSetBinding:
    """`bound`: the status of its condition Bound; empty: it has none yet."""
    told = [Condition("Other", "False"), *([Condition("Bound", bound)] if bound else [])]
    return ManagedClusterSetBinding(
        ObjectMeta(name=name, namespace=namespace, deletion_timestamp=leaving),
        ManagedClusterSetBindingSpec(to or name),
        ManagedClusterSetBindingStatus(told),
    )


def scope(found: ManagedClusterSet, bound: ManagedClusterSetBinding) -> Scope:
    return tenancy_of([found], [bound]).scope("north")


@pytest.mark.parametrize("type_", ["", "ExclusiveClusterSetLabel"])
@pytest.mark.parametrize("bound", ["", "True"])
def test_a_cluster_belongs_to_a_set_by_its_label(type_: str, bound: str) -> None:
    found = scope(of("ran", type_), binding("ran", bound))
    assert (found.problem, found.bounded) == ("", True)
    for includes in (found.includes, found.matcher()):
        assert includes(RAN)
        assert not includes({CLUSTER_SET_LABEL: "core"})
        assert not includes({})


def test_a_set_may_choose_by_other_labels_too() -> None:
    everything = scope(of("global", "LabelSelector", LabelSelector()), binding("global"))
    assert everything.includes({})
    north = LabelSelector({"region": "north"})
    found = scope(of("north", "LabelSelector", north), binding("north"))
    assert found.includes({"region": "north"})
    assert not found.includes(RAN)


WRONG = LabelSelector(match_expressions=[LabelRequirement("a", "Near")])


@pytest.mark.parametrize(
    "found",
    [
        of("ran", "LabelSelector"),
        of("ran", "LabelSelector", WRONG),
        of("ran", "SomethingNew", LabelSelector()),
        of("core"),
        ManagedClusterSet(ObjectMeta(name="ran", deletion_timestamp=LEAVING)),
    ],
    ids=["no selector", "a wrong one", "another type", "another set", "being deleted"],
)
def test_a_set_that_has_no_clusters_to_give_is_as_none(found: ManagedClusterSet) -> None:
    told = scope(found, binding("ran"))
    assert not told.includes(RAN)
    assert told.problem == (
        "no ManagedClusterSet is bound to namespace north, so its ImageBasedGroupUpgrades may "
        "take no cluster; bind one with: clusteradm clusterset bind SET --namespace north"
    )


@pytest.mark.parametrize(
    "bound",
    [
        binding("ran", "False"),
        binding("ran", "Unknown"),
        binding("ran", namespace="south"),
        binding("mine", to="ran"),
        binding("ran", leaving=LEAVING),
    ],
    ids=["not bound", "not known", "another namespace", "another name", "being deleted"],
)
def test_a_binding_that_does_not_count(bound: ManagedClusterSetBinding) -> None:
    assert scope(of("ran"), bound).problem


def test_several_sets_may_be_bound_and_one_to_several_namespaces() -> None:
    sets = [of("ran"), of("core")]
    bindings = [binding("ran"), binding("core"), binding("core", namespace="south")]
    tenancy = tenancy_of(sets, bindings)
    assert tenancy.scope("north").includes(RAN)
    assert tenancy.scope("north").includes({CLUSTER_SET_LABEL: "core"})
    assert not tenancy.scope("south").includes(RAN)
    assert tenancy == tenancy_of(sets, bindings)


def test_nobody_may_take_anything_while_it_is_not_known() -> None:
    found = Tenancy(problem="ibgu may not list them").scope("north")
    assert (found.problem, found.bounded) == ("ibgu may not list them", True)
    assert not found.includes(RAN)


def test_without_tenancy_every_cluster_is_in_scope() -> None:
    assert (EVERYWHERE.bounded, EVERYWHERE.problem) == (False, "")
    assert EVERYWHERE.includes({})
    assert EVERYWHERE.matcher()({})
