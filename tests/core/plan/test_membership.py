import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Change, ClusterView, PendingPatch
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.plan import (
    EVERYWHERE,
    Scope,
    left_out,
    outside,
    select,
    why_nobody,
    with_pending_patches,
    within_reach,
)

EVERYBODY = [LabelSelector()]


def cluster(
    name: str,
    *,
    accepted: bool = True,
    deleting: bool = False,
    reachable: bool = True,
    local: bool = False,
    **labels: str,
) -> ClusterView:
    return ClusterView(
        name=name,
        uid=f"uid-{name}",
        accepted=accepted,
        deleting=deleting,
        reachable=reachable,
        local=local,
        labels=labels,
    )


def labelled(name: str, *keys: str) -> ClusterView:
    return ClusterView(
        name=name,
        uid=f"uid-{name}",
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
        labels=dict.fromkeys(keys, ""),
    )


def pending(name: str, **changes: Change) -> PendingPatch:
    return PendingPatch(uid=f"uid-{name}", cluster=name, rollout="r", labels=changes)


def patched(view: ClusterView, key: str, wanted: str | None) -> dict[str, PendingPatch]:
    change = Change(view.labels.get(key), wanted)
    return {
        view.uid: PendingPatch(uid=view.uid, cluster=view.name, rollout="r", labels={key: change})
    }


def chosen(
    clusters: list[ClusterView],
    action: Action = Action.PREP,
    selectors: list[LabelSelector] = EVERYBODY,
    pending_patches: dict[str, PendingPatch] | None = None,
    barred: frozenset[str] = frozenset(),
    scope: Scope = EVERYWHERE,
) -> list[str]:
    return [
        c.name for c in select(clusters, selectors, action, pending_patches or {}, barred, scope)
    ]


def test_any_selector_is_enough_and_the_order_is_natural() -> None:
    clusters = [cluster("s10", ring="1"), cluster("s9", ring="2"), cluster("s8", ring="3")]
    selectors = [LabelSelector({"ring": "1"}), LabelSelector({"ring": "2"})]
    assert chosen(clusters, selectors=selectors) == ["s9", "s10"]


def test_no_selectors_match_nobody() -> None:
    assert chosen([cluster("a")], selectors=[]) == []


def test_unreachable_clusters_are_members_too() -> None:
    assert chosen([cluster("a", reachable=False)]) == ["a"]


def test_the_hub_unaccepted_deleted_and_barred_ones_are_not() -> None:
    clusters = [
        cluster("hub", local=True),
        cluster("new", accepted=False),
        cluster("old", deleting=True),
        cluster("taken"),
        cluster("good"),
    ]
    assert chosen(clusters, barred=frozenset({"uid-taken"})) == ["good"]


PREP_DONE, PREP_FAILED = Action.PREP.completed_label, Action.PREP.failed_label
UPGRADE_DONE, UPGRADE_FAILED = Action.UPGRADE.completed_label, Action.UPGRADE.failed_label
ROLLBACK_DONE = Action.ROLLBACK.completed_label

FLEET = [
    labelled("fresh"),
    labelled("prepared", PREP_DONE),
    labelled("prep-failed", PREP_FAILED),
    labelled("upgraded", PREP_DONE, UPGRADE_DONE),
    labelled("upgrade-failed", PREP_DONE, UPGRADE_FAILED),
    labelled("rolled-back", ROLLBACK_DONE),
]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.PREP, {c.name for c in FLEET}),
        (Action.UPGRADE, {"prepared", "upgraded", "upgrade-failed"}),
        (Action.ROLLBACK, {"upgraded"}),
        (Action.FINALIZE_UPGRADE, {"upgraded"}),
        (Action.FINALIZE_ROLLBACK, {"rolled-back"}),
        (Action.ABORT, {c.name for c in FLEET} - {"upgraded"}),
        (Action.ABORT_ON_FAILURE, {"prep-failed", "upgrade-failed"}),
    ],
)
def test_members_are_chosen_by_the_labels_of_the_first_action(
    action: Action, expected: set[str]
) -> None:
    assert set(chosen(FLEET, action)) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (LabelSelector({UPGRADE_FAILED: ""}), ["upgrade-failed"]),
        (
            LabelSelector(match_expressions=[LabelRequirement(UPGRADE_FAILED, "Exists")]),
            ["upgrade-failed"],
        ),
        (LabelSelector(match_expressions=[LabelRequirement(UPGRADE_FAILED, "DoesNotExist")]), []),
    ],
)
def test_a_rollback_takes_failed_upgrades_where_a_selector_asks_for_them(
    selector: LabelSelector, expected: list[str]
) -> None:
    fleet = [each for each in FLEET if each.name != "upgraded"]
    assert chosen(fleet, Action.ROLLBACK, selectors=[selector]) == expected
    assert chosen(fleet, Action.FINALIZE_UPGRADE, selectors=[selector]) == []
    both = chosen(FLEET, Action.ROLLBACK, selectors=[LabelSelector(), selector])
    assert set(both) == {"upgraded", *expected}


