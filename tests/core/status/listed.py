"""The entries of a status as the hub has them."""

from typing import Any

from msgspec import json

from ibgu.core.book import Book
from ibgu.core.status.listing import Listing, Words


def entries(book: Book, listing: Listing | None = None, words: Words = Words.WHOLE) -> Any:
    listing = listing or Listing()
    listing.update(book)
    encoded = listing.encoded(words)
    assert len(bytes(encoded)) == listing.size(words)
    return json.decode(encoded)


def plain(status: Any) -> Any:
    return json.decode(json.encode(status))
