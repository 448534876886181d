"""Label and annotation patches that are pending for ManagedClusters (R13, R14)."""

from collections.abc import Mapping

from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.model import (
    ActionName,
    Change,
    ClusterView,
    Kind,
    Member,
    OnPendingPatch,
    PendingPatch,
    names,
    traits,
)
from ibgu.core.plan import with_pending_patches

MetadataChanges = dict[str, str | None]


def success_labels(action: ActionName, labels: Mapping[str, str]) -> MetadataChanges:
    known = traits(action)
    if known.clears_labels:
        return {key: None for key in labels if key.startswith(known.label_prefix)}
    return {known.completed_label: "", known.failed_label: None}


def failure_labels(action: ActionName) -> MetadataChanges:
    return {traits(action).failed_label: ""}


def _pending(
    view: Mapping[str, str], old: Mapping[str, Change], wanted: MetadataChanges
) -> dict[str, Change]:
    """Returns the pending changes: the newest value wins, and what the hub shows already is
    dropped."""
    changes = dict(old)
    for key, value in wanted.items():
        changes[key] = _newest(old[key], value) if key in old else Change(view.get(key), value)
    # An older patch may be on its way: a newer value stays pending even if the hub shows it.
    doubtful = {key for key in wanted if key in old and old[key].wanted != wanted[key]}
    return {k: c for k, c in changes.items() if k in doubtful or view.get(k) != c.wanted}


def _newest(older: Change, wanted: str | None) -> Change:
    """Returns the change that follows `older`. A change to the value before it undoes the older
    patch, so the value seen is ours."""
    return Change(older.wanted if wanted == older.seen else older.seen, wanted)


def enqueue(
    ctx: DecisionContext, cluster: ClusterView, annotations: MetadataChanges, why: str
) -> None:
    """Adds annotations to the cluster's pending patch; no decision if the hub shows them all."""
    old, pending = _added(ctx, cluster, {}, annotations)
    if pending != old:
        ctx.decide(OnPendingPatch(Kind.LABELS_PENDING, pending, why))


def enqueue_outcome(
    ctx: DecisionContext,
    cluster: ClusterView,
    labels: MetadataChanges,
    annotations: MetadataChanges,
    why: str,
) -> None:
    """Adds an outcome's labels and annotations to the pending patch; always a decision, because
    each outcome is accounted for."""
    old, pending = _added(ctx, cluster, labels, annotations)
    ctx.decide(
        OnPendingPatch(
            Kind.LABELS_PENDING if pending != old else Kind.LABELS_UNCHANGED, pending, why, labels
        )
    )


def _known(ctx: DecisionContext, uid: str, cluster: str) -> PendingPatch:
    empty = PendingPatch(uid=uid, cluster=cluster, rollout=ctx.rollout.uid)
    return replace(ctx.fleet.pending_patches.get(uid, empty), rollout=ctx.rollout.uid)


def _added(
    ctx: DecisionContext,
    cluster: ClusterView,
    labels: MetadataChanges,
    annotations: MetadataChanges,
) -> tuple[PendingPatch, PendingPatch]:
    """Returns the pending patch before and after."""
    old = _known(ctx, cluster.uid, cluster.name)
    return old, replace(
        old,
        labels=_pending(cluster.labels, old.labels, labels),
        annotations=_pending(cluster.annotations, old.annotations, annotations),
    )


def labels_with_pending(ctx: DecisionContext, cluster: ClusterView) -> dict[str, str]:
    return with_pending_patches(cluster.labels, ctx.fleet.pending_patches.get(cluster.uid))


def annotations_with_pending(ctx: DecisionContext, cluster: ClusterView) -> dict[str, str]:
    """Returns the cluster's annotations as they will be once the pending patch is applied."""
    pending = ctx.fleet.pending_patches.get(cluster.uid)
    if pending is None:
        return cluster.annotations
    wanted = {key: change.wanted for key, change in pending.annotations.items()}
    merged = {**cluster.annotations, **wanted}
    return {key: value for key, value in merged.items() if value is not None}


def auto_import_off(
    ctx: DecisionContext, cluster: ClusterView, *, claimed: bool
) -> MetadataChanges:
    """Returns the patch that sets disable-auto-import as ours; empty where it is set anyway
    (R14.1).

    `claimed`: whether the cluster is the rollout's now. Then what another rollout has set ahead
    becomes ours: that one may end at any time, and would remove it (R14.3).
    """
    annotations, mine = annotations_with_pending(ctx, cluster), ctx.rollout.uid
    if names.DISABLE_AUTO_IMPORT not in annotations:
        return {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: mine}
    others = annotations.get(names.AUTO_IMPORT_BY, mine) != mine
    return {names.AUTO_IMPORT_BY: mine} if claimed and others else {}


def auto_import_on(ctx: DecisionContext, cluster: ClusterView) -> MetadataChanges:
    """Returns the patch that removes disable-auto-import, if this rollout set it."""
    annotations = annotations_with_pending(ctx, cluster)
    if annotations.get(names.AUTO_IMPORT_BY) != ctx.rollout.uid:
        return {}
    return {names.DISABLE_AUTO_IMPORT: None, names.AUTO_IMPORT_BY: None}


def release_auto_import(ctx: DecisionContext, member: Member) -> None:
    """Removes disable-auto-import on evidence that the cluster is out of the stage."""
    seen = ctx.observe(member.cluster)
    cluster, known = seen.cluster, seen.current_feedback
    if cluster is None or not cluster.reachable or cluster.uid != member.uid:
        return
    if known and ctx.driver.out_of_stage(known):
        enqueue(ctx, cluster, auto_import_on(ctx, cluster), "the cluster is out of the stage")


def still_pending(pending: PendingPatch, cluster: ClusterView | None) -> PendingPatch:
    """Returns what is still pending, given what the hub shows.

    A key that shows the wanted value is done. A key that shows neither it nor the value seen at
    enqueue time was changed by someone since, and stays theirs (R13.2). For a cluster that is gone
    or re-created nothing is pending.
    """
    if cluster is None or cluster.uid != pending.uid:
        return replace(pending, labels={}, annotations={})
    return replace(
        pending,
        labels=_still_to_write(pending.labels, cluster.labels),
        annotations=_still_to_write(pending.annotations, cluster.annotations),
    )


def _still_to_write(wanted: Mapping[str, Change], shown: Mapping[str, str]) -> dict[str, Change]:
    return {
        key: change
        for key, change in wanted.items()
        if shown.get(key) != change.wanted and shown.get(key) == change.seen
    }


def decide_pending_patch(
    pending: PendingPatch, cluster: ClusterView | None
) -> OnPendingPatch | None:
    """Returns the decision that updates the pending patch; None if all of it still is."""
    left = still_pending(pending, cluster)
    if left == pending:
        return None
    return OnPendingPatch(Kind.LABELS_UPDATED, left, _why_updated(pending, left, cluster))


def _why_updated(pending: PendingPatch, left: PendingPatch, cluster: ClusterView | None) -> str:
    if cluster is None or cluster.uid != pending.uid:
        return "the ManagedCluster is gone: nothing is pending any more"
    wanted, still = (
        {**pending.labels, **pending.annotations},
        {**left.labels, **left.annotations},
    )
    shown = {**cluster.labels, **cluster.annotations}
    done = {key: change.wanted for key, change in wanted.items() if key not in still}
    others = sorted(key for key, wanted in done.items() if shown.get(key) != wanted)
    if others:
        return f"changed by someone else since, and left as it is: {', '.join(others)}"
    return "the ManagedCluster shows them"
