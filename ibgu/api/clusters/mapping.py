"""Maps a cluster as the journal knows it."""

from collections.abc import Iterable

from ibgu.api.clusters.schemas import ClaimBody, ClusterBody
from ibgu.api.members.mapping import visit_body
from ibgu.api.requests.readable import Readable
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import Change
from ibgu.db.reads.visits import by_activity
from ibgu.db.views import ClaimRow, ClusterRow, VisitListing


def cluster_body(
    name: str,
    row: ClusterRow,
    newest: VisitListing,
    duration_stats: DurationsByAction,
    readable: Readable,
) -> ClusterBody:
    return ClusterBody(
        name=name,
        newest=visit_body(by_activity(newest.items)[0], duration_stats, readable),
        claim=_claim(row.claims[0], readable) if row.claims else None,
        labels=row.labels,
        labels_pending=_wanted(pending.labels for pending in row.pending_patches),
        annotations_pending=_wanted(pending.annotations for pending in row.pending_patches),
        newest_event=newest.newest_event,
    )


def _claim(row: ClaimRow, readable: Readable) -> ClaimBody:
    rollout = readable.reference(row.namespace, row.name, row.rollout)
    return ClaimBody(rollout=rollout, step=row.step + 1, slot=row.slot, taken_at=row.taken_at)


def _wanted(changes: Iterable[dict[str, Change]]) -> dict[str, str | None]:
    return {key: change.wanted for each in changes for key, change in each.items()}
