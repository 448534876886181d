"""A status must fit into one object: what is left out first, and what never (design 5)."""

from collections.abc import Container

from msgspec import Raw, json

from ibgu.core.kinds import JsonObject
from ibgu.core.status.listing import Listing, Words

LIMIT = 1_000_000
"""Bytes of the whole status; etcd takes 1.5 MiB for the whole object."""
NUMBERS = 20
"""Bytes that the number of hidden clusters takes where it is told."""


def fit(
    status: JsonObject,
    listing: Listing,
    last: Container[str],
    unlisted: JsonObject,
    limit: int = LIMIT,
) -> JsonObject:
    """The status with its clusters, with messages cut and then clusters hidden until it fits.

    Clusters of earlier steps alone are hidden first; `last` holds the names of the newest
    step's. Failed and running ones are never hidden; if there are too many of them, they lose
    their messages. `hidden` says how many clusters are, and so does the condition `unlisted`.
    """
    room = limit - _size(status)
    for words in (Words.WHOLE, Words.CUT):
        if listing.size(words) <= room:
            return {**status, "clusters": listing.encoded(words)}
    excess = listing.size(Words.CUT) - room + len(json.encode(unlisted)) + NUMBERS
    hidden = listing.left_out(excess, last)
    if hidden:
        told = {**unlisted, "message": unlisted["message"].format(len(hidden))}
        conditions = [*status["conditions"], told]
        status = {**status, "conditions": conditions, "hidden": len(hidden)}
    clusters = listing.encoded(Words.CUT, hidden)
    if _size(status) + len(bytes(clusters)) > limit:
        clusters = listing.encoded(Words.NONE, hidden)
    return {**status, "clusters": clusters}


def _size(status: JsonObject) -> int:
    """Bytes of all but the list of clusters."""
    return len(json.encode({**status, "clusters": Raw(b"")}))
