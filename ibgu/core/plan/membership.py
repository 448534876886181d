"""Selects the clusters of a step when it starts, and says why there are none (R2)."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ibgu.core.model import ActionName, ClusterView, PendingPatch, traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.plan.selectors import asking_for, matcher
from ibgu.core.plan.tenancy import Scope
from ibgu.core.text.natural import natural_key

Matched = tuple[ClusterView, str]
"""A cluster that a selector matches, and what excludes it ("" if nothing does)."""


def select(
    clusters: Iterable[ClusterView],
    selectors: Sequence[LabelSelector],
    action: ActionName,
    pending_patches: Mapping[str, PendingPatch],
    barred: Collection[str],
    scope: Scope,
) -> list[ClusterView]:
    """Returns the members of a step that begins with `action`, in R4's order.

    `pending_patches` is by ManagedCluster uid; `barred` has uids that a canceller took (R6.3);
    `scope`: the clusters that the rollout's namespace may use.
    """
    found = _matched(clusters, selectors, action, pending_patches, barred, scope)
    members = [cluster for cluster, obstacle in found if not obstacle]
    return sorted(members, key=lambda cluster: natural_key(cluster.name))


def why_nobody(
    clusters: Iterable[ClusterView],
    selectors: Sequence[LabelSelector],
    action: ActionName,
    pending_patches: Mapping[str, PendingPatch],
    barred: Collection[str],
    scope: Scope,
) -> str:
    """Returns a sentence for a person, where `select` with the same arguments returns none. It is
    for people who may list all of `clusters`."""
    if not selectors:
        return (
            "spec.clusterLabelSelectors is absent or empty and so selects no cluster; "
            "name the clusters by their labels there"
        )
    obstacles = Counter(
        why for _, why in _matched(clusters, selectors, action, pending_patches, barred, scope)
    )
    if not obstacles:
        return _no_match(scope)
    count = obstacles.total()
    reasons = ", ".join(f"{number} {why}" for why, number in sorted(obstacles.items()))
    noun = "cluster matches" if count == 1 else "clusters match"
    words = f"{count} {noun} spec.clusterLabelSelectors, but none can start {action}: {reasons}"
    return f"{words}; bind their set with: {scope.bind}" if scope.outside in obstacles else words


def within_reach(clusters: Iterable[ClusterView], scope: Scope) -> Iterable[ClusterView]:
    """Returns the clusters of which the people of the namespace may hear: what is said of others
    would tell them who has which labels."""
    if not scope.bounded:
        return clusters
    within = scope.matcher()
    return [cluster for cluster in clusters if within(cluster.labels)]


def _no_match(scope: Scope) -> str:
    if scope.bounded:
        return (
            "no ManagedCluster of the cluster sets that are bound to namespace "
            f"{scope.namespace} matches spec.clusterLabelSelectors; bind further sets with: "
            f"{scope.bind}"
        )
    return (
        "no ManagedCluster matches spec.clusterLabelSelectors; compare them with "
        "`oc get managedclusters --show-labels`"
    )


def outside(
    clusters: Iterable[ClusterView], selectors: Sequence[LabelSelector], scope: Scope
) -> str:
    """Returns a sentence on matching clusters that the namespace may not use; else empty."""
    if not scope.bounded:
        return ""
    chosen, within = matcher(selectors), scope.matcher()
    count = sum(1 for c in clusters if not c.local and chosen(c.labels) and not within(c.labels))
    if not count:
        return ""
    noun = "cluster that matches is" if count == 1 else "clusters that match are"
    return f"{count} more {noun} {scope.outside}; bind their set with: {scope.bind}"


def left_out(
    clusters: Iterable[ClusterView],
    selectors: Sequence[LabelSelector],
    action: ActionName,
    barred: Collection[str],
    scope: Scope,
) -> dict[str, list[str]]:
    """Returns names of matching clusters that can't start `action`, by what excludes them."""
    found: dict[str, list[str]] = {}
    for cluster, why in _matched(clusters, selectors, action, {}, barred, scope):
        if why:
            found.setdefault(why, []).append(cluster.name)
    return {why: sorted(names, key=natural_key) for why, names in sorted(found.items())}


def with_pending_patches(labels: Mapping[str, str], pending: PendingPatch | None) -> dict[str, str]:
    """Returns the labels as they will be once the pending patch is applied.

    A key that someone has changed since the patch was enqueued stays theirs (R13.2).
    """
    found = dict(labels)
    for key, change in pending.labels.items() if pending else ():
        if labels.get(key) != change.seen:
            continue
        if change.wanted is None:
            found.pop(key, None)
        else:
            found[key] = change.wanted
    return found


def _matched(
    clusters: Iterable[ClusterView],
    selectors: Sequence[LabelSelector],
    action: ActionName,
    pending_patches: Mapping[str, PendingPatch],
    barred: Collection[str],
    scope: Scope,
) -> Iterator[Matched]:
    chosen, within = matcher(selectors), scope.matcher()
    asked = matcher(asking_for(selectors, traits(action).need.if_selected))
    for cluster in clusters:
        labels = with_pending_patches(cluster.labels, pending_patches.get(cluster.uid))
        if chosen(labels):
            if cluster.local or within(cluster.labels):
                obstacle = _obstacle(cluster, barred)
                yield cluster, obstacle or ("" if asked(labels) else _unmet(labels, action))
            else:
                yield cluster, scope.outside


def _obstacle(cluster: ClusterView, barred: Collection[str]) -> str:
    if cluster.local:
        return "the hub itself (local-cluster)"
    if not cluster.accepted:
        return "not accepted by the hub (spec.hubAcceptsClient)"
    if cluster.deleting:
        return "being deleted"
    if cluster.uid in barred:
        return "taken over by a newer ImageBasedGroupUpgrade that cancels or rolls back"
    return ""


def _unmet(labels: Mapping[str, str], action: ActionName) -> str:
    need = traits(action).need
    if need.any_of and not any(key in labels for key in need.any_of):
        return f"without the label {' or '.join(need.any_of)}"
    held = [key for key in need.none_of if key in labels]
    return f"with the label {held[0]}" if held else ""
