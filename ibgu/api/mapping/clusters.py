"""Maps a cluster as the journal knows it."""

from collections.abc import Iterable

from ibgu.api.mapping.members import visit_body
from ibgu.api.readable import Readable
from ibgu.api.schemas.clusters import ClusterBody, HoldBody
from ibgu.core.forecast import DurationsByAction
from ibgu.core.model import Change
from ibgu.db.views import ClusterRow, HoldRow, VisitRow


def cluster_body(
    name: str,
    row: ClusterRow,
    newest: VisitRow,
    duration_stats: DurationsByAction,
    readable: Readable,
) -> ClusterBody:
    return ClusterBody(
        name=name,
        newest=visit_body(newest, duration_stats, readable),
        hold=_hold(row.holds[0], readable) if row.holds else None,
        labels=row.labels,
        labels_owed=_wanted(pending.labels for pending in row.pending_patches),
        annotations_owed=_wanted(pending.annotations for pending in row.pending_patches),
    )


def _hold(row: HoldRow, readable: Readable) -> HoldBody:
    rollout = readable.reference(row.namespace, row.name, row.rollout)
    return HoldBody(rollout=rollout, step=row.step + 1, slot=row.slot, taken_at=row.taken_at)


def _wanted(changes: Iterable[dict[str, Change]]) -> dict[str, str | None]:
    return {key: change.wanted for each in changes for key, change in each.items()}