def test_pending_labels_count_as_written() -> None:
    fresh, prepared = labelled("fresh"), labelled("prepared", PREP_DONE)
    assert chosen([fresh], Action.UPGRADE, pending_patches=patched(fresh, PREP_DONE, "")) == [
        "fresh"
    ]
    assert (
        chosen([prepared], Action.UPGRADE, pending_patches=patched(prepared, PREP_DONE, None)) == []
    )


def test_selectors_see_what_is_pending() -> None:
    view = cluster("a", ring="1")
    pending_patches = patched(view, "ring", "2")
    assert chosen(
        [view], selectors=[LabelSelector({"ring": "2"})], pending_patches=pending_patches
    ) == ["a"]


def test_labels_changed_by_others_override_a_pending_patch() -> None:
    owes = pending("a", x=Change(None, "ours"), y=Change("1", None), z=Change("1", "2"))
    assert with_pending_patches({"x": "theirs", "y": "1", "z": "1"}, owes) == {
        "x": "theirs",
        "z": "2",
    }
    assert with_pending_patches({"x": "theirs"}, None) == {"x": "theirs"}


def test_a_deleted_label_may_be_pending() -> None:
    assert with_pending_patches({}, pending("a", y=Change(None, None))) == {}


def why(clusters: list[ClusterView], action: Action, selectors: list[LabelSelector]) -> str:
    return why_nobody(clusters, selectors, action, {}, frozenset({"uid-taken"}), EVERYWHERE)


def test_missing_selectors_are_explained() -> None:
    assert why([cluster("a")], Action.PREP, []) == (
        "spec.clusterLabelSelectors is absent or empty and so selects no cluster; "
        "name the clusters by their labels there"
    )


def test_selectors_without_a_match_are_explained() -> None:
    assert why([cluster("a")], Action.PREP, [LabelSelector({"x": "y"})]) == (
        "no ManagedCluster matches spec.clusterLabelSelectors; compare them with "
        "`oc get managedclusters --show-labels`"
    )


def test_clusters_that_can_not_start_are_counted_by_cause() -> None:
    clusters = [
        cluster("hub", local=True),
        cluster("new", accepted=False),
        cluster("old", deleting=True),
        cluster("taken"),
        cluster("a"),
        cluster("b"),
    ]
    assert why(clusters, Action.ABORT_ON_FAILURE, EVERYBODY) == (
        "6 clusters match spec.clusterLabelSelectors, but none can start AbortOnFailure: "
        + ", ".join(
            (
                "1 being deleted",
                "1 not accepted by the hub (spec.hubAcceptsClient)",
                "1 taken over by a newer ImageBasedGroupUpgrade that cancels or rolls back",
                "1 the hub itself (local-cluster)",
                "2 without the label lcm.openshift.io/ibgu-prep-failed or "
                "lcm.openshift.io/ibgu-upgrade-failed",
            )
        )
    )


