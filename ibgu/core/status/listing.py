"""`status.clusters[]` as bytes, kept up to date: a status costs what has changed since the last."""

from collections.abc import Container
from enum import IntEnum

from msgspec import Raw, Struct, json

from ibgu.core.book import Book
from ibgu.core.kinds import JsonObject
from ibgu.core.plan import natural_key
from ibgu.core.status.entries import cut, dispensable, entry

SHORT = 80
"""Characters of a message once messages are cut."""


class Words(IntEnum):
    """How much of the messages is told."""

    WHOLE = 0
    CUT = 1
    NONE = 2


class Item(Struct, frozen=True, gc=False):
    """One entry, encoded for each of `Words`; the same bytes where nothing is cut."""

    encoded: tuple[bytes, ...]
    spares: int
    """Bytes that the list loses without it once messages are cut; 0: it may not be left out."""


class Listing:
    """All entries of one rollout, in natural order of the clusters' names."""

    def __init__(self) -> None:
        self._book: Book | None = None
        self._items: dict[str, Item] = {}
        self._sizes = [0, 0, 0]

    def update(self, book: Book) -> None:
        """To what the book says now. A book that it has not seen yet is read as a whole."""
        changed = {name for step in book.steps for name in step.take_changed()}
        if book is not self._book:
            self._book, self._items, self._sizes = book, {}, [0, 0, 0]
            changed = {name for step in book.steps for name in step.members}
        joined = changed - self._items.keys()
        for cluster in changed:
            self._put(cluster, _item(book, cluster))
        if joined:
            self._items = {name: self._items[name] for name in sorted(self._items, key=natural_key)}

    def size(self, words: Words) -> int:
        """Bytes of the whole list."""
        return self._sizes[words] + 1 + max(1, len(self._items))

    def encoded(self, words: Words, hidden: Container[str] = ()) -> Raw:
        items = self._items.items()
        return Raw(b"[%b]" % b",".join(i.encoded[words] for name, i in items if name not in hidden))

    def left_out(self, excess: int, last: Container[str]) -> set[str]:
        """Whom to leave out to save so many bytes once messages are cut, if so many may be; first
        those that are not in `last`."""
        found: set[str] = set()
        for in_last in (False, True):
            for name, item in self._items.items():
                if excess <= 0:
                    return found
                if item.spares and (name in last) is in_last:
                    found.add(name)
                    excess -= item.spares
        return found

    def _put(self, cluster: str, item: Item | None) -> None:
        before = self._items.get(cluster)
        if before is not None:
            self._count(before, -1)
        if item is None:
            self._items.pop(cluster, None)
        else:
            self._items[cluster] = item
            self._count(item, 1)

    def _count(self, item: Item, by: int) -> None:
        for words in Words:
            self._sizes[words] += by * len(item.encoded[words])


def _item(book: Book, cluster: str) -> Item | None:
    """None: it is a member no more (a start that was taken back)."""
    found = (step.members.get(cluster) for step in book.steps)
    members = [member for member in found if member is not None]
    if not members:
        return None
    return item(entry(cluster, members))


def item(made: JsonObject) -> Item:
    whole = json.encode(made)
    if b'"message":' not in whole:
        return Item((whole, whole, whole), _spares(made, whole))
    shorter = [json.encode(cut(made, length)) for length in (SHORT, 0)]
    encoded = (whole, *(whole if each == whole else each for each in shorter))
    return Item(encoded, _spares(made, encoded[Words.CUT]))


def _spares(made: JsonObject, encoded: bytes) -> int:
    return len(encoded) + len(b",") if dispensable(made) else 0
