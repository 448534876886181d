"""Fits a status into one object: what is left out first, and what last (R27.4)."""

from collections import Counter
from collections.abc import Container, Mapping

from msgspec import Raw, json

from ibgu.core.model.kinds import JsonObject
from ibgu.core.views.status.entries import EntryRank
from ibgu.core.views.status.listing import MessageDetail, StatusListing

LIMIT = 1_000_000
"""Bytes of the whole status; etcd takes 1.5 MiB for the whole object."""
NUMBERS = 80
"""Bytes reserved for the numbers of hidden clusters."""


def fit(
    status: JsonObject,
    listing: StatusListing,
    last: Container[str],
    unlisted: JsonObject,
    limit: int = LIMIT,
) -> JsonObject:
    """Returns the status with its clusters, within the limit: what does not fit is left out.

    First messages are cut; then clusters are hidden that neither failed nor run, those of earlier
    steps alone before those of the newest, whose names are in `last`. If the others still do not
    fit, all messages go, and as many clusters are listed as fit: failed ones before running ones
    before the rest. `hidden` says how many are not listed, and so does the condition `unlisted`.
    """
    room = limit - _size(status)
    rest = room - len(json.encode(unlisted)) - NUMBERS
    detail, hidden = _chosen(listing, last, room, rest)
    if hidden:
        condition = {**unlisted, "message": unlisted["message"].format(_counted(hidden))}
        conditions = [*status["conditions"], condition]
        status = {**status, "conditions": conditions, "hidden": len(hidden)}
    return {**status, "clusters": listing.encoded(detail, hidden)}


def _chosen(
    listing: StatusListing, last: Container[str], room: int, rest: int
) -> tuple[MessageDetail, Mapping[str, EntryRank]]:
    """Returns what to show; `room`: bytes for the list, `rest`: the same if something is hidden,
    which must be reported."""
    for detail in (MessageDetail.WHOLE, MessageDetail.CUT):
        if listing.size(detail) <= room:
            return detail, {}
    if listing.size(MessageDetail.CUT, EntryRank.RUNNING) <= rest:
        return MessageDetail.CUT, listing.left_out(MessageDetail.CUT, rest, last)
    if listing.size(MessageDetail.NONE) <= room:
        return MessageDetail.NONE, {}
    return MessageDetail.NONE, listing.left_out(MessageDetail.NONE, rest, last)


def _counted(hidden: Mapping[str, EntryRank]) -> str:
    counts = Counter(hidden.values())
    worse = ((EntryRank.FAILED, "failed"), (EntryRank.RUNNING, "running"))
    named = ", ".join(f"{counts[rank]} {word}" for rank, word in worse if counts[rank])
    return f"{len(hidden)} clusters ({named})" if named else f"{len(hidden)} clusters"


def _size(status: JsonObject) -> int:
    """Returns the bytes of all but the list of clusters."""
    return len(json.encode({**status, "clusters": Raw(b"")}))
