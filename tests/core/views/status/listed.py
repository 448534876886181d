"""The entries of a status as the hub has them."""

from typing import Any

from msgspec import json

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.views.status.listing import MessageDetail, StatusListing


def entries(
    tracked: TrackedRollout,
    listing: StatusListing | None = None,
    detail: MessageDetail = MessageDetail.WHOLE,
) -> Any:
    listing = listing or StatusListing()
    listing.update(tracked)
    encoded = listing.encoded(detail)
    assert len(bytes(encoded)) == listing.size(detail)
    return json.decode(encoded)


def plain(status: Any) -> Any:
    return json.decode(json.encode(status))
