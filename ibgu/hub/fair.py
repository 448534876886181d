"""Who is next, when many owners want something done."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

A = TypeVar("A")


class FairQueue(Generic[A]):
    """Round robin between owners; first come, first served within one."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, deque[A]] = OrderedDict()

    def push(self, owner: str, item: A) -> None:
        self._owners.setdefault(owner, deque()).append(item)

    def pop(self) -> A | None:
        if not self._owners:
            return None
        owner, items = next(iter(self._owners.items()))
        item = items.popleft()
        if items:
            self._owners.move_to_end(owner)
        else:
            del self._owners[owner]
        return item

    def clear(self) -> None:
        self._owners.clear()
