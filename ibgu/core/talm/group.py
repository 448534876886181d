"""Converts a ClusterGroupUpgrade to a Group: one step of a plan, which TALM carries out in
batches."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import ActionName, declared
from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find, status_of
from ibgu.core.model.kinds import ClusterGroupUpgrade, ResourceStatus, RolloutSpec
from ibgu.core.talm import names
from ibgu.core.text.cut import cut


class TalmGroup(Struct, frozen=True, kw_only=True):
    """A step of TALM's. `index`: its place in the plan, from 0."""

    namespace: str
    name: str
    owners: tuple[str, ...]
    """uids of the IBGUs for which it was created."""
    index: int
    actions: tuple[ActionName, ...]
    batches: tuple[tuple[str, ...], ...]
    """Batches of clusters; empty until TALM has chosen the clusters."""
    started_at: datetime | None
    finished_at: datetime | None
    finished: bool
    """Whether TALM is done with the step, successfully or not."""
    ended: Mapping[str, str]
    """Cluster -> how it ended (`names.COMPLETE`, `names.TIMED_OUT`)."""
    progress: Mapping[str, int]
    """Cluster of the running batch -> how many of the step's actions it has completed."""
    timed_out_in: Mapping[str, ActionName]
    """Cluster -> the action in which it timed out."""
    words: Mapping[str, str]
    """Cluster -> what TALM knew of it when it timed out."""

    @property
    def clusters(self) -> tuple[str, ...]:
        return tuple(name for batch in self.batches for name in batch)


def groups_of(
    ibgu: str, spec: RolloutSpec, cgus: Iterable[ClusterGroupUpgrade]
) -> tuple[TalmGroup, ...]:
    """Returns the groups that carry out a step of this plan, in its order; others with the label
    are left out."""
    plan = {
        names.group_name(ibgu, item.actions, index): (index, tuple(item.actions))
        for index, item in enumerate(spec.plan)
        if all(map(declared, item.actions))
    }
    found = [group_of(cgu, *plan[cgu.metadata.name]) for cgu in cgus if cgu.metadata.name in plan]
    return tuple(sorted(found, key=lambda group: group.index))


def group_of(cgu: ClusterGroupUpgrade, index: int, actions: tuple[ActionName, ...]) -> TalmGroup:
    meta, status = cgu.metadata, cgu.status
    run = status.status
    return TalmGroup(
        namespace=meta.namespace,
        name=meta.name,
        owners=tuple(owner.uid for owner in meta.owner_references),
        index=index,
        actions=actions,
        batches=tuple(map(tuple, status.remediation_plan)),
        started_at=moment(run.started_at or ""),
        finished_at=moment(run.completed_at or ""),
        finished=finished(cgu),
        ended={c.name: c.state for c in status.clusters if c.state},
        progress=_progress(cgu, len(actions)),
        timed_out_in=_timed_out_in(cgu, actions),
        words={
            c.name: "\n".join(_message_parts(c.current_manifest_work.status))
            for c in status.clusters
            if c.current_manifest_work is not None
        },
    )


def finished(cgu: ClusterGroupUpgrade) -> bool:
    """Whether `Succeeded` is set, True or False: TALM is done with the step."""
    return status_of(cgu.status.conditions, "Succeeded") in ("True", "False")


def _progress(cgu: ClusterGroupUpgrade, actions: int) -> dict[str, int]:
    found = cgu.status.status.current_batch_remediation_progress
    return {
        name: actions if progress.state == "Completed" else progress.manifest_work_index or 0
        for name, progress in found.items()
        if progress is not None
    }


def _timed_out_in(cgu: ClusterGroupUpgrade, actions: Iterable[ActionName]) -> dict[str, ActionName]:
    """Returns the action that timed out: TALM names the ManifestWorkReplicaSet, named after the
    action."""
    by_suffix = {action.lower(): action for action in actions}
    found: dict[str, ActionName] = {}
    for cluster in cgu.status.clusters:
        work = cluster.current_manifest_work
        action = by_suffix.get(work.name.rpartition("-")[2]) if work else None
        if cluster.state == names.TIMED_OUT and action is not None:
            found[cluster.name] = action
    return found


def _message_parts(status: ResourceStatus) -> Iterator[str]:
    """Returns the message as TALM builds it for `failedActions`."""
    for manifest in status.manifests:
        for value in manifest.status_feedback.values:
            if "ConditionMessage" in value.name or "ConditionReason" in value.name:
                yield cut(value.field_value.string or "")
        applied = find(manifest.conditions, "Applied")
        if applied.status == "False":
            yield applied.message