def test_a_cluster_with_a_forbidden_label_is_explained() -> None:
    assert why([labelled("a", UPGRADE_DONE)], Action.ABORT, EVERYBODY) == (
        "1 cluster matches spec.clusterLabelSelectors, but none can start Abort: "
        "1 with the label lcm.openshift.io/ibgu-upgrade-completed"
    )


@given(st.lists(st.sampled_from(FLEET), unique_by=lambda c: c.name), st.sampled_from(Action))
def test_the_same_members_in_the_same_order_for_every_order_of_the_list(
    clusters: list[ClusterView], action: Action
) -> None:
    assert chosen(clusters, action) == chosen(clusters[::-1], action)


NORTH = Scope("north", (LabelSelector({"region": "north"}),))


def test_only_the_namespaces_own_clusters_whatever_the_selectors_say() -> None:
    clusters = [cluster("a", region="north"), cluster("b", region="south"), cluster("c")]
    assert chosen(clusters, scope=NORTH) == ["a"]
    assert left_out(clusters, EVERYBODY, Action.PREP, (), NORTH) == {
        "in no cluster set that is bound to namespace north": ["b", "c"]
    }


def test_the_hub_itself_is_in_no_namespaces_reach() -> None:
    """The set `global` has it too."""
    everything = Scope("north", (LabelSelector(),))
    assert chosen([cluster("hub", local=True)], scope=everything) == []
    assert outside([cluster("hub", local=True)], EVERYBODY, NORTH) == ""


def test_a_pending_patch_puts_no_cluster_into_a_set() -> None:
    view = cluster("a", region="south")
    assert chosen([view], pending_patches=patched(view, "region", "north"), scope=NORTH) == []


def test_clusters_outside_the_bound_sets_are_counted_with_the_remedy() -> None:
    clusters = [cluster("a", region="north"), cluster("b"), cluster("c")]
    bind = "bind their set with: clusteradm clusterset bind SET --namespace north"
    assert outside(clusters, EVERYBODY, NORTH) == (
        f"2 more clusters that match are in no cluster set that is bound to namespace north; {bind}"
    )
    assert outside(clusters[:2], EVERYBODY, NORTH).startswith("1 more cluster that matches is in")
    assert outside(clusters[:1], EVERYBODY, NORTH) == ""
    assert outside(clusters, EVERYBODY, EVERYWHERE) == ""
    why = why_nobody(clusters[1:], EVERYBODY, Action.PREP, {}, (), NORTH)
    assert why == (
        "2 clusters match spec.clusterLabelSelectors, but none can start Prep: "
        f"2 in no cluster set that is bound to namespace north; {bind}"
    )


def test_a_namespace_hears_nothing_of_clusters_outside_its_sets() -> None:
    """Whether they match or not, the words are the same."""
    clusters = [cluster("a", region="north"), cluster("b"), cluster("c", vendor="acme")]
    told = within_reach(clusters, NORTH)
    assert [each.name for each in told] == ["a"]
    assert within_reach(clusters, EVERYWHERE) is clusters
    for asked in ({"vendor": "acme"}, {"vendor": "other"}):
        selectors = [LabelSelector(match_labels=asked)]
        assert why_nobody(told, selectors, Action.PREP, {}, (), NORTH) == (
            "no ManagedCluster of the cluster sets that are bound to namespace north matches "
            "spec.clusterLabelSelectors; bind further sets with: clusteradm clusterset bind SET "
            "--namespace north"
        )


REGIONS = st.sampled_from([{}, {"region": "north"}, {"region": "south"}])


@given(st.lists(REGIONS), st.sampled_from(Action), st.booleans())
def test_nobody_outside_is_ever_taken(
    labels: list[dict[str, str]], action: Action, done: bool
) -> None:
    keys = {UPGRADE_DONE: "", ROLLBACK_DONE: "", PREP_FAILED: ""} if done else {}
    clusters = [
        replace(labelled(f"s{n}"), labels={**each, **keys}) for n, each in enumerate(labels)
    ]
    within = {c.name for c in clusters if c.labels.get("region") == "north"}
    assert set(chosen(clusters, action, scope=NORTH)) == set(chosen(clusters, action)) & within
