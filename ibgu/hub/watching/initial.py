"""Collects a list so far, from pages or from the first events of a watch."""

from typing import Generic, TypeVar

from ibgu.hub.decode import BadObject, HasMetadata, OnBad
from ibgu.hub.watching.store import Key, key_of
from ibgu.hub.watching.watch import Delete, Event, UndecodedObject, Upsert

T = TypeVar("T", bound=HasMetadata)


class InitialList(Generic[T]):
    """InitialList collects a list; `unread`: keys of objects that exist but did not decode."""

    def __init__(self) -> None:
        self.objects: dict[Key, T] = {}
        self.unread: set[Key] = set()

    def page(self, items: list[T]) -> None:
        self.objects.update((key_of(item), item) for item in items)

    def event(self, event: Event) -> None:
        """Applies an event: a streaming list may contain changes that happened while it ran."""
        if isinstance(event, Upsert):
            key = key_of(event.obj)
            self.objects[key] = event.obj
            self.unread.discard(key)
        elif isinstance(event, Delete):
            self.objects.pop(key_of(event.obj), None)
            self.unread.discard(key_of(event.obj))
        elif isinstance(event, UndecodedObject):
            self.objects.pop(key_of(event), None)
            self.unread.add(key_of(event))

    def noting(self, report: OnBad) -> OnBad:
        def note(bad: BadObject) -> None:
            self.unread.add(key_of(bad))
            report(bad)

        return note
